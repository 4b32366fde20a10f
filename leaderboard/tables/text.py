"""Texts of the board, short and safe to show; what is safe is decided in `escape`, HTML's own escaping is `page`'s."""

from __future__ import annotations

from insightv_bench.escape import visible
from insightv_bench.statistics import percent

from ..board import ComparableSet


def short(text: str, length: int) -> str:
    """The visible text, on one line and cut to `length` characters."""
    line = " ".join(visible(text).split())
    return line if len(line) <= length else line[: length - 1] + "…"


def questions(comparable: ComparableSet) -> str:
    """How many there are, and what guessing would get: `500 questions, chance 25.0 % on the 500 with options`."""
    total = f"{comparable.num_questions:,} questions"
    if comparable.chance is None:
        return total
    return f"{total}, chance {percent(comparable.chance)} % on the {comparable.num_with_options:,} with options"
