"""Scenes of charts for the tests of levels."""

from __future__ import annotations

import random

from insightv_bench.world import Level, Scene
from insightv_bench.world.scene import sample_scene

FULL = Level(level="full")  # type: ignore[call-arg]


def scenes(num: int, seed: int = 0, level: Level = FULL) -> list[Scene]:
    random_ = random.Random(seed)
    return [sample_scene(random_, level, "train") for _ in range(num)]
