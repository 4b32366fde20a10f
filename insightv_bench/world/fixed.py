"""The public test sets of the drawn world: one a level, the same for everyone; and fresh ones that no one has seen."""

from __future__ import annotations

from collections.abc import Iterator

from insightv_bench.records import Question

from .level import Level, LevelName
from .questions import VERSION, sample_questions

NUM_TEST = 500
SEED = 20260
"""The public sets' own seed."""


def fresh_level(name: LevelName, fresh_seed: int | None) -> Level:
    """The level; with a fresh seed under another name, so that its questions and its scores are another set's."""
    return Level(level=name) if fresh_seed is None else Level(level=name, name=f"{name}-fresh-{fresh_seed}")


def fixed_questions(name: LevelName, fresh_seed: int | None = None, num: int = NUM_TEST) -> Iterator[Question]:
    """The level's public test set, or a fresh one of the same make."""
    return sample_questions(fresh_level(name, fresh_seed), "test", SEED, num)


def fixed_version(name: LevelName, fresh_seed: int | None = None) -> str:
    """Scores compare only over the same version of the same set."""
    return VERSION if fresh_seed is None else f"{VERSION}-fresh-{fresh_seed}"
