"""Figures as sums over questions: their intervals, and paired differences of two systems' figures.

A figure that is a share, a difference of shares, an area or a cost a right answer follows from column sums, so that one
bootstrap over whole questions serves all of them, and one swap test compares any of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from .paired import (
    NO_COMPARISON,
    NO_INTERVAL,
    NUM_RESAMPLES,
    Comparison,
    Floats,
    Interval,
    bootstrap,
    wilson,
    wilson_share,
)

SWAPS_AT_ONCE = 250
"""Bounds the memory of a swap test where questions are many."""


class Sums(NamedTuple):
    """What a figure is made of."""

    questions: tuple[str, ...]
    totals: Floats  # [questions, columns]
    statistic: Callable[[Floats], Floats]
    """[resamples, columns] of column sums -> [resamples] of the figure."""
    n: int
    """Rows."""

    @property
    def value(self) -> float:
        return float(self.statistic(self.totals.sum(axis=0)[None])[0])


def ratio(sums: Floats) -> Floats:
    """The first column over the second; nan where the second is 0."""
    return np.divide(sums[:, 0], sums[:, 1], out=np.full(len(sums), np.nan), where=sums[:, 1] > 0)


def excess(sums: Floats) -> Floats:
    """The first share less the second: columns events, rows, other events, other rows."""
    return np.asarray(ratio(sums[:, :2]) - ratio(sums[:, 2:]))


def sums_of(rows: pl.DataFrame, columns: Sequence[pl.Expr], statistic: Callable[[Floats], Floats]) -> Sums:
    """One total a question for each of `columns`, which are aggregations."""
    named = [column.cast(pl.Float64).alias(str(place)) for place, column in enumerate(columns)]
    grouped = rows.group_by("question_id").agg(*named).sort("question_id")
    totals = grouped.drop("question_id").to_numpy().reshape(-1, len(columns)).astype(np.float64)
    return Sums(tuple(grouped["question_id"]), totals, statistic, rows.height)


def share_sums(rows: pl.DataFrame, event: pl.Expr) -> Sums:
    """The share of rows in which `event` holds."""
    return sums_of(rows, [event.sum(), pl.len()], ratio)


def estimate_sums(sums: Sums, seed: int = 0) -> Interval:
    """The figure with its 95 % interval: Wilson's for a share of one row a question, else a percentile bootstrap over
    questions. Where all questions are alike a bootstrap has no width: then Wilson's with the questions as n.
    """
    if not sums.n:
        return NO_INTERVAL
    num = len(sums.questions)
    if math.isnan(sums.value):
        return NO_INTERVAL._replace(n=sums.n)
    if sums.statistic is ratio and (sums.totals[:, 0] <= sums.totals[:, 1]).all():
        events, rows = sums.totals.sum(axis=0)
        if num == rows:
            return Interval(sums.value, *wilson(int(events), num), sums.n)
        if events in (0, rows):
            return Interval(sums.value, *wilson(num * int(events > 0), num), sums.n)
    low, high = bootstrap(sums.totals, sums.statistic, seed)
    if low == high and 0 <= sums.value <= 1:  # of a share or an area
        low, high = wilson_share(sums.value, num)
    return Interval(sums.value, low, high, sums.n)


def compare_sums(a: Sums, b: Sums, seed: int = 0) -> Comparison:
    """b less a, over the questions of either: percentile bootstrap and swap test, both of whole questions.

    A question that has rows on one side only (the wrong paths of two agents are not the same) counts there alone.
    """
    questions = sorted({*a.questions, *b.questions})
    if not a.n or not b.n:
        return NO_COMPARISON
    width = a.totals.shape[1]
    totals = np.hstack([_aligned(a, questions), _aligned(b, questions)])

    def gap(sums: Floats) -> Floats:
        return np.asarray(b.statistic(sums[:, width:]) - a.statistic(sums[:, :width]))

    difference = float(gap(totals.sum(axis=0)[None])[0])
    low, high = bootstrap(totals, gap, seed)
    p = _swap_test(totals, width, gap, difference, seed)
    method = "swap test and percentile bootstrap over questions"
    return Comparison(difference, low, high, p, len(questions), method)


def _aligned(sums: Sums, questions: Sequence[str]) -> Floats:
    place = {question: row for row, question in enumerate(questions)}
    totals = np.zeros((len(questions), sums.totals.shape[1]))
    totals[[place[question] for question in sums.questions]] = sums.totals
    return totals


def _swap_test(totals: Floats, width: int, gap: Callable[[Floats], Floats], difference: float, seed: int) -> float:
    """Two-sided p when each question's two sides may be swapped; never 0, as the sides as seen are counted."""
    generator = np.random.default_rng(seed)
    swapped = np.hstack([totals[:, width:], totals[:, :width]])
    as_extreme = num = 0
    for _ in range(NUM_RESAMPLES // SWAPS_AT_ONCE):
        swaps = generator.integers(0, 2, size=(SWAPS_AT_ONCE, len(totals))).astype(np.float64)
        gaps = gap(swaps @ swapped + (1 - swaps) @ totals)
        gaps = gaps[~np.isnan(gaps)]
        as_extreme += int((np.abs(gaps) >= abs(difference) - 1e-9).sum())
        num += len(gaps)
    return (1 + as_extreme) / (1 + num)
