"""Circular evaluation after MMBench (arXiv 2307.06281): each question in every rotation of its options."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from insightv_bench.chat import LETTERS
from insightv_bench.sources import Draft

Placed = tuple[int, Draft]
"""A row's place, and what it says."""


def rotated(drafts: Iterable[Placed]) -> Iterator[Placed]:
    """Every rotation of each question; as they are where the data set holds its rotations itself."""
    kept = list(drafts)
    groups = [draft.group for _, draft in kept]
    if len(set(groups)) < len(groups):
        yield from kept
        return
    for number, draft in kept:
        yield from ((number, rotation(draft, by)) for by in range(max(1, len(draft.options))))


def rotation(draft: Draft, by: int) -> Draft:
    """The options moved `by` places to the front, and the answer's letter with them."""
    num = len(draft.options)
    if not by or draft.answer not in LETTERS[:num] or len(draft.answer) != 1:
        return draft
    letter = LETTERS[(LETTERS.index(draft.answer) - by) % num]
    return draft._replace(options=draft.options[by:] + draft.options[:by], answer=letter)
