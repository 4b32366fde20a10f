"""What the processes of a launch wrote last, for the message when one of them has failed without telling why."""

from __future__ import annotations

from collections import deque

LINES_KEPT = 15
KILLED = "(SIGKILL)"  # torchrun's word
LAUNCHER = "torch/distributed/elastic"
"""In torchrun's own words about a process that has failed, a page of them, in which nothing says why."""


class LastWords:
    """The last lines before torchrun's own."""

    def __init__(self) -> None:
        self._lines, self._is_over, self.is_killed = deque[str](maxlen=LINES_KEPT), False, False

    def add(self, line: str) -> None:
        self._is_over = self._is_over or LAUNCHER in line
        self.is_killed = self.is_killed or KILLED in line
        if line.strip() and not self._is_over:
            self._lines.append(line.rstrip())

    def __str__(self) -> str:
        return " | ".join(self._lines) or "it said nothing"
