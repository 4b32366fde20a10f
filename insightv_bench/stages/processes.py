"""Processes that a run begins, for its stages, for a training, over a cluster: how they tell what happens, how an error
crosses to the run, and how each side knows that the other lives.

A message is one JSON object on a line of its own. A process holds a lock to its very end, so that a run that goes on
after a kill can wait for what is left of the one before.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from insightv_bench import errors
from insightv_bench.environment import FOR_TORCH, UNWATCHED
from insightv_bench.errors import InsightvError, RunError
from insightv_bench.storage import first_line

Message = dict[str, Any]
WHOLE_BYTES = 4000
"""Less than a pipe takes at once (4,096): several processes may write to the same one, and no line may be torn."""
SECONDS_TO_END = 30
"""How long a process of a killed run may take to notice it; it is a moment unless the machine is very busy."""


class WorkerTraceback(Exception):
    """What Python said of an error in another process; the cause of the one that is raised here."""


def as_message(error: BaseException) -> Message:
    """An error as JSON that fits into a pipe whole, of a long traceback the end; `from_message` makes it one again."""
    if isinstance(error, InsightvError):
        known = next(kind for kind in type(error).__mro__ if getattr(errors, kind.__name__, None) is kind)
        message = {"kind": known.__name__, "fact": error.fact, "hint": error.hint}
    else:
        text = "".join(traceback.format_exception(error))
        message = {"kind": "", "fact": f"{type(error).__name__}: {first_line(error)}", "traceback": text}
    for part in ("traceback", "fact"):
        over = len(json.dumps(message)) - WHOLE_BYTES
        if over > 0 and part in message:
            message[part] = message[part][over:] if part == "traceback" else message[part][:-over]
    return message


def from_message(message: Message, stage: str) -> Exception:
    """An error of ours as it was; any other as a RuntimeError with the traceback from over there as its cause."""
    if message["kind"]:
        error: Exception = getattr(errors, message["kind"])(message["fact"], message["hint"])
    else:
        error = RuntimeError(f"stage `{stage}` failed: {message['fact']}")
        error.__cause__ = WorkerTraceback("\n" + message["traceback"])
    return error


class MessageWriter:
    """The way to the run, by a file descriptor that other output may go to as well. Threads may share it."""

    def __init__(self, target: int) -> None:
        self._target, self._lock = target, threading.Lock()

    def __call__(self, **message: Any) -> None:
        line = f"\n{json.dumps(message)}\n".encode()  # on its own, whatever was printed before it without an end
        with self._lock:
            while line:
                line = line[os.write(self._target, line) :]


def read_message(line: str) -> Message | None:
    """None for a line of other output."""
    try:
        message = json.loads(line)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None


def child_environment() -> dict[str, str]:
    """The environment of a process that is to import what this one does."""
    return {**UNWATCHED, **FOR_TORCH, **os.environ, "PYTHONPATH": os.pathsep.join(place for place in sys.path if place)}


def hold(file: Path, timeout_s: float) -> FileLock:
    """A lock that this process keeps as long as the returned object, at most to its end."""
    lock = FileLock(file)
    lock.acquire(timeout=timeout_s)
    return lock


def is_held(file: Path) -> bool:
    """By any process."""
    try:
        FileLock(file).acquire(timeout=0).lock.release()
    except Timeout:
        return True
    return False


def wait_for_orphans(folder: Path, locks: str) -> None:
    """Until the processes of a killed run have ended, each of which holds one of `locks`. RunError if they do not."""
    for file in sorted(folder.glob(locks)):
        try:
            FileLock(file).acquire(timeout=SECONDS_TO_END).lock.release()
        except Timeout:
            raise RunError(f"a process of an earlier run still works in `{folder}`", "wait for it, or end it") from None
