"""The content of one chart, and the split it belongs to.

A scene's split is a function of its content. So train, validation and test scenes are disjoint by construction,
for every seed and size, and nobody has to keep a list.
"""

from __future__ import annotations

import hashlib
import json
import random
from typing import Literal, NamedTuple

from .level import COLOURS, Chart, Level
from .topics import TOPICS

Split = Literal["train", "validation", "test"]
SHARES: dict[Split, range] = {"test": range(2), "validation": range(2, 3), "train": range(3, 10)}  # of ten


TOPS = (10, 20, 50, 99)
"""Charts differ in how high they go."""
MIN_SLICE = 0.04
"""Of a pie: a thinner slice has no room for its value."""


class Bar(NamedTuple):
    colour: str
    """What the bar is called by: its colour, or in a chart its label."""
    value: int
    slot: int


class Scene(NamedTuple):
    """Bars from left to right; of another chart its points, slices or rows, in order."""

    bars: tuple[Bar, ...]
    noise_seed: int
    """Also of a chart's style: size, fonts, colours, grid, legend."""
    chart: Chart | Literal[""] = ""
    """Empty: plain coloured bars."""
    topic: str = ""
    """Of a chart: what its labels are, a key of `TOPICS`."""

    @property
    def values(self) -> dict[str, int]:
        return {bar.colour: bar.value for bar in self.bars}


def split_of(bars: tuple[Bar, ...], unordered: bool = False) -> Split:
    """The split of this content. Places and noise do not count: one chart drawn twice is in one split.

    `unordered`: neither does the order of the bars.
    """
    told = [[bar.colour, bar.value] for bar in bars]
    content = json.dumps(sorted(told) if unordered else told).encode()
    digit = int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "big") % 10
    return next(split for split, digits in SHARES.items() if digit in digits)


def sample_scene(random_: random.Random, level: Level, split: Split) -> Scene:
    """One scene of `split`, by rejection: at most a few tries in ten are wasted."""
    while True:
        if level.charts:
            scene = _sample_chart(random_, level)
            if split_of(scene.bars, level.unordered_splits) == split:
                return scene._replace(noise_seed=random_.getrandbits(32))
            continue
        num_bars = random_.randint(level.min_bars, min(level.max_bars, level.num_slots))
        colours = random_.sample(list(COLOURS), num_bars)
        slots = sorted(random_.sample(range(level.num_slots), num_bars))
        bars = tuple(
            Bar(colour, random_.randint(1, level.max_value), slot) for colour, slot in zip(colours, slots, strict=True)
        )
        if split_of(bars, level.unordered_splits) == split:
            return Scene(bars, random_.getrandbits(32))


def _sample_chart(random_: random.Random, level: Level) -> Scene:
    chart = random_.choice(level.charts)
    topics = [name for name, topic in TOPICS.items() if topic.ordered or chart != "lines"]
    name = random_.choice(topics)
    labels, num = TOPICS[name].labels, random_.randint(level.min_bars, min(level.max_bars, level.num_slots))
    num = min(num, len(labels))
    if TOPICS[name].ordered:
        start = random_.randint(0, len(labels) - num)
        chosen = list(labels[start : start + num])
    else:
        chosen = random_.sample(labels, num)
    values = _pie_values(random_, level, num) if chart == "pie" else _values(random_, level, num)
    bars = tuple(Bar(label, value, slot) for slot, (label, value) in enumerate(zip(chosen, values, strict=True)))
    return Scene(bars, 0, chart, name)


def _values(random_: random.Random, level: Level, num: int) -> list[int]:
    top = random_.choice([top for top in TOPS if top < level.max_value] + [level.max_value])
    return [random_.randint(1, top) for _ in range(num)]


def _pie_values(random_: random.Random, level: Level, num: int) -> list[int]:
    """Numbers, or shares of 100 in every second pie; no slice too thin to be labelled."""
    shares = random_.random() < 0.5 and level.max_value >= 75
    while True:
        if shares:
            cuts = [0, *sorted(random_.sample(range(1, 100), num - 1)), 100]
            values = [after - before for before, after in zip(cuts, cuts[1:], strict=False)]
        else:
            values = _values(random_, level, num)
        if min(values) >= MIN_SLICE * sum(values) and max(values) <= level.max_value:
            return values


def scene_to_json(scene: Scene) -> str:
    content: dict[str, object] = {"bars": [list(bar) for bar in scene.bars], "noise_seed": scene.noise_seed}
    if scene.chart:
        content |= {"chart": scene.chart, "topic": scene.topic}
    return json.dumps(content)


def scene_from_json(text: str) -> Scene:
    """Raises ValueError on anything that `scene_to_json` did not write."""
    try:
        content = json.loads(text)
        bars = tuple(Bar(*bar) for bar in content["bars"])
        return Scene(bars, content["noise_seed"], content.get("chart", ""), content.get("topic", ""))
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a scene of the drawn world: `{text:.80}`") from error
