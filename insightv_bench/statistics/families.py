"""One family of comparisons: p adjusted after Holm, and intervals of the same level: verdict and interval agree.

Holm (1979) holds the j-th smallest of k p values against alpha / (k - j + 1), until one is larger; that one and all
after it are held against the same level. Each comparison's interval is made at the level that decided on it. A test and
an interval of two methods may still differ by a hair: then the interval's end is moved to 0, to where the test puts it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from .comparisons import Comparison, holm

ALPHA = 0.05


class Adjusted(NamedTuple):
    """A comparison as its family leaves it."""

    p: float
    low: float
    high: float
    level: float
    """The interval's confidence, 0-1: 0.95 in a family of one."""

    @property
    def is_found(self) -> bool:
        """Whether a difference was found."""
        return self.p < ALPHA


def adjusted(comparisons: Sequence[Comparison], again: Callable[[int, float], Comparison]) -> list[Adjusted]:
    """`again(place, confidence)` makes a comparison once more, with an interval of that confidence."""
    p_values = holm([one.p for one in comparisons])
    levels = holm_levels([one.p for one in comparisons])
    found = []
    for place, (one, p, level) in enumerate(zip(comparisons, p_values, levels, strict=True)):
        interval = one if math.isclose(level, 1 - ALPHA) or math.isnan(level) else again(place, level)
        found.append(Adjusted(p, *_agreeing(interval.low, interval.high, one.difference, p), level))
    return found


def holm_levels(p_values: Sequence[float]) -> list[float]:
    """The confidence at which Holm's procedure decides on each; nan where there is no p."""
    order = sorted((p, place) for place, p in enumerate(p_values) if not math.isnan(p))
    levels = [math.nan] * len(p_values)
    still = True  # whether all before were found
    decided = 1 - ALPHA
    for rank, (p, place) in enumerate(order):
        if still:
            decided = 1 - ALPHA / (len(order) - rank)
            still = p < 1 - decided
        levels[place] = decided
    return levels


def _agreeing(low: float, high: float, difference: float, p: float) -> tuple[float, float]:
    if math.isnan(p) or math.isnan(low):
        return low, high
    if p >= ALPHA:
        return min(low, 0.0), max(high, 0.0)
    return (max(low, 0.0), high) if difference > 0 else (low, min(high, 0.0))
