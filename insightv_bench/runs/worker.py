"""A process of its own for stages: told on standard input which to run, it tells on standard output how they go.

Both ways it is one JSON object a line. The end of standard input is the end of the run, whatever brought it about, a
SIGKILL included: this process and those that it began then end at once. Nothing is lost by that which a killed run
would keep. `worker_pool.py` is the other side.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import threading
import time
from pathlib import Path

from rich.progress import TaskID

from insightv_bench.journal import Journal
from insightv_bench.lazy import load_function
from insightv_bench.plan import plan
from insightv_bench.settings import Recipe
from insightv_bench.stages import Context, Message, MessageWriter, Progress, as_message, hold, run_stage
from insightv_bench.storage import explain_disk

from .worker_pool import CHECK_TRAINING

SECONDS_BETWEEN_NEWS = 0.2


class RemoteProgress(Progress):
    """Bars or lines that the run shows: what happens is told a few times a second."""

    def __init__(self, tell: MessageWriter, bars: bool) -> None:
        self._tell, self._are_shown = tell, bars
        self._num_started = 0
        self._news: dict[TaskID, tuple[int, str | None]] = {}
        self._told_at: dict[TaskID, float] = {}

    @property
    def shows_bars(self) -> bool:
        return self._are_shown

    def say(self, text: str) -> None:
        self._tell(say=text)

    def start(self, description: str, total: int | None, has_lines: bool = True) -> TaskID:
        self._num_started += 1
        self._tell(bar=self._num_started, total=total, has_lines=has_lines)
        return TaskID(self._num_started)

    def advance(self, task: TaskID, amount: int = 1, rate: str | None = None) -> None:
        before, last_rate = self._news.get(task, (0, None))
        self._news[task] = (before + amount, last_rate if rate is None else rate)
        if time.monotonic() - self._told_at.get(task, 0.0) > SECONDS_BETWEEN_NEWS:
            self._tell_news(task)

    def stop(self, task: TaskID) -> None:
        self._tell_news(task)
        self._tell(bar=task, stop=True)

    def _tell_news(self, task: TaskID) -> None:
        amount, rate = self._news.pop(task, (0, None))
        self._told_at[task] = time.monotonic()
        self._tell(bar=task, advance=amount, rate=rate)


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the run says when to stop
    # Both pipes, out of the way of libraries that read or print; a forked process must find no lock on them either.
    source, tell = os.dup(0), MessageWriter(os.dup(1))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    jobs: queue.Queue[Message] = queue.Queue()
    threading.Thread(target=_listen, args=(source, jobs), daemon=True).start()
    try:
        _work(jobs, tell)
    except BrokenPipeError:
        _end()


def _listen(source: int, jobs: queue.Queue[Message]) -> None:
    rest = b""
    while chunk := os.read(source, 1 << 16):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            jobs.put(json.loads(line))
    _end()


def _end() -> None:
    """With all processes that this one began: a training has one that decodes images."""
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(0)


def _work(jobs: queue.Queue[Message], tell: MessageWriter) -> None:
    hello = jobs.get()
    recipe, folder = Recipe.model_validate(hello["recipe"]), Path(hello["folder"])
    _lock = hold(Path(hello["lock"]), timeout_s=10)  # until the very end: a run that goes on waits for it
    stages = {stage.name: stage for stage in plan(recipe)}
    journal, progress = Journal(Path(hello["journal"])), RemoteProgress(tell, hello["bars"])
    while True:
        job = jobs.get()
        try:
            if "check" in job:
                load_function(CHECK_TRAINING)([stages[name] for name in job["check"]])
            else:
                inputs = {role: Path(place) for role, place in job["inputs"].items()}
                stage = stages[job["stage"]]
                run_stage(stage, Context(stage, Path(job["folder"]), inputs, journal, progress, recipe.seed, recipe))
        except Exception as error:  # noqa: BLE001 - it is told, and raised by the run
            tell(failed=as_message(explain_disk(error, folder) or error))
        else:
            tell(done=True)


if __name__ == "__main__":
    main()
