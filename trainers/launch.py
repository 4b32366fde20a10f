"""A training in this process, or in several by `accelerate launch`; its figures and card come back to the stage.

The processes are told their job in a file and tell how it goes on standard output, one JSON object a line. They hold on
to nothing of this one but a lock: once it is dead, by SIGKILL or otherwise, they end too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from filelock import FileLock

from insightv_bench.errors import StageError
from insightv_bench.runs import wait_for_orphans
from insightv_bench.stages import Context, from_message

from .bar import Bar
from .data import keep_rows
from .errors import explained_memory, explained_pictures, what_to_turn
from .job import Job, write_job
from .last_words import LastWords
from .machine import launch_config
from .options import FORCE_CPU
from .report import draw_curves, write_card

ALIVE, JOBS, LOCKS = "alive.lock", "job-*.json", "process-*.lock"
"""Held while the run lives; the job of each launch, whose file is gone once another launch has begun; held by each
process to its end."""


def train(context: Context, job: Job) -> None:
    """Decide on the rows, train, and leave model, card and curves in the stage's folder."""
    with _device(job):
        keep_rows(job, context)
        found = _launched(context, job) if job.settings.launch else _here(context, job)
    context.totals.update(found)
    draw_curves(context.folder)
    write_card(context, job)


@contextmanager
def _device(job: Job) -> Iterator[None]:
    """`device: cpu` for everything that asks which device there is."""
    forced = {FORCE_CPU: "1"} if job.settings.device == "cpu" else {}
    os.environ.update(forced)
    try:
        yield
    finally:
        for name in forced:
            os.environ.pop(name, None)


def train_job(job: Job, show: Any) -> dict[str, Any]:
    """Raises StageError where memory does not suffice or a picture cannot be read."""
    from .dpo import train_dpo
    from .sft import train_sft

    with explained_memory(job), explained_pictures(job):
        return (train_dpo if job.is_dpo else train_sft)(job, show)


def _here(context: Context, job: Job) -> dict[str, Any]:
    bar = Bar(context)
    try:
        return train_job(job, bar)
    finally:
        bar.stop()


def _launched(context: Context, job: Job) -> dict[str, Any]:
    file = _tell_job(job)
    with (
        FileLock(job.checkpoints / ALIVE).acquire(timeout=60),
        subprocess.Popen(
            command(job, file),
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


def _tell_job(job: Job) -> Path:
    """The job's file, once no process of an earlier launch works on it: two would write the same checkpoints."""
    job.checkpoints.mkdir(parents=True, exist_ok=True)
    for earlier in job.checkpoints.glob(JOBS):
        earlier.unlink()
    wait_for_orphans(job.checkpoints, LOCKS)
    file = job.checkpoints / JOBS.replace("*", uuid4().hex[:12])
    write_job(job, file)
    return file


def command(job: Job, file: Path) -> list[str]:
    launch = job.settings.launch
    assert launch is not None
    options = ["--config_file", str(launch_config(launch.config)), "--num_processes", str(launch.num_processes)]
    port = ["--main_process_port", "0"]  # a free one
    module = ["-m", "insightv_bench.trainers.worker", str(file)]
    return [sys.executable, "-m", "accelerate.commands.launch", *options, *port, *module]


def environment(job: Job) -> dict[str, str]:
    paths = os.pathsep.join(place for place in sys.path if place)
    cpu = {"ACCELERATE_USE_CPU": "true", FORCE_CPU: "1"} if job.settings.launch_on_cpu else {}
    return {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": str(job.threads), **cpu}


def _follow(process: subprocess.Popen[str], context: Context, job: Job) -> dict[str, Any]:
    """The figures of the training. Raises what stopped it."""
    assert process.stdout
    bar, last, found = Bar(context), LastWords(), None
    for line in process.stdout:
        message = _read(line)
        if message is None:
            last.add(line)
        elif "failed" in message:
            raise from_message(message["failed"], context.stage.name)
        elif "figures" in message:
            found = message["figures"]
        else:
            bar(*message["step"])
    bar.stop()
    if process.wait() or found is None:
        hint = what_to_turn(job) if last.is_killed else ""  # by the system, which has no memory left
        raise StageError(f"`{job.name}`: `accelerate launch` ended with code {process.returncode}: {last}", hint)
    return found


def _read(line: str) -> dict[str, Any] | None:
    try:
        message = json.loads(line)
    except ValueError:
        return None
    return message if isinstance(message, dict) and message.keys() & {"failed", "figures", "step"} else None


def lock_file(job_file: Path) -> Path:
    return job_file.parent / ALIVE


def own_lock(job_file: Path, rank: str) -> Path:
    return job_file.parent / LOCKS.replace("*", rank)
