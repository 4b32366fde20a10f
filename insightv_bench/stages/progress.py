"""A bar with rate and time left for long work.

Where there is no terminal (a log, CI), each finished stage is one line, and long work says a line a minute.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

T = TypeVar("T")
SECONDS_A_LINE = 60
"""Between two lines on long work where there is no terminal."""


class Progress:
    """Bars on standard error, so that standard output stays for results."""

    def __init__(self, console: Console | None = None, seconds_a_line: float = SECONDS_A_LINE) -> None:
        self.console = console or Console(file=sys.stderr)  # this stream, whatever is put in its place later
        self._seconds_a_line = seconds_a_line
        self._told_at: dict[TaskID, float] = {}
        self._bars = Bars(
            TextColumn("{task.description:<22}"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
        )

    def __enter__(self) -> Progress:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    @property
    def shows_bars(self) -> bool:
        return self.console.is_terminal

    def say(self, text: str) -> None:
        self._bars.console.print(text, highlight=False, markup=False)

    def start(self, description: str, total: int | None, has_lines: bool = True) -> TaskID:
        """`has_lines`: false for work that says its own where there is no terminal."""
        task = self._bars.add_task(description, total=total, rate="")
        self._told_at[task] = time.monotonic() if has_lines else math.inf
        return task

    def advance(self, task: TaskID, amount: int = 1, rate: str | None = None) -> None:
        self._bars.update(task, advance=amount)
        if rate is not None:
            self._bars.update(task, rate=rate)
        if not self.shows_bars and time.monotonic() - self._told_at[task] >= self._seconds_a_line:
            self._told_at[task] = time.monotonic()
            self.say(self._line(task))

    def _line(self, task: TaskID) -> str:
        bar = next(each for each in self._bars.tasks if each.id == task)
        of = f" of {bar.total:,.0f}" if bar.total is not None else ""
        return ", ".join(filter(None, (f"  {bar.description}: {bar.completed:,.0f}{of}", bar.fields["rate"])))

    def stop(self, task: TaskID) -> None:
        self._bars.remove_task(task)

    def track(self, rows: Iterable[T], description: str, total: int | None) -> Iterator[T]:
        task = self.start(description, total)
        try:
            for row in rows:
                yield row
                self.advance(task)
        finally:
            self.stop(task)
