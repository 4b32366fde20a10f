"""Figures made of column sums over questions, with their intervals.

A share, a difference of shares, an area, a price, a rank statistic: each follows from sums over questions, so that one
rule serves them all. A question may have several rows (several flaws, several samples): rows of one question stand or
fall together, so a question is the unit that is resampled.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Statistic = Callable[[Floats], Floats]
"""[resamples, columns] of column sums -> [resamples] of the figure."""

CONFIDENCE = 0.95
NUM_RESAMPLES = 10_000
CHUNK = 1_000
"""Resamples drawn at once: bounds the memory where questions are many."""


class Interval(NamedTuple):
    """A figure with its 95 % interval; all nan where there are no rows."""

    value: float  # a share: 0-1
    low: float
    high: float
    n: int
    """Rows."""


NO_INTERVAL = Interval(math.nan, math.nan, math.nan, 0)


class Sums(NamedTuple):
    """What a figure is made of."""

    questions: tuple[str, ...]
    totals: Floats  # [questions, columns]
    statistic: Statistic
    n: int
    """Rows."""

    @property
    def value(self) -> float:
        return float(self.statistic(self.totals.sum(axis=0)[None])[0])


def by_question(clusters: Sequence[str] | None, num_rows: int) -> tuple[tuple[str, ...], NDArray[np.intp]]:
    """The questions in order of their names, so that the order of rows changes no figure, not even in its last bit;
    and each row's place among them. None: every row is a question of its own."""
    if clusters is None:
        return tuple(map(str, range(num_rows))), np.arange(num_rows)
    if len(clusters) != num_rows:
        raise ValueError(f"{num_rows} rows but {len(clusters)} clusters")
    place = {question: number for number, question in enumerate(sorted(set(clusters)))}
    return tuple(place), np.array([place[question] for question in clusters], dtype=np.intp)


def sums_by_question(columns: Floats, clusters: Sequence[str] | None, statistic: Statistic) -> Sums:
    """`columns` is [rows, columns], `clusters` names each row's question. Raises ValueError where lengths differ."""
    questions, rows = by_question(clusters, len(columns))
    totals = np.zeros((len(questions), columns.shape[1]))
    np.add.at(totals, rows, columns)
    return Sums(questions, totals, statistic, len(columns))


def ratio(sums: Floats) -> Floats:
    """The first column over the second; nan where the second is 0."""
    return np.divide(sums[:, 0], sums[:, 1], out=np.full(len(sums), np.nan), where=sums[:, 1] > 0)


def excess(sums: Floats) -> Floats:
    """The first share less the second: columns events, rows, other events, other rows."""
    return np.asarray(ratio(sums[:, :2]) - ratio(sums[:, 2:]))


def accuracy(correct: Sequence[bool], clusters: Sequence[str] | None = None, seed: int = 0) -> Interval:
    """The share of True with its interval (see `estimate`). `clusters` names each row's question; None: one row a
    question. Raises ValueError where the lengths differ.
    """
    rows = np.asarray(correct, dtype=np.float64)
    return estimate(sums_by_question(np.column_stack([rows, np.ones(len(rows))]), clusters, ratio), seed)


def estimate(sums: Sums, seed: int = 0, is_share: bool = True) -> Interval:
    """The figure with its 95 % interval.

    A share has Wilson's (1927), of as many rows as its spread over questions is worth: the rows themselves where each
    question has one, fewer where rows of a question go together (Korn and Graubard 1998, Survey Methodology 24,
    193-201). Any other figure has a percentile bootstrap over whole questions; where all questions are alike that has
    no width: then Wilson's with the questions as n, of what lies between 0 and 1. `is_share`: False for a figure that
    may lie there and is no share.
    """
    if not sums.n or not sums.questions:
        return NO_INTERVAL
    if math.isnan(sums.value):
        return NO_INTERVAL._replace(n=sums.n)
    if sums.statistic is ratio and (sums.totals[:, 0] <= sums.totals[:, 1]).all():
        return Interval(sums.value, *wilson(sums.value, _worth(sums.totals)), sums.n)
    low, high = bootstrap(sums.totals, sums.statistic, seed)
    if low == high and is_share and 0 <= sums.value <= 1:
        low, high = wilson(sums.value, len(sums.questions))
    return Interval(sums.value, low, high, sums.n)


def _worth(totals: Floats) -> float:
    """How many independent rows would tell a share as well as these: columns events and rows, one line a question."""
    from scipy.special import ndtri, stdtrit

    totals = totals[totals[:, 1] > 0]
    num, (events, rows) = len(totals), totals.sum(axis=0)
    share = events / rows
    variance = ((totals[:, 0] - share * totals[:, 1]) ** 2).sum() / rows**2 * num / max(1, num - 1)
    if num == rows or variance == 0:  # no row stands beside another, or no question beside another differs from it
        return float(num)
    level = 0.5 + CONFIDENCE / 2
    few = ndtri(level) / stdtrit(num - 1, level)  # the variance itself is only as sure as the questions are many
    return min(float(rows), float(share * (1 - share) / variance * few**2))


def wilson(share: float, n: float) -> tuple[float, float]:
    """Wilson's 95 % score interval of a share of `n` rows; neither need be a whole number.

    As `scipy.stats` has it for a whole number (`binomtest(k, n).proportion_ci(method="wilson")`), to the last bit.
    """
    from scipy.special import ndtri

    z = float(ndtri(0.5 + CONFIDENCE / 2))
    scale = 2 * (n + z * z)
    middle = (2 * n * share + z * z) / scale
    half = z / scale * math.sqrt(4 * n * share * (1 - share) + z * z)
    return (0.0 if share == 0 else middle - half), (1.0 if share == 1 else middle + half)


def bootstrap(
    totals: Floats, statistic: Statistic, seed: int = 0, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """Percentile interval of a statistic of column sums, over whole clusters resampled with replacement.

    `totals` is [clusters, columns]; `statistic` takes [resamples, columns] of column sums and gives [resamples].
    Clusters with equal totals are interchangeable, so how often each *kind* of cluster is drawn is one multinomial
    draw: the same distribution as drawing clusters one by one, at a fraction of the work. nan draws are left out.
    """
    kinds, counts = np.unique(totals, axis=0, return_counts=True)
    generator = np.random.default_rng(seed)
    shares = counts / counts.sum()
    draws = [
        statistic(generator.multinomial(counts.sum(), shares, size=CHUNK) @ kinds)
        for _ in range(NUM_RESAMPLES // CHUNK)
    ]
    tail = 50 * (1 - confidence)
    low, high = np.nanpercentile(np.concatenate(draws), [tail, 100 - tail])
    return float(low), float(high)
