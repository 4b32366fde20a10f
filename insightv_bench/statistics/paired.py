"""Intervals, paired tests and detectable effects, over numpy and scipy.

A question may have several rows (several flaws, several samples): rows of one question stand or fall together, so a
question is the unit that is resampled, and two arms are compared on the questions they share.
This module knows nothing of records, arms or files.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CONFIDENCE = 0.95
NUM_RESAMPLES = 10_000
NUM_FLIPS = 100_000
"""Of a sign-flip test whose p is small: where twenty comparisons are adjusted together, it can still be below 0.001."""
FEW = 20
"""So many flips as extreme as what was seen, of the first `NUM_RESAMPLES`, tell that p is not small."""
CHUNK = 1_000
"""Resamples drawn at once: bounds the memory where questions are many."""


class Interval(NamedTuple):
    """A share with its 95 % interval; all nan where there are no rows."""

    value: float  # 0-1
    low: float
    high: float
    n: int
    """Rows."""


class Comparison(NamedTuple):
    """Arm b less arm a on the questions that both answered."""

    difference: float  # -1 to 1, b - a
    low: float
    high: float
    p: float
    """Two-sided."""
    n: int
    """Shared questions."""
    method: str
    """The test and the interval, in words."""


NO_INTERVAL = Interval(math.nan, math.nan, math.nan, 0)
NO_COMPARISON = Comparison(math.nan, math.nan, math.nan, math.nan, 0, "no shared question")


def accuracy(correct: Sequence[bool], clusters: Sequence[str] | None = None, seed: int = 0) -> Interval:
    """The share of True with its 95 % interval.

    Wilson's score interval (Wilson 1927) where every cluster has one row, else a percentile bootstrap over whole
    clusters. Where all questions are alike a bootstrap has no width, so Wilson's is taken with the clusters as n.
    `clusters` names each row's question; None: one row a question. Raises ValueError where the lengths differ.
    """
    if clusters is not None and len(clusters) != len(correct):
        raise ValueError(f"{len(correct)} rows but {len(clusters)} clusters")
    rows = np.asarray(correct, dtype=bool)
    if not len(rows):
        return NO_INTERVAL
    num_clusters = len(rows) if clusters is None else len(set(clusters))
    if clusters is None or num_clusters == len(rows):
        return Interval(float(rows.mean()), *wilson(int(rows.sum()), len(rows)), len(rows))
    if rows.all() or not rows.any():
        return Interval(float(rows[0]), *wilson(num_clusters * int(rows[0]), num_clusters), len(rows))
    index = np.unique(np.asarray(clusters), return_inverse=True)[1]
    totals = np.column_stack([np.bincount(index, weights=rows), np.bincount(index)]).astype(np.float64)
    low, high = bootstrap(totals, lambda sums: sums[:, 0] / sums[:, 1], seed)
    if low == high:  # every question has the same share
        low, high = wilson_share(float(rows.mean()), num_clusters)
    return Interval(float(rows.mean()), low, high, len(rows))


def wilson_share(share: float, n: int) -> tuple[float, float]:
    """Wilson's 95 % score interval of a share of `n` that need be no whole number of them: one of alike questions."""
    from scipy.stats import norm

    z = float(norm.ppf(0.5 + CONFIDENCE / 2))
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def wilson(num_right: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % score interval of a share."""
    from scipy.stats import binomtest

    interval = binomtest(num_right, n).proportion_ci(CONFIDENCE, method="wilson")
    return float(interval.low), float(interval.high)


def bootstrap(totals: Floats, statistic: Callable[[Floats], Floats], seed: int = 0) -> tuple[float, float]:
    """95 % percentile interval of a statistic of column sums, over whole clusters resampled with replacement.

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
    tail = 50 * (1 - CONFIDENCE)
    low, high = np.nanpercentile(np.concatenate(draws), [tail, 100 - tail])
    return float(low), float(high)


def paired(a: Mapping[str, Sequence[bool]], b: Mapping[str, Sequence[bool]], seed: int = 0) -> Comparison:
    """Compare two arms, given as right or wrong by question id; only the questions in both count.

    One row a question in both: exact McNemar test (binomial on the discordant pairs) and the adjusted Wald interval
    of Bonett and Price (2012, J. Educ. Behav. Stat. 37, 479-488). More rows: percentile bootstrap over questions and
    a sign-flip test, in which each question's share of the difference changes sign or not.
    The difference is that of the two row shares, so it agrees with `accuracy` over the same questions.
    """
    shared = sorted(question for question in a.keys() & b.keys() if len(a[question]) and len(b[question]))
    if not shared:
        return NO_COMPARISON
    totals = np.array(
        [[sum(a[question]), len(a[question]), sum(b[question]), len(b[question])] for question in shared],
        dtype=np.float64,
    )
    if (totals[:, [1, 3]] == 1).all():
        return _mcnemar(totals[:, 2] - totals[:, 0])
    return _clustered(totals, seed)


def _mcnemar(differences: Floats) -> Comparison:
    from scipy.stats import binomtest

    gained, lost = int((differences > 0).sum()), int((differences < 0).sum())
    p = binomtest(gained, gained + lost).pvalue if gained + lost else 1.0
    low, high = _bonett_price(differences)
    method = "exact McNemar test, Bonett-Price interval"
    return Comparison(float(differences.mean()), low, high, float(p), len(differences), method)


def _bonett_price(differences: Floats) -> tuple[float, float]:
    """Wald's interval once one pair won and one pair lost are added: the form in which the paper's formula is short."""
    from scipy.stats import norm

    padded = np.append(differences, [1.0, -1.0])
    half = float(norm.ppf(0.5 + CONFIDENCE / 2)) * math.sqrt(float(padded.var()) / len(padded))
    return max(-1.0, float(padded.mean()) - half), min(1.0, float(padded.mean()) + half)


def _clustered(totals: Floats, seed: int) -> Comparison:
    right_a, num_a, right_b, num_b = totals.sum(axis=0)
    difference = right_b / num_b - right_a / num_a
    per_question = totals[:, 2] / totals[:, 3] - totals[:, 0] / totals[:, 1]
    if np.ptp(per_question) == 0:  # a bootstrap of equal questions has no width
        low, high = _bonett_price(per_question)
    else:
        low, high = bootstrap(totals, lambda sums: sums[:, 2] / sums[:, 3] - sums[:, 0] / sums[:, 1], seed)
    # Each question's part of the difference, centred so that under "no difference" it is 0 on average even where
    # questions have unequal numbers of rows; the parts add up to the difference.
    pooled = (right_a + right_b) / (num_a + num_b)
    parts = (totals[:, 2] - pooled * totals[:, 3]) / num_b - (totals[:, 0] - pooled * totals[:, 1]) / num_a
    method = "sign-flip test and percentile bootstrap over questions"
    return Comparison(float(difference), low, high, _sign_flip(parts, seed), len(totals), method)


def _sign_flip(parts: Floats, seed: int) -> float:
    """Two-sided p of the parts' sum when each part's sign is a fair coin; never 0, as the parts as seen are counted."""
    sizes, counts = np.unique(np.abs(parts).round(12), return_counts=True)
    generator = np.random.default_rng(seed)
    as_extreme = num_flips = 0
    while num_flips < NUM_RESAMPLES or (as_extreme < FEW and num_flips < NUM_FLIPS):
        heads = generator.binomial(counts, 0.5, size=(NUM_RESAMPLES, len(counts)))
        as_extreme += int((np.abs((2 * heads - counts) @ sizes) >= abs(parts.sum()) - 1e-9).sum())
        num_flips += NUM_RESAMPLES
    return (1 + as_extreme) / (1 + num_flips)


def holm(p_values: Sequence[float]) -> list[float]:
    """The p values of one family adjusted after Holm (1979), in the order given; nan stays nan and is not counted."""
    order = sorted((p, place) for place, p in enumerate(p_values) if not math.isnan(p))
    adjusted = [math.nan] * len(p_values)
    largest = 0.0
    for rank, (p, place) in enumerate(order):
        largest = max(largest, min(1.0, p * (len(order) - rank)))
        adjusted[place] = largest
    return adjusted


def detectable_effect(num_questions: int, discordant_share: float, power: float = 0.8, alpha: float = 0.05) -> float:
    """The smallest difference of two paired accuracies that a McNemar test finds with this power.

    Solves Connor's (1987, Biometrics 43, 207-211) sample size for the difference. `discordant_share`: the share of
    questions (0-1) that one arm has right and the other wrong. nan where the questions are too few for any.
    """
    from scipy.stats import norm

    z_alpha, z_power = float(norm.ppf(1 - alpha / 2)), float(norm.ppf(power))
    inner = num_questions + z_power**2 - z_alpha**2
    if num_questions <= 0 or inner < 0:
        return math.nan
    scale = math.sqrt(discordant_share) / (num_questions + z_power**2)
    effect = scale * (z_alpha * math.sqrt(num_questions) + z_power * math.sqrt(inner))
    return effect if effect <= discordant_share else math.nan  # all discordant questions on one side is the most


def detectable_at(low: float, high: float, power: float = 0.8, alpha: float = 0.05) -> float:
    """The same for any design, from the 95 % interval of a difference: its standard error times the two quantiles."""
    from scipy.stats import norm

    standard_error = (high - low) / (2 * float(norm.ppf(0.5 + CONFIDENCE / 2)))
    return standard_error * float(norm.ppf(1 - alpha / 2) + norm.ppf(power))


def detectable_in(comparison: Comparison, a: Mapping[str, Sequence[bool]], b: Mapping[str, Sequence[bool]]) -> float:
    """The smallest difference that this comparison of `a` and `b` finds with 80 % power: from the discordant pairs
    where a question has one row on each side, else from the interval's width.

    nan where no question tells the sides apart: how often they would differ is then not known.
    """
    shared = a.keys() & b.keys()
    if any(len(a[question]) + len(b[question]) > 2 for question in shared):
        return detectable_at(comparison.low, comparison.high)
    discordant = sum(list(a[question]) != list(b[question]) for question in shared)
    return detectable_effect(len(shared), discordant / len(shared)) if discordant else math.nan


def sentence(name_a: str, name_b: str, comparison: Comparison) -> str:
    """`b against a: +3.1 points [1.2, 5.0], n = 1,000, p = 0.002`; points are percentage points."""
    if not comparison.n:
        return f"{name_b} against {name_a}: no shared question"
    difference, low, high = (round(100 * share, 1) + 0.0 for share in comparison[:3])  # + 0.0: no `-0.0`
    p = "p < 0.001" if comparison.p < 0.001 else f"p = {comparison.p:.3f}"
    return f"{name_b} against {name_a}: {difference:+.1f} points [{low:.1f}, {high:.1f}], n = {comparison.n:,}, {p}"
