"""Errors that cross from one process to another, as JSON."""

from __future__ import annotations

import traceback
from typing import Any

from insightv_bench import errors
from insightv_bench.errors import InsightvError
from insightv_bench.storage import first_line

Message = dict[str, Any]


class WorkerTraceback(Exception):
    """What Python said of an error in another process; the cause of the one that is raised here."""


def as_message(error: BaseException) -> Message:
    """An error as JSON; `from_message` makes it one again."""
    if isinstance(error, InsightvError):
        known = next(kind for kind in type(error).__mro__ if getattr(errors, kind.__name__, None) is kind)
        return {"kind": known.__name__, "fact": error.fact, "hint": error.hint}
    text = "".join(traceback.format_exception(error))
    return {"kind": "", "fact": f"{type(error).__name__}: {first_line(error)}", "traceback": text}


def from_message(message: Message, stage: str) -> Exception:
    """An error of ours as it was; any other as a RuntimeError with the traceback from over there as its cause."""
    if message["kind"]:
        error: Exception = getattr(errors, message["kind"])(message["fact"], message["hint"])
    else:
        error = RuntimeError(f"stage `{stage}` failed: {message['fact']}")
        error.__cause__ = WorkerTraceback("\n" + message["traceback"])
    return error
