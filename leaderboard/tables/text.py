"""Texts of the board, short and safe to show; what is safe is decided in `visible`, HTML's own escaping is `page`'s."""

from __future__ import annotations

from insightv_bench.escape import visible as visible

from ..board import ComparableSet


def short(text: str, length: int) -> str:
    """The visible text, on one line and cut to `length` characters."""
    line = " ".join(visible(text).split())
    return line if len(line) <= length else line[: length - 1] + "…"


def percent(share: float) -> str:
    """`0.1234` as `12.34`."""
    return f"{100 * share:.2f}"


def questions(found: ComparableSet) -> str:
    """How many there are, and what guessing would get: `500 questions, chance 25.00 % on the 500 with options`."""
    told = f"{found.num_questions:,} questions"
    if found.chance is None:
        return told
    return f"{told}, chance {percent(found.chance)} % on the {found.num_with_options:,} with options"
