"""Rank statistics with intervals over whole questions: AUROC, Spearman's correlation, and the F1 of step judges.

Rows of one question stand or fall together, so questions are resampled, as in `statistics`. Each statistic is written
as one of counts (how often each distinct value occurs), so that a resample is one multinomial draw and no sort.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from .paired import NO_INTERVAL, Floats, Interval, bootstrap, wilson

NO_VALUE = math.nan


def auroc(
    scores: Sequence[float], positive: Sequence[bool], clusters: Sequence[str] | None = None, seed: int = 0
) -> Interval:
    """The chance that a random positive row outscores a random negative one, a tie counting half (0.5: no better
    than chance), with a 95 % bootstrap interval over clusters.

    nan where one side has no row. `n` is the number of rows. Raises ValueError where the lengths differ.
    """
    _check(scores, positive, clusters)
    values, place = np.unique(np.asarray(scores, dtype=np.float64), return_inverse=True)
    if not any(positive) or all(positive):
        return NO_INTERVAL._replace(n=len(scores))
    column = place + len(values) * np.asarray(positive, dtype=bool)
    totals = _counts(column, 2 * len(values), clusters)
    return _with_interval(totals, lambda sums: _auroc_of(sums, len(values)), seed, len(scores))


def _auroc_of(sums: Floats, num: int) -> Floats:
    """[resamples, 2 x num] counts by score, the negative rows' first -> [resamples]."""
    negative, positive = sums[:, :num], sums[:, num:]
    below = np.cumsum(negative, axis=1) - negative
    wins = (positive * (below + negative / 2)).sum(axis=1)
    pairs = negative.sum(axis=1) * positive.sum(axis=1)
    return np.divide(wins, pairs, out=np.full(len(sums), NO_VALUE), where=pairs > 0)


def spearman(a: Sequence[float], b: Sequence[float], clusters: Sequence[str] | None = None, seed: int = 0) -> Interval:
    """Spearman's rank correlation (-1 to 1), ties at their middle rank, with a 95 % bootstrap interval over clusters.

    nan where one side is constant. Raises ValueError where the lengths differ.
    """
    _check(a, b, clusters)
    if len(set(a)) < 2 or len(set(b)) < 2:
        return NO_INTERVAL._replace(n=len(a))
    pairs, column = np.unique(np.column_stack([a, b]).astype(np.float64), axis=0, return_inverse=True)
    places = [np.unique(pairs[:, side], return_inverse=True)[1] for side in (0, 1)]
    totals = _counts(column.reshape(-1), len(pairs), clusters)
    return _with_interval(totals, lambda sums: _spearman_of(sums, *places), seed, len(a), share=False)


def _spearman_of(sums: Floats, place_a: np.ndarray, place_b: np.ndarray) -> Floats:
    """[resamples, pairs] counts -> [resamples]; `place_*`: which distinct value each pair has on that side."""
    total = sums.sum(axis=1, keepdims=True)
    a, b = (_ranks(sums, place) - (total + 1) / 2 for place in (place_a, place_b))
    covariance, var_a, var_b = ((sums * left * right).sum(axis=1) for left, right in ((a, b), (a, a), (b, b)))
    scale = np.sqrt(var_a * var_b)
    return np.divide(covariance, scale, out=np.full(len(sums), NO_VALUE), where=scale > 0)


def _ranks(sums: Floats, place: np.ndarray) -> Floats:
    """The middle rank of each pair's value, in each resample."""
    by_value = np.zeros((len(sums), int(place.max()) + 1))
    for value in range(by_value.shape[1]):
        by_value[:, value] = sums[:, place == value].sum(axis=1)
    below = np.cumsum(by_value, axis=1) - by_value
    return (below + (by_value + 1) / 2)[:, place]


def first_wrong_f1(
    told: Sequence[int | None], truth: Sequence[int | None], clusters: Sequence[str] | None = None, seed: int = 0
) -> dict[str, Interval]:
    """How well a judge finds the first wrong step, after ProcessBench (arXiv 2412.06559).

    `truth` None: every step is right; `told` -1: the reply could not be read, which counts as a miss. `error`: share of
    flawed rows whose step is named; `correct`: share of right rows left in peace; `f1`: their harmonic mean.
    """
    _check(told, truth, clusters)
    hits = [a == b for a, b in zip(told, truth, strict=True)]
    columns = [
        [(b is not None) and hit, b is not None, (b is None) and hit, b is None]
        for hit, b in zip(hits, truth, strict=True)
    ]
    totals = _summed(np.asarray(columns, dtype=np.float64).reshape(-1, 4), clusters)
    num_wrong = sum(b is not None for b in truth)
    return {
        "error": _with_interval(totals, lambda s: _ratio(s[:, 0], s[:, 1]), seed, num_wrong),
        "correct": _with_interval(totals, lambda s: _ratio(s[:, 2], s[:, 3]), seed, len(truth) - num_wrong),
        "f1": _with_interval(totals, _f1_of, seed, len(truth)),
    }


def _f1_of(sums: Floats) -> Floats:
    error, correct = _ratio(sums[:, 0], sums[:, 1]), _ratio(sums[:, 2], sums[:, 3])
    return np.where(error + correct == 0, 0.0, _ratio(2 * error * correct, error + correct))


def _ratio(above: Floats, below: Floats) -> Floats:
    return np.divide(above, below, out=np.full(len(above), NO_VALUE), where=below > 0)


def _counts(column: np.ndarray, num_columns: int, clusters: Sequence[str] | None) -> Floats:
    """[clusters, columns]: how often each column is hit in each cluster."""
    rows = np.arange(len(column)) if clusters is None else np.unique(np.asarray(clusters), return_inverse=True)[1]
    totals = np.zeros((int(rows.max()) + 1, num_columns))
    np.add.at(totals, (rows, column), 1)
    return totals


def _summed(values: Floats, clusters: Sequence[str] | None) -> Floats:
    if clusters is None or not len(values):
        return values
    rows = np.unique(np.asarray(clusters), return_inverse=True)[1]
    totals = np.zeros((int(rows.max()) + 1, values.shape[1]))
    np.add.at(totals, rows, values)
    return totals


def _with_interval(
    totals: Floats, statistic: Callable[[Floats], Floats], seed: int, n: int, share: bool = True
) -> Interval:
    """A share of 0 or 1 has a bootstrap of no width: Wilson's interval is taken, with the clusters as n."""
    if not len(totals):
        return NO_INTERVAL
    value = float(statistic(totals.sum(axis=0, keepdims=True))[0])
    if math.isnan(value):
        return NO_INTERVAL._replace(n=n)
    if share and value in (0, 1):
        return Interval(value, *wilson(int(value) * len(totals), len(totals)), n)
    return Interval(value, *bootstrap(totals, statistic, seed), n)


def _check(a: Sequence[object], b: Sequence[object], clusters: Sequence[str] | None) -> None:
    if len(a) != len(b) or (clusters is not None and len(clusters) != len(a)):
        raise ValueError(f"{len(a)}, {len(b)} and {'no' if clusters is None else len(clusters)} values in one call")
