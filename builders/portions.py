"""What works over blocks of rows share: models that are opened once, and how many questions are gone over at a time."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, Self

from insightv_bench.stages import Context

QUESTIONS_AT_ONCE = 1024
"""Rows are kept and written in such portions; a batch engine plans its batches within one."""


def at_once(context: Context) -> int:
    """More where a model is started for each portion, as vLLM's processor is."""
    return QUESTIONS_AT_ONCE * (16 if context.cluster else 1)


class OpenedOnce:
    """Open for one block and the next, as long as what holds its models is: a context manager."""

    def __init__(self, models: AbstractContextManager[Any]) -> None:
        self._models = models

    def __enter__(self) -> Self:
        self._models.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._models.__exit__(*error)
