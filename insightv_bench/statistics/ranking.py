"""Rank statistics with intervals over whole questions: AUROC, Spearman's correlation, and the F1 of step judges.

Each statistic is written as one of counts (how often each distinct value occurs), so that a resample is one multinomial
draw and no sort.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .estimates import NO_INTERVAL, Floats, Interval, Statistic, Sums, by_question, estimate, ratio, sums_by_question


def auroc(
    scores: Sequence[float], positive: Sequence[bool], clusters: Sequence[str] | None = None, seed: int = 0
) -> Interval:
    """The chance that a random positive row outscores a random negative one, a tie counting half (0.5: no better
    than chance), with a 95 % bootstrap interval over clusters.

    nan where one side has no row. `n` is the number of rows. Raises ValueError where the lengths differ.
    """
    _check(scores, positive, clusters)
    if not any(positive) or all(positive):
        return NO_INTERVAL._replace(n=len(scores))
    values, place = np.unique(np.asarray(scores, dtype=np.float64), return_inverse=True)
    num = len(values)

    def area(sums: Floats) -> Floats:
        """[resamples, 2 x num] counts by score, the negative rows' first -> [resamples]."""
        negative, positive = sums[:, :num], sums[:, num:]
        below = np.cumsum(negative, axis=1) - negative
        wins = (positive * (below + negative / 2)).sum(axis=1)
        return ratio(np.column_stack([wins, negative.sum(axis=1) * positive.sum(axis=1)]))

    return estimate(_counts(place + num * np.asarray(positive, dtype=bool), 2 * num, clusters, area), seed)


def spearman(a: Sequence[float], b: Sequence[float], clusters: Sequence[str] | None = None, seed: int = 0) -> Interval:
    """Spearman's rank correlation (-1 to 1), ties at their middle rank, with a 95 % bootstrap interval over clusters.

    nan where one side is constant. Raises ValueError where the lengths differ.
    """
    _check(a, b, clusters)
    if len(set(a)) < 2 or len(set(b)) < 2:
        return NO_INTERVAL._replace(n=len(a))
    pairs, column = np.unique(np.column_stack([a, b]).astype(np.float64), axis=0, return_inverse=True)
    places = [np.unique(pairs[:, side], return_inverse=True)[1] for side in (0, 1)]

    def correlation(sums: Floats) -> Floats:
        """[resamples, pairs] counts -> [resamples]."""
        left, right = (_ranks(sums, place) - (sums.sum(axis=1, keepdims=True) + 1) / 2 for place in places)
        covariance, *variances = ((sums * x * y).sum(axis=1) for x, y in ((left, right), (left, left), (right, right)))
        return ratio(np.column_stack([covariance, np.sqrt(variances[0] * variances[1])]))

    return estimate(_counts(column.reshape(-1), len(pairs), clusters, correlation), seed, is_share=False)


def _ranks(sums: Floats, place: np.ndarray) -> Floats:
    """The middle rank of each pair's value, in each resample; `place`: which distinct value each pair has."""
    by_value = np.zeros((len(sums), int(place.max()) + 1))
    for value in range(by_value.shape[1]):
        by_value[:, value] = sums[:, place == value].sum(axis=1)
    below = np.cumsum(by_value, axis=1) - by_value
    return (below + (by_value + 1) / 2)[:, place]


def first_wrong_f1(
    judged: Sequence[int | None], truth: Sequence[int | None], clusters: Sequence[str] | None = None, seed: int = 0
) -> dict[str, Interval]:
    """How well a judge finds the first wrong step, after ProcessBench (arXiv 2412.06559).

    `truth` None: every step is right; `judged` -1: the reply could not be read, which counts as a miss. `error`: share
    of flawed rows whose step is named; `correct`: share of right rows left in peace; `f1`: their harmonic mean.
    """
    _check(judged, truth, clusters)
    wrong = np.array([step is not None for step in truth], dtype=bool)
    hits = np.array([a == b for a, b in zip(judged, truth, strict=True)], dtype=bool)
    columns = np.column_stack([wrong & hits, wrong, ~wrong & hits, ~wrong]).astype(np.float64)

    def f1(sums: Floats) -> Floats:
        error, correct = ratio(sums[:, :2]), ratio(sums[:, 2:])
        harmonic = ratio(np.column_stack([2 * error * correct, error + correct]))
        return np.where(error + correct == 0, 0.0, harmonic)

    statistics: dict[str, tuple[Statistic, int]] = {
        "error": (lambda sums: ratio(sums[:, :2]), int(wrong.sum())),
        "correct": (lambda sums: ratio(sums[:, 2:]), int((~wrong).sum())),
        "f1": (f1, len(truth)),
    }
    whole = sums_by_question(columns, clusters, f1)
    return {name: estimate(whole._replace(statistic=one, n=n), seed) for name, (one, n) in statistics.items()}


def _counts(column: np.ndarray, num_columns: int, clusters: Sequence[str] | None, statistic: Statistic) -> Sums:
    """How often each column is hit in each question."""
    questions, rows = by_question(clusters, len(column))
    totals = np.zeros((len(questions), num_columns))
    np.add.at(totals, (rows, column), 1)
    return Sums(questions, totals, statistic, len(column))


def _check(a: Sequence[object], b: Sequence[object], clusters: Sequence[str] | None) -> None:
    if len(a) != len(b) or (clusters is not None and len(clusters) != len(a)):
        raise ValueError(f"{len(a)}, {len(b)} and {'no' if clusters is None else len(clusters)} values in one call")
