"""Rank statistics with intervals over whole questions: AUROC, Spearman's correlation, and the F1 of step judges.

Each statistic is written as one of counts (how often each distinct value occurs), so that a resample is one multinomial
draw and no sort.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .estimates import (
    CONFIDENCE,
    NO_INTERVAL,
    Floats,
    Interval,
    Statistic,
    Sums,
    by_question,
    estimate,
    ratio,
    sums_by_question,
)


def auroc(scores: Sequence[float], positive: Sequence[bool], clusters: Sequence[str] | None = None) -> Interval:
    """The chance that a random positive row outscores a random negative one, a tie counting half (0.5: no better
    than chance), with a 95 % interval.

    The interval is Newcombe's (2006, Stat. Med. 25, 559-573, method 5), which has a width at 1 and holds with few rows,
    of as many rows as their spread over clusters is worth: the ratio of DeLong's variance over rows to that over
    clusters (Obuchowski 1997, Biometrics 53, 567-578). nan where one side has no row. `n` is the number of rows.
    Raises ValueError where the lengths differ.
    """
    _check(scores, positive, clusters)
    if not any(positive) or all(positive):
        return NO_INTERVAL._replace(n=len(scores))
    values, is_positive = np.asarray(scores, dtype=np.float64), np.asarray(positive, dtype=bool)
    above, below = np.sort(values[is_positive]), np.sort(values[~is_positive])
    num = np.array([len(above), len(below)], dtype=np.float64)
    wins = (np.searchsorted(below, values, "left") + np.searchsorted(below, values, "right")) / 2 / num[1]
    losses = 1 - (np.searchsorted(above, values, "left") + np.searchsorted(above, values, "right")) / 2 / num[0]
    area = float(wins[is_positive].mean())
    parts = np.where(is_positive, (wins - area) / num[0], (losses - area) / num[1])
    questions, place = by_question(clusters, len(values))
    by_cluster = np.bincount(place, weights=parts, minlength=len(questions))
    alone, together = float((parts**2).sum()), float((by_cluster**2).sum())
    with_one = [len(np.unique(place[side])) for side in (is_positive, ~is_positive)]
    if alone > 0 and len(questions) > 1:
        num = num / max(1.0, together / alone * len(questions) / (len(questions) - 1))
    else:  # in perfect order, as far as is seen: each cluster tells it once
        num = np.array(with_one, dtype=np.float64)
    return Interval(area, *_newcombe(area, *num), len(values))


def _newcombe(area: float, num_positive: float, num_negative: float) -> tuple[float, float]:
    """The areas from which the one seen is as far as 1.96 of *their* standard errors."""
    from scipy.optimize import brentq
    from scipy.special import ndtri

    z = float(ndtri(0.5 + CONFIDENCE / 2))
    half = max(0.0, (num_positive + num_negative) / 2 - 1)

    def excess(other: float) -> float:
        spread = other * (1 - other) * (1 + half * (1 - other) / (2 - other) + half * other / (1 + other))
        return (area - other) ** 2 - z * z * spread / (num_positive * num_negative)

    low = 0.0 if area == 0 else brentq(excess, 0.0, min(area, 1 - 1e-12))
    high = 1.0 if area == 1 else brentq(excess, max(area, 1e-12), 1.0)
    return float(low), float(high)


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

    return {
        "error": estimate(sums_by_question(columns[wrong, :2], _of(clusters, wrong), ratio), seed),
        "correct": estimate(sums_by_question(columns[~wrong, 2:], _of(clusters, ~wrong), ratio), seed),
        "f1": estimate(sums_by_question(columns, clusters, f1), seed),
    }


def _of(clusters: Sequence[str] | None, rows: np.ndarray) -> list[str] | None:
    return None if clusters is None else [cluster for cluster, is_one in zip(clusters, rows, strict=True) if is_one]


def macro_f1(
    called: Sequence[bool], truth: Sequence[bool], clusters: Sequence[str] | None = None, seed: int = 0
) -> dict[str, Interval]:
    """F1 of right steps (`f1_right`), of wrong ones (`f1_wrong`), and their mean (`macro_f1`), after VisualProcessBench
    (arXiv 2503.10291). A class that is neither there nor called has none."""
    _check(called, truth, clusters)
    said, is_right = np.asarray(called, dtype=bool), np.asarray(truth, dtype=bool)
    columns = np.column_stack([said & is_right, said & ~is_right, ~said & is_right, ~said & ~is_right])

    def f1(hits: Floats, misses: Floats) -> Floats:
        return ratio(np.column_stack([2 * hits, 2 * hits + misses]))

    def right(sums: Floats) -> Floats:
        return f1(sums[:, 0], sums[:, 1] + sums[:, 2])

    def wrong(sums: Floats) -> Floats:
        return f1(sums[:, 3], sums[:, 1] + sums[:, 2])

    statistics: dict[str, Statistic] = {
        "macro_f1": lambda sums: np.asarray((right(sums) + wrong(sums)) / 2),
        "f1_right": right,
        "f1_wrong": wrong,
    }
    whole = sums_by_question(columns.astype(np.float64), clusters, right)
    return {name: estimate(whole._replace(statistic=one), seed) for name, one in statistics.items()}


def calibration_error(
    scores: Sequence[float], truth: Sequence[bool], bins: int, clusters: Sequence[str] | None = None, seed: int = 0
) -> Interval:
    """The expected calibration error (Guo et al. 2017, arXiv 1706.04599): |mean score - share true| in each of so many
    equal bins of scores between 0 and 1, weighted by how many fall into it. 0: percent are percent."""
    _check(scores, truth, clusters)
    place = np.minimum((np.asarray(scores) * bins).astype(int), bins - 1)
    columns = np.zeros((len(place), 2 * bins))
    columns[np.arange(len(place)), place] = np.asarray(scores) - np.asarray(truth, dtype=float)
    columns[np.arange(len(place)), bins + place] = 1

    def error(sums: Floats) -> Floats:
        return ratio(np.column_stack([np.abs(sums[:, :bins]).sum(axis=1), sums[:, bins:].sum(axis=1)]))

    return estimate(sums_by_question(columns, clusters, error), seed)


def _counts(column: np.ndarray, num_columns: int, clusters: Sequence[str] | None, statistic: Statistic) -> Sums:
    """How often each column is hit in each question."""
    questions, rows = by_question(clusters, len(column))
    totals = np.zeros((len(questions), num_columns))
    np.add.at(totals, (rows, column), 1)
    return Sums(questions, totals, statistic, len(column))


def _check(a: Sequence[object], b: Sequence[object], clusters: Sequence[str] | None) -> None:
    if len(a) != len(b) or (clusters is not None and len(clusters) != len(a)):
        raise ValueError(f"{len(a)}, {len(b)} and {'no' if clusters is None else len(clusters)} values in one call")
