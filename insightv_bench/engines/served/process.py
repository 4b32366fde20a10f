"""A server's process, behind its keeper; and what an earlier run that was killed may have left of one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from insightv_bench.errors import RunError

from . import keeper
from .keeper import SECONDS_TO_END, started_at

LINES_TOLD, TAIL_BYTES = 8, 16_384
SECONDS_AFTER_KILL = 20.0


class Process:
    """One server, begun at once."""

    def __init__(self, command: Sequence[str], file: Path) -> None:
        """`file`: tells its processes, in the run's folder; beside it lies its log."""
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file, self.log = file, file.with_suffix(".log")
        self._keeper = subprocess.Popen(
            [sys.executable, "-I", keeper.__file__, str(file.absolute()), str(self.log.absolute()), *command],
            stdin=subprocess.PIPE,
            process_group=0,  # a Ctrl-C is for the run, which then stops it
        )

    @property
    def is_over(self) -> bool:
        return self._keeper.poll() is not None

    def stop(self) -> None:
        """Once it returns, the server and all that it began have ended."""
        assert self._keeper.stdin
        with suppress(BrokenPipeError):
            self._keeper.stdin.close()
        try:
            self._keeper.wait(SECONDS_TO_END + SECONDS_AFTER_KILL)
        except subprocess.TimeoutExpired:
            os.killpg(self._keeper.pid, signal.SIGKILL)
            self._keeper.wait()
        self._file.unlink(missing_ok=True)

    def last_words(self) -> str:
        """The end of what it wrote, on one line."""
        with suppress(OSError), self.log.open("rb") as log:
            log.seek(max(0, self.log.stat().st_size - TAIL_BYTES))
            lines = [line.strip() for line in log.read().decode("utf-8", "replace").splitlines() if line.strip()]
            return " | ".join(lines[-LINES_TOLD:])
        return ""


def end_left_over(folder: Path) -> int:
    """End the servers that `folder`'s files tell of, and nobody else's: how many there were.

    A pid is taken for a process of ours only where the time that it began is the one that was written down. Raises
    RunError for one that does not end.
    """
    num = 0
    for file in sorted(folder.glob("*.json")):
        known = _read(file)
        group, alive = known.get("keeper"), [role for role in ("keeper", "server") if _is_ours(known, role)]
        if alive and isinstance(group, int):
            num += 1
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(group, signal.SIGKILL)
            deadline = time.monotonic() + SECONDS_AFTER_KILL
            while any(_is_ours(known, role) for role in alive):
                if time.monotonic() > deadline:
                    raise RunError(
                        f"a server that an earlier run began does not end (pid {known['server']})", f"see {file}"
                    )
                time.sleep(0.05)
        file.unlink(missing_ok=True)
    return num


def _read(file: Path) -> dict[str, Any]:
    try:
        known = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _is_ours(known: dict[str, Any], role: str) -> bool:
    """Whether the process is the one that was written down, in the group that its keeper leads."""
    pid, began = known.get(role), known.get(f"{role}_started")
    if not isinstance(pid, int) or pid <= 1 or not began or started_at(pid) != began:
        return False
    try:
        return os.getpgid(pid) == known.get("keeper")
    except ProcessLookupError:
        return False
