"""Figures as text, the same wherever one is shown: one decimal, an interval in brackets, a difference with its sign.

63.1 [58.0, 67.9]        a share, in percent
+3.1 [1.2, 5.0]          a difference, in percentage points
"""

from __future__ import annotations

import math

from .comparisons import Comparison
from .families import Adjusted
from .trainings import equivalence

NONE = "–"
"""For what cannot be counted: None, or nan."""
NOT_SHOWN = "not shown to differ"
"""Of a difference that was not found, which makes nobody equal."""


def percent(share: float | None, low: float | None = None, high: float | None = None) -> str:
    """A share, with its interval where one is given."""
    return _figure(share, low, high, "-")


def points(difference: float | None, low: float | None = None, high: float | None = None) -> str:
    """A difference of shares, with its interval where one is given."""
    return _figure(difference, low, high, "+")


def interval(low: float | None, high: float | None) -> str:
    return NONE if low is None or high is None else f"[{percent(low)}, {percent(high)}]"


def p_value(p: float) -> str:
    return NONE if math.isnan(p) else "< 0.001" if p < 0.001 else f"{p:.3f}"


def verdict(found: Adjusted, difference: float, margin: float | None = None) -> str:
    """What may be said of b against a: `higher`, `lower`, `level, within 2.0 points`, or `not shown to differ`.

    `margin`: a share, set before the figures; without one nothing is level. What differs by less than the margin, and
    is shown to, is both.
    """
    words = ("higher" if difference > 0 else "lower") if found.is_found else ""
    is_level = margin is not None and equivalence(found.low, found.high, margin) == "equivalent"
    level = f"level, within {percent(margin)} points" if is_level else ""
    return " and ".join(filter(None, (words, level))) or NOT_SHOWN


def sentence(name_a: str, name_b: str, comparison: Comparison) -> str:
    """`b against a: +3.1 points [1.2, 5.0], n = 1,000, p = 0.002`."""
    if not comparison.n:
        return f"{name_b} against {name_a}: no shared question"
    difference, low, high, p = comparison[:4]
    p_words = f"p {p_value(p)}" if p < 0.001 else f"p = {p_value(p)}"
    figures = f"{points(difference)} points {interval(low, high)}, n = {comparison.n:,}, {p_words}"
    return f"{name_b} against {name_a}: {figures}"


def _figure(share: float | None, low: float | None, high: float | None, sign: str) -> str:
    if share is None or math.isnan(share):
        return NONE
    number = f"{round(100 * share, 1) + 0.0:{sign}.1f}"  # + 0.0: no `-0.0`
    return number if low is None or high is None else f"{number} {interval(low, high)}"
