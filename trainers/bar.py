"""How far a training is: a bar where there is a terminal, and in a log a line every minute."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from insightv_bench.stages import Context

SECONDS_BETWEEN_LINES = 60.0


class Bar:
    """The stage's bar, told the steps done in all."""

    def __init__(self, context: Context) -> None:
        self._progress, self._name, self._done = context.progress, context.stage.name, 0
        self._task: Any = None

    def __call__(self, done: int, total: int, rate: str) -> None:
        if self._task is None:
            self._task = self._progress.start(self._name, total)
            self._begun, self._said = (time.monotonic(), done), time.monotonic()
        self._progress.advance(self._task, done - self._done, rate or None)
        self._done = done
        if not self._progress.shows_bars and rate and time.monotonic() - self._said >= SECONDS_BETWEEN_LINES:
            self._said = time.monotonic()
            self._progress.say(f"{self._name}: step {done:,} of {total:,}, {rate}, {self._left(total)} left")

    def _left(self, total: int) -> timedelta:
        """Steps of an earlier run, which this one went on from, took it no time."""
        started, before = self._begun
        seconds = (time.monotonic() - started) / max(self._done - before, 1)
        return timedelta(seconds=round(seconds * (total - self._done)))

    def stop(self) -> None:
        if self._task is not None:
            self._progress.stop(self._task)
