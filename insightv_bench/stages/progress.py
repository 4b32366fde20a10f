"""A bar with rate and time left for long work; quiet when not a terminal.

Where there is no terminal (a log, CI), each finished stage is one line, and a training tells once a minute how far it
is.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

T = TypeVar("T")


class Progress:
    """Bars on standard error, so that standard output stays for results."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(file=sys.stderr)  # this stream, whatever is put in its place later
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

    def start(self, description: str, total: int | None) -> TaskID:
        return self._bars.add_task(description, total=total, rate="")

    def advance(self, task: TaskID, amount: int = 1, rate: str | None = None) -> None:
        self._bars.update(task, advance=amount)
        if rate is not None:
            self._bars.update(task, rate=rate)

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
