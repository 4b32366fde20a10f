"""The content of one chart, and the split it belongs to.

A scene's split is a function of its content. So train, validation and test scenes are disjoint by construction,
for every seed and size, and nobody has to keep a list.
"""

from __future__ import annotations

import hashlib
import json
import random
from typing import Literal, NamedTuple

from .level import COLOURS, Level

Split = Literal["train", "validation", "test"]
SHARES: dict[Split, range] = {"test": range(2), "validation": range(2, 3), "train": range(3, 10)}  # of ten


class Bar(NamedTuple):
    colour: str
    value: int
    slot: int


class Scene(NamedTuple):
    """Bars from left to right."""

    bars: tuple[Bar, ...]
    noise_seed: int

    @property
    def values(self) -> dict[str, int]:
        return {bar.colour: bar.value for bar in self.bars}


def split_of(bars: tuple[Bar, ...]) -> Split:
    """The split of this content. Places and noise do not count: one chart drawn twice is in one split."""
    content = json.dumps([[bar.colour, bar.value] for bar in bars]).encode()
    digit = int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "big") % 10
    return next(split for split, digits in SHARES.items() if digit in digits)


def sample_scene(random_: random.Random, level: Level, split: Split) -> Scene:
    """One scene of `split`, by rejection: at most a few tries in ten are wasted."""
    while True:
        num_bars = random_.randint(level.min_bars, min(level.max_bars, level.num_slots))
        colours = random_.sample(list(COLOURS), num_bars)
        slots = sorted(random_.sample(range(level.num_slots), num_bars))
        bars = tuple(
            Bar(colour, random_.randint(1, level.max_value), slot) for colour, slot in zip(colours, slots, strict=True)
        )
        if split_of(bars) == split:
            return Scene(bars, random_.getrandbits(32))


def scene_to_json(scene: Scene) -> str:
    return json.dumps({"bars": [list(bar) for bar in scene.bars], "noise_seed": scene.noise_seed})


def scene_from_json(text: str) -> Scene:
    """Raises ValueError on anything that `scene_to_json` did not write."""
    try:
        content = json.loads(text)
        return Scene(tuple(Bar(*bar) for bar in content["bars"]), content["noise_seed"])
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a scene of the drawn world: `{text:.80}`") from error
