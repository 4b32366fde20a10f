"""Several stages at once, each in a process of its own, as soon as its inputs are there.

The order is the plan's wherever it could show: two stages that ask one model in one way keep it, as a reply that one
has paid for is given to the other and changes the batches that it makes. So one worker or several end in the same rows
and weights. `worker.py` is what runs in such a process. Which stages there are, and where, is `run.py`'s affair.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from rich.progress import TaskID

from insightv_bench.engines import public
from insightv_bench.errors import RunError
from insightv_bench.settings import ModelEngine, Recipe, Sampling
from insightv_bench.stages import (
    Message,
    Progress,
    Stage,
    child_environment,
    from_message,
    is_whole,
    read_manifest,
    read_message,
)

LOCKS = ".worker-*.lock"
SHORT = "what it said stands above; if memory is short, run the same command with `--workers 1`"
CHECK = "check of trainer options"
CHECK_TRAINING = "trainers.options.trl:check_stages"


def next_stage(stages: Sequence[Stage], done: set[str], running: set[str]) -> Stage | None:
    """The first stage that may begin now."""
    asked_before: set[tuple[str, str]] = set()
    for stage in stages:
        if stage.name in done:
            continue
        asked = asks(stage)
        if stage.name not in running and done.issuperset(stage.inputs.values()) and not asked & asked_before:
            return stage
        asked_before |= asked
    return None


def asks(stage: Stage) -> set[tuple[str, str]]:
    """Model and sampling of all calls that a stage may make. The teacher's depend on nothing but the request."""
    parts = [*_parts(stage.settings), *_parts(stage.options)]
    models = {part.model for part in parts if isinstance(part, ModelEngine)}
    samplings = {part.fingerprint() for part in parts if isinstance(part, Sampling)} or {""}
    return {(model, sampling) for model in models for sampling in samplings}


def _parts(value: object) -> Iterator[BaseModel]:
    if isinstance(value, BaseModel):
        yield value
        value = [getattr(value, name) for name in type(value).model_fields]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for part in value:
            yield from _parts(part)


def finished_line(place: str, name: str, seconds: float, manifest: Message) -> str:
    dropped = f", {manifest['num_dropped']:,} dropped" if manifest["num_dropped"] else ""
    # The kinds of which a corpus asked for more rows than there are.
    has, wanted = manifest["totals"].get("kinds", {}), manifest["totals"].get("wanted", {})
    short = [f"{kind} {has.get(kind, 0):,} of {num:,}" for kind, num in wanted.items() if has.get(kind, 0) < num]
    lacking = f", short of {', '.join(short)}" if short else ""
    # A stage is named by its place in the recipe, which is `teacher` whoever is asked there.
    model = public(manifest["totals"].get("model", ""))
    rows = f"{manifest['num_rows']:,} rows{dropped}{lacking}{model and f', by {model}'}" if manifest["num_rows"] else ""
    return f"{place:>6} {name:<22} {seconds:7.1f} s  {rows}".rstrip()


class Worker:
    """One process, and what it is at."""

    def __init__(self, hello: Message, events: queue.Queue[tuple[Worker, Message | None]]) -> None:
        self.job = ""
        self.started = 0.0
        self.bars: dict[int, TaskID] = {}
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "insightv_bench.runs.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env=child_environment(),
            process_group=0,  # a Ctrl-C is for the run, which then ends this group with all that it began
        )
        self._threads = [
            threading.Thread(target=work, args=(events,), daemon=True) for work in (self._listen, self._watch)
        ]
        for thread in self._threads:
            thread.start()
        self._tell(hello)

    def give(self, job: str, **message: Any) -> None:
        self.job, self.started = job, time.monotonic()
        self._tell(message)

    def _tell(self, message: Message) -> None:
        assert self._process.stdin
        with suppress(BrokenPipeError):  # that it has ended is heard from `_watch`
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()

    def _listen(self, events: queue.Queue[tuple[Worker, Message | None]]) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            if message := read_message(line):
                events.put((self, message))

    def _watch(self, events: queue.Queue[tuple[Worker, Message | None]]) -> None:
        self._process.wait()
        events.put((self, None))

    def end_of(self) -> str:
        code = self._process.wait()
        return f"signal {-code} ({signal.Signals(-code).name})" if code < 0 else f"exit code {code}"

    def stop(self) -> None:
        """At once, with the processes that it began. What a stage has kept is kept; the rest is made again."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for thread in self._threads:
            thread.join()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream
            with suppress(BrokenPipeError):
                stream.close()


class Crew:
    """At most `recipe.workers` workers, kept over stages, since torch takes seconds to import. A context manager."""

    def __init__(
        self, recipe: Recipe, stages: Sequence[Stage], folders: dict[str, Path], journal: Path, progress: Progress
    ) -> None:
        self._recipe, self._stages, self._folders, self._progress = recipe, stages, folders, progress
        self._done = {stage.name for stage in stages if is_whole(folders[stage.name])}
        self._places = {stage.name: f"{number}/{len(stages)}" for number, stage in enumerate(stages, 1)}
        self._workers: list[Worker] = []
        self._num_started = 0
        self._events: queue.Queue[tuple[Worker, Message | None]] = queue.Queue()
        self._failure: Exception | None = None
        self._folder = journal.parent
        self._hello: Message = {
            "recipe": recipe.model_dump(mode="json", exclude_unset=True),  # what it names counts, not its value alone
            "folder": str(self._folder),
            "journal": str(journal),
            "bars": progress.shows_bars,
        }

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.stop()

    def run(self, check: Sequence[str]) -> None:
        """All stages that are not whole; first the trainer options of the stages named in `check`.

        An error of one stage lets the others under way come to their end, and is then raised.
        """
        if check:
            self._start().give(CHECK, check=list(check))
            self._hear_until_idle()
        while not self._failure:
            self._give_out()
            if not self._busy():
                return
            self._hear()
        self._hear_until_idle()
        raise self._failure

    def _busy(self) -> dict[str, Worker]:
        return {worker.job: worker for worker in self._workers if worker.job}

    def _give_out(self) -> None:
        while stage := next_stage(self._stages, self._done, set(self._busy())):
            idle = [worker for worker in self._workers if not worker.job]
            if not idle and len(self._workers) == self._recipe.workers:
                return
            worker = idle[0] if idle else self._start()
            inputs = {role: str(self._folders[name]) for role, name in stage.inputs.items()}
            worker.give(stage.name, stage=stage.name, folder=str(self._folders[stage.name]), inputs=inputs)

    def _start(self) -> Worker:
        self._num_started += 1
        lock = self._folder / LOCKS.replace("*", str(self._num_started))
        worker = Worker({**self._hello, "lock": str(lock)}, self._events)
        self._workers.append(worker)
        return worker

    def _hear_until_idle(self) -> None:
        while self._busy():
            self._hear()

    def _hear(self) -> None:
        worker, message = self._events.get()
        match message:
            case None:
                worker.stop()
                self._workers.remove(worker)
                if worker.job:
                    fact = f"the process of stage `{worker.job}` ended with {worker.end_of()}"
                    self._fail(worker, RunError(fact, SHORT))
            case {"say": text}:
                self._progress.say(text)
            case {"bar": bar}:
                self._draw(worker, bar, message)
            case {"failed": error}:
                self._fail(worker, from_message(error, worker.job))
            case {"done": True}:
                self._finish(worker)

    def _draw(self, worker: Worker, bar: int, news: Message) -> None:
        if "total" in news:
            worker.bars[bar] = self._progress.start(worker.job, news["total"], news["has_lines"])
        elif "advance" in news:
            self._progress.advance(worker.bars[bar], news["advance"], news["rate"])
        else:
            self._progress.stop(worker.bars.pop(bar))

    def _finish(self, worker: Worker) -> None:
        name = self._end_job(worker)
        if name == CHECK:
            return
        self._done.add(name)
        seconds, manifest = time.monotonic() - worker.started, read_manifest(self._folders[name])
        self._progress.say(finished_line(self._places[name], name, seconds, manifest))

    def _fail(self, worker: Worker, error: Exception) -> None:
        name = self._end_job(worker)
        if self._failure:
            self._progress.say(f"stage `{name}` failed too: {error}")
            return
        self._failure = error
        if others := ", ".join(f"`{other}`" for other in self._busy()):
            self._progress.say(f"stage `{name}` failed; {others} will be finished first")

    def _end_job(self, worker: Worker) -> str:
        for task in worker.bars.values():
            self._progress.stop(task)
        name, worker.job, worker.bars = worker.job, "", {}
        return name
