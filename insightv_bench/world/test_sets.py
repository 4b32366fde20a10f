"""The public test sets of the drawn world: one a level, the same for everyone; and fresh ones that no one has seen."""

from __future__ import annotations

from functools import lru_cache

from insightv_bench.records import Question

from .level import Level, LevelName
from .questions import VERSION, sample_questions

NUM_TEST = 500
SEED = 20260
"""The public sets' own seed."""


def fresh_level(name: LevelName, fresh_seed: int | None) -> Level:
    """The level; with a fresh seed under another name, so that its questions and its scores are another set's."""
    return Level(level=name) if fresh_seed is None else Level(level=name, name=f"{name}-fresh-{fresh_seed}")


@lru_cache(maxsize=4)
def fixed_questions(name: LevelName, fresh_seed: int | None = None, num: int = NUM_TEST) -> tuple[Question, ...]:
    """The level's public test set, or a fresh one of the same make; a smaller `num` gives the first of them.

    Kept, since several tasks of one run ask the same set: it takes up to 15 MB.
    """
    return tuple(sample_questions(fresh_level(name, fresh_seed), "test", SEED, num))


def fixed_version(fresh_seed: int | None = None, num: int = NUM_TEST) -> str:
    """Scores compare only over the same version of the same set."""
    fresh = "" if fresh_seed is None else f"-fresh-{fresh_seed}"
    return VERSION + fresh + ("" if num == NUM_TEST else f"-first-{num}")
