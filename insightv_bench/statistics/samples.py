"""Figures over several samples of a question, and accuracies whose truth a judge tells: pass@k, consistency, and
prediction-powered inference.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .estimates import CONFIDENCE, NO_INTERVAL, Interval, estimate, ratio, sums_by_question
from .estimates import by_question as groups_of


def pass_at_k(
    num_right: Sequence[int], num_samples: Sequence[int], k: int, clusters: Sequence[str] | None = None, seed: int = 0
) -> Interval:
    """The chance that at least one of `k` samples is right, averaged over questions: the unbiased estimator of Chen et
    al. (2021, arXiv 2107.03374), 1 - C(n - c, k) / C(n, k), with a 95 % interval over clusters.

    `num_right` and `num_samples`: of each question. A question with fewer than `k` samples is left out; `n` counts the
    others. Raises ValueError where the lengths differ or k is below 1.
    """
    if len(num_right) != len(num_samples) or k < 1:
        raise ValueError("each question needs its number of samples, and k is at least 1")
    kept = [place for place, num in enumerate(num_samples) if num >= k]
    if not kept:
        return NO_INTERVAL
    values = [
        1 - math.comb(num_samples[place] - num_right[place], k) / math.comb(num_samples[place], k) for place in kept
    ]
    return _mean(values, max(num_samples), clusters, kept, seed)


def consistency(
    answers: Sequence[Sequence[str | None]], clusters: Sequence[str] | None = None, seed: int = 0
) -> Interval:
    """The chance that two samples of a question give the same answer, right or wrong, averaged over questions with two
    samples or more; answers are compared as they stand, and None agrees with nothing."""
    kept = [place for place, each in enumerate(answers) if len(each) > 1]
    if not kept:
        return NO_INTERVAL
    values = []
    for place in kept:
        each = answers[place]
        counts = [each.count(answer) for answer in {*each} - {None}]
        values.append(sum(num * (num - 1) for num in counts) / (len(each) * (len(each) - 1)))
    return _mean(values, max(map(len, answers)), clusters, kept, seed)


def _mean(
    values: Sequence[float], num_samples: int, clusters: Sequence[str] | None, kept: Sequence[int], seed: int
) -> Interval:
    """Of one value between 0 and 1 a question; each counts as so many rows, which is the most that it can be worth."""
    own = None if clusters is None else [clusters[place] for place in kept]
    columns = np.column_stack([np.asarray(values), np.ones(len(values))]) * num_samples
    return estimate(sums_by_question(columns, own, ratio), seed)


def prediction_powered(
    judged: Sequence[float],
    checked: Sequence[tuple[float, float]],
    judged_clusters: Sequence[str] | None = None,
    checked_clusters: Sequence[str] | None = None,
    confidence: float = CONFIDENCE,
) -> Interval:
    """A share of right answers from many verdicts of a judge and a few that were checked: PPI++ (Angelopoulos et al.
    2023, arXiv 2311.01453). Whatever the judge's errors it is unbiased, and for many rows never wider than the checked
    rows alone.

    `judged`: the judge's verdict (0 to 1) on rows that nobody checked; `checked`: (truth, the judge's verdict) of
    others, drawn at random from the same rows. `n` is the number of all rows. The interval is normal, over clusters;
    with fewer than two clusters on a side all is nan. Raises ValueError where clusters are not as many as rows.
    """
    from scipy.special import ndtri

    truth, said = np.array([pair[0] for pair in checked]), np.array([pair[1] for pair in checked])
    rest = np.asarray(judged, dtype=np.float64)
    for rows, clusters in ((checked, checked_clusters), (judged, judged_clusters)):
        if clusters is not None and len(clusters) != len(rows):
            raise ValueError(f"{len(clusters)} clusters of {len(rows)} rows")
    num = len(rest) + len(truth)
    here, there = _places(checked_clusters, len(truth)), _places(judged_clusters, len(rest))
    if len(set(here.tolist())) < 2 or len(set(there.tolist())) < 2:
        return NO_INTERVAL._replace(n=num)
    weight = _weight(truth, said, rest, here, there)
    value = float(truth.mean() + weight * (rest.mean() - said.mean()))
    variance = _variance(truth - weight * said, here) + weight**2 * _variance(rest, there)
    half = float(ndtri(0.5 + confidence / 2)) * math.sqrt(variance)
    return Interval(value, max(0.0, value - half), min(1.0, value + half), num)


def _places(clusters: Sequence[str] | None, num: int) -> np.ndarray:
    return groups_of(clusters, num)[1]


def _weight(truth: np.ndarray, said: np.ndarray, rest: np.ndarray, here: np.ndarray, there: np.ndarray) -> float:
    """How much the judge is believed: what makes the variance least, between not at all and wholly."""
    spread = _variance(said, here) + _variance(rest, there)
    return min(1.0, max(0.0, _covariance(truth, said, here) / spread)) if spread else 0.0


def _covariance(a: np.ndarray, b: np.ndarray, place: np.ndarray) -> float:
    """Of two means, over clusters."""
    num = int(place.max()) + 1
    sums = [np.bincount(place, weights=(values - values.mean()) / len(values), minlength=num) for values in (a, b)]
    return float((sums[0] * sums[1]).sum()) * num / (num - 1)


def _variance(values: np.ndarray, place: np.ndarray) -> float:
    return _covariance(values, values, place)
