"""A training in several processes, by `accelerate launch`; its figures come back to the stage.

The processes are told their job in a file and tell how it goes on standard output, one JSON object a line. They hold on
to nothing of this one but a lock: once it is dead, by SIGKILL or otherwise, they end too.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections import deque
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from filelock import FileLock

from insightv_bench.errors import StageError
from insightv_bench.settings import LaunchSettings
from insightv_bench.stages import Context, child_environment, from_message, read_message, wait_for_orphans

from .errors import what_to_turn
from .job import Job, write_job
from .machine import launch_config
from .options import FORCE_CPU

ALIVE, JOBS, LOCKS = "alive.lock", "job-*.json", "process-*.lock"
"""Held while the run lives; the job of each launch, whose file is gone once another launch has begun; held by each
process to its end."""
SECONDS_BETWEEN_LINES = 60.0
LINES_KEPT = 15
KILLED = "(SIGKILL)"  # torchrun's word
LAUNCHER = "torch/distributed/elastic"
"""In torchrun's own words about a process that has failed, a page of them, in which nothing says why."""


def train_launched(context: Context, job: Job[Any]) -> dict[str, Any]:
    """The figures of the training. Raises what stopped it."""
    if job.settings.launch is None:
        raise TypeError(f"`{job.name}` is not to be launched")
    file = announce(job)
    with (
        FileLock(job.checkpoints / ALIVE).acquire(timeout=60),
        subprocess.Popen(
            command(job.settings.launch, file),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=environment(job),
        ) as process,
    ):
        try:
            return _follow(process, context, job)
        finally:
            process.terminate()


def announce(job: Job[Any]) -> Path:
    """The job's file, once no process of an earlier launch works on it: two would write the same checkpoints."""
    job.checkpoints.mkdir(parents=True, exist_ok=True)
    for earlier in job.checkpoints.glob(JOBS):
        earlier.unlink()
    wait_for_orphans(job.checkpoints, LOCKS)
    file = job.checkpoints / JOBS.replace("*", uuid4().hex[:12])
    write_job(job, file)
    return file


def command(launch: LaunchSettings, file: Path) -> list[str]:
    options = ["--config_file", str(launch_config(launch.config)), "--num_processes", str(launch.num_processes)]
    port = ["--main_process_port", "0"]  # a free one
    module = ["-m", "insightv_bench.trainers.worker", str(file)]
    return [sys.executable, "-m", "accelerate.commands.launch", *options, *port, *module]


def environment(job: Job[Any]) -> dict[str, str]:
    cpu = {"ACCELERATE_USE_CPU": "true", FORCE_CPU: "1"} if job.settings.launch_on_cpu else {}
    return {**child_environment(), "OMP_NUM_THREADS": str(job.threads), **cpu}


def _follow(process: subprocess.Popen[str], context: Context, job: Job[Any]) -> dict[str, Any]:
    figures, output = None, OutputTail()
    with closing(StepBar(context)) as bar:
        for line in process.stdout or ():
            message = read_message(line)
            if message is None or not message.keys() & {"failed", "figures", "step"}:
                output.add(line)
            elif "failed" in message:
                raise from_message(message["failed"], context.stage.name)
            elif "figures" in message:
                figures = message["figures"]
            else:
                bar(*message["step"])
    if process.wait() or figures is None:
        hint = what_to_turn(job) if output.is_killed else ""  # by the system, which has no memory left
        raise StageError(f"`{job.name}`: `accelerate launch` ended with code {process.returncode}: {output}", hint)
    return figures


class OutputTail:
    """The last lines that the processes wrote before torchrun's own, for when one has failed without telling why."""

    def __init__(self) -> None:
        self._lines, self._is_over, self.is_killed = deque[str](maxlen=LINES_KEPT), False, False

    def add(self, line: str) -> None:
        self._is_over = self._is_over or LAUNCHER in line
        self.is_killed = self.is_killed or KILLED in line
        if line.strip() and not self._is_over:
            self._lines.append(line.rstrip())

    def __str__(self) -> str:
        return " | ".join(self._lines) or "it said nothing"


class StepBar:
    """How far a training is: the stage's bar, told the steps done in all, and in a log a line every minute."""

    def __init__(self, context: Context) -> None:
        self._progress, self._name, self._done = context.progress, context.stage.name, 0
        self._task: Any = None

    def __call__(self, done: int, total: int, rate: str) -> None:
        now = time.monotonic()
        if self._task is None:
            self._task = self._progress.start(self._name, total, False)
            self._began, self._done_before, self._last_line = now, done, now
        self._progress.advance(self._task, done - self._done, rate or None)
        self._done = done
        if not self._progress.shows_bars and rate and now - self._last_line >= SECONDS_BETWEEN_LINES:
            self._last_line = now
            # Steps of an earlier run, which this one went on from, took it no time.
            seconds = (now - self._began) / max(done - self._done_before, 1) * (total - done)
            left = timedelta(seconds=round(seconds))
            self._progress.say(f"{self._name}: step {done:,} of {total:,}, {rate}, {left} left")

    def close(self) -> None:
        if self._task is not None:
            self._progress.stop(self._task)
