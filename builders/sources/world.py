"""Questions of the drawn world."""

from __future__ import annotations

from collections.abc import Iterator

from insightv_bench.records import Question
from insightv_bench.settings import WorldSource
from insightv_bench.world import Level, sample_questions


def read_world(source: WorldSource, level: Level, seed: int) -> Iterator[Question]:
    own = source.seed if source.fixed else seed * 1000 + source.seed
    return sample_questions(level, source.split, own, source.num)
