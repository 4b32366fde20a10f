"""Selections over more paths than memory holds: by blocks of whole questions, in the order of the questions.

What `selection` says of a question depends on that question's paths alone, and a block holds all of them; so the
selections of the blocks, one after the other, are the selection of all paths. What is drawn by lot among all questions
is held in as many rows as are wanted (`draw`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import polars as pl

from insightv_bench.settings import PairsSettings, ReasoningCorpus

from . import selection

ROWS_A_BLOCK = 2**20
Block = pl.LazyFrame


def blocks(scored: pl.LazyFrame) -> Iterator[Block]:
    """About ROWS_A_BLOCK paths each, at least one block; rows stay in their order.

    Of a file, the row groups that hold the questions of a block are read."""
    question = pl.col("question")
    size = scored.select(num=pl.len(), first=question.min(), last=question.max())
    num, first, last = size.collect(engine="streaming").row(0)
    if num <= ROWS_A_BLOCK:
        yield scored
        return
    questions = max(1, ROWS_A_BLOCK * (last - first + 1) // num)
    for start in range(first, last + 1, questions):
        yield scored.filter(question.is_between(start, min(start + questions - 1, last)))


def reasoning(scored: pl.LazyFrame, settings: ReasoningCorpus) -> Iterator[pl.DataFrame]:
    """The index of `selection.reasoning`, block by block."""
    for block in blocks(scored):
        yield selection.reasoning(selection.best_first(block), settings).collect()


class Pairs(NamedTuple):
    made: pl.DataFrame
    """As `selection.pairs` has them."""
    left: pl.DataFrame
    """Questions without one: `question, reason`."""


def pairs(scored: pl.LazyFrame, settings: PairsSettings) -> Pairs:
    parts = []
    for block in blocks(scored):
        rows = block.collect().lazy()
        made = selection.pairs(selection.best_first(rows).collect().lazy(), settings).collect()
        parts.append(Pairs(made, selection.unpaired(rows, made.lazy(), settings).collect()))
    return Pairs(pl.concat([part.made for part in parts]), pl.concat([part.left for part in parts]))


def candidates(scored: pl.LazyFrame, choose: Callable[[Block], Block]) -> Iterator[Block]:
    """What `choose` leaves of each block."""
    return map(choose, blocks(scored))


def draw(rows: Iterable[Block], num: int) -> pl.DataFrame:
    """`selection.first_of_each` of all blocks: a row that comes after the last of those wanted is let go."""
    held: list[pl.DataFrame] = []
    last: int | None = None
    for block in rows:
        held.append((block if last is None else block.filter(pl.col("order") <= last)).collect())
        if sum(frame.height for frame in held) > 2 * num + ROWS_A_BLOCK:
            held = [_first(held, num)]
            last = held[0]["order"][-1] if held[0].height == num > 0 else last
    return _first(held, num)


def _first(held: list[pl.DataFrame], num: int) -> pl.DataFrame:
    return selection.first_of_each(pl.concat(held, how="diagonal_relaxed").lazy(), num).collect()
