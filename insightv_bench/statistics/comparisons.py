"""Paired differences of two arms over questions: their intervals, their tests, and the effects that they can detect."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from .estimates import CONFIDENCE, NUM_RESAMPLES, Floats, Statistic, Sums, bootstrap, ratio

NUM_FLIPS = 100_000
"""Of a sign-flip test whose p is small: where twenty comparisons are adjusted together, it can still be below 0.001."""
FEW = 20
"""So many flips as extreme as what was seen, of the first `NUM_RESAMPLES`, tell that p is not small."""
DRAWS_AT_ONCE = 1_000
"""Of a swap test: bounds its memory where there are many kinds of questions."""


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


NO_COMPARISON = Comparison(math.nan, math.nan, math.nan, math.nan, 0, "no shared question")
Arm = Mapping[str, Sequence[bool]]
"""Question id -> right or wrong, reply by reply."""


def paired(a: Arm, b: Arm, seed: int = 0, confidence: float = CONFIDENCE) -> Comparison:
    """Compare two arms' shares of right replies; only the questions in both count.

    One row a question in both: exact McNemar test (binomial on the discordant pairs) and the adjusted Wald interval
    of Bonett and Price (2012, J. Educ. Behav. Stat. 37, 479-488). More rows: percentile bootstrap over questions and
    a sign-flip test, in which each question's share of the difference changes sign or not.
    The difference is that of the two row shares, so it agrees with `accuracy` over the same questions.
    """
    shared = sorted(question for question in a.keys() & b.keys() if len(a[question]) and len(b[question]))
    if not shared:
        return NO_COMPARISON
    totals = np.array([[num for arm in (a, b) for num in (sum(arm[q]), len(arm[q]))] for q in shared], dtype=np.float64)
    differences = totals[:, 2] / totals[:, 3] - totals[:, 0] / totals[:, 1]
    if (totals[:, [1, 3]] == 1).all():
        from scipy.stats import binomtest

        gained, lost = int((differences > 0).sum()), int((differences < 0).sum())
        p = float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0
        method = "exact McNemar test, Bonett-Price interval"
        return Comparison(float(differences.mean()), *_bonett_price(differences, confidence), p, len(shared), method)
    gap = _gap(ratio, ratio, 2)
    # A bootstrap of equal questions has no width.
    alike = np.ptp(differences) == 0
    low, high = _bonett_price(differences, confidence) if alike else bootstrap(totals, gap, seed, confidence)
    method = "sign-flip test and percentile bootstrap over questions"
    return Comparison(_value(gap, totals), low, high, _sign_flip(totals, seed), len(shared), method)


def compare(a: Sums, b: Sums, seed: int = 0, confidence: float = CONFIDENCE) -> Comparison:
    """b less a, of any figure, over the questions of either: studentised swap test, and the interval of that test.

    A question that has rows on one side only (the wrong paths of two agents are not the same) counts there alone. The
    sides of a question that has both may be swapped; any other may stand on either side, as many on each as do.
    What is compared with those draws is the difference in its standard errors (Janssen 1997, Stat. Probab. Lett. 36, 9;
    Chung and Romano 2013, Ann. Stat. 41, 484): the bare difference spreads otherwise where one side has many rows and
    the other few. The interval is as many standard errors wide as a share of `confidence` of the draws stays
    within, so that it leaves 0 out just where p is below 1 - `confidence`.
    """
    if not a.n or not b.n:
        return NO_COMPARISON
    questions = sorted({*a.questions, *b.questions})
    width = a.totals.shape[1]
    sides = _aligned(a, questions), _aligned(b, questions)
    gap = _Gap(a.statistic, b.statistic, width)
    difference, error = (float(values[0]) for values in gap.of_rows(np.hstack(sides)))
    p, reach = _studentised_swaps(sides, gap, difference, error, seed, confidence)
    method = "studentised swap test and its interval, over questions"
    is_share = a.statistic is ratio and b.statistic is ratio
    half = reach * error
    low, high = difference - half, difference + half
    if is_share:
        low, high = max(-1.0, low), min(1.0, high)
    return Comparison(difference, low, high, p, len(questions), method)


class _Gap:
    """A difference of two figures of sums, with its standard error by linearisation, for many resamples at once."""

    def __init__(self, a: Statistic, b: Statistic, width: int) -> None:
        self._sides, self._width = (a, b), width
        self._are_shares = a is ratio and b is ratio

    def of_rows(self, totals: Floats) -> tuple[Floats, Floats]:
        """[1] differences and [1] errors of `totals`, [questions, 2 x width]."""
        products = np.einsum("ij,ik->jk", totals, totals).reshape(1, -1)
        return self.of_sums(totals.sum(axis=0)[None], products)

    def of_sums(self, sums: Floats, products: Floats) -> tuple[Floats, Floats]:
        """[draws] differences and [draws] errors.

        `sums` is [draws, 2 x width]; `products`, [draws, (2 x width)^2], sums of products of each question's totals.
        """
        width = self._width
        halves = sums[:, :width], sums[:, width:]
        values = [statistic(half) for statistic, half in zip(self._sides, halves, strict=True)]
        slopes = [_slopes(statistic, half) for statistic, half in zip(self._sides, halves, strict=True)]
        slope = np.hstack([-slopes[0], slopes[1]])
        variance = np.einsum("ri,rij,rj->r", slope, products.reshape(len(sums), 2 * width, 2 * width), slope)
        if self._are_shares:
            variance = variance + sum(_unseen_variance(value, half) for value, half in zip(values, halves, strict=True))
        return np.asarray(values[1] - values[0]), np.sqrt(np.maximum(variance, 0))


def _slopes(statistic: Statistic, sums: Floats) -> Floats:
    """How the figure changes with each column sum: [draws, columns]. What depends on shares alone has, by these, parts
    that add up to 0 over the questions.
    """
    slopes = np.zeros_like(sums)
    for column in range(sums.shape[1]):
        step = np.zeros_like(sums)
        step[:, column] = 1e-4 * np.maximum(1.0, np.abs(sums[:, column]))
        slopes[:, column] = (statistic(sums + step) - statistic(sums - step)) / (2 * step[:, column])
    return slopes


def _unseen_variance(share: Floats, sums: Floats) -> Floats:
    """The variance that 0 of n or n of n still has: that of Agresti and Coull's (1998) share; 0 for any other share."""
    num = sums[:, 1] + 4
    middle = (sums[:, 0] + 2) / num
    return np.where((share == 0) | (share == 1), middle * (1 - middle) / num, 0.0)


def _studentised_swaps(
    sides: tuple[Floats, Floats], gap: _Gap, difference: float, error: float, seed: int, confidence: float
) -> tuple[float, float]:
    """p of the difference, never 0, and how many standard errors a share of `confidence` of the draws stays within.

    Questions of equal totals are interchangeable, so a draw is how many of each kind change sides: binomial where a
    question has both sides, hypergeometric where it has one.
    """
    from scipy.special import ndtri

    has_a, has_b = (np.abs(side).sum(axis=1) > 0 for side in sides)
    both = np.logical_and(has_a, has_b)
    one_sided = np.logical_not(both)
    kinds, counts = np.unique(np.hstack(sides)[both], axis=0, return_counts=True)
    others, on_either = np.unique(np.where(has_a[:, None], sides[0], sides[1])[one_sided], axis=0, return_counts=True)
    num_a = int(np.logical_and(has_a, one_sided).sum())
    width = sides[0].shape[1]
    nothing = np.zeros_like(others)
    here, there = np.hstack([others, nothing]), np.hstack([nothing, others])
    rows = np.vstack([kinds, np.hstack([kinds[:, width:], kinds[:, :width]]), here, there])
    features = np.hstack([rows, np.einsum("ij,ik->ijk", rows, rows).reshape(len(rows), -1)])
    observed = abs(difference) / error if error else (math.inf if difference else 0.0)
    generator = np.random.default_rng(seed)
    drawn: list[Floats] = []
    as_extreme = num = 0
    while num < NUM_RESAMPLES or (as_extreme < FEW and num < NUM_FLIPS):
        swaps = generator.binomial(counts, 0.5, size=(DRAWS_AT_ONCE, len(counts)))
        stays = generator.multivariate_hypergeometric(on_either, num_a, size=DRAWS_AT_ONCE, method="marginals")
        total = np.hstack([counts - swaps, swaps, stays, on_either - stays]) @ features
        gaps, errors = gap.of_sums(total[:, : 2 * width], total[:, 2 * width :])
        sizes = np.divide(np.abs(gaps), errors, out=np.where(np.abs(gaps) > 1e-12, math.inf, 0.0), where=errors > 1e-12)
        sizes = sizes[~np.isnan(gaps)]
        as_extreme += int((sizes >= observed - 1e-9).sum())
        num += DRAWS_AT_ONCE
        drawn.append(sizes)
    draws = np.concatenate(drawn)
    p = (1 + as_extreme) / (1 + len(draws))
    draws = draws[np.isfinite(draws)]
    reach = float(np.quantile(draws, confidence)) if len(draws) else 0.0
    return p, reach or float(ndtri(0.5 + confidence / 2))  # draws that never differ say nothing of how far they reach


def _gap(a: Statistic, b: Statistic, width: int) -> Statistic:
    """Of sums whose first `width` columns are a's, the others b's."""
    return lambda sums: np.asarray(b(sums[:, width:]) - a(sums[:, :width]))


def _value(gap: Statistic, totals: Floats) -> float:
    return float(gap(totals.sum(axis=0)[None])[0])


def _aligned(sums: Sums, questions: Sequence[str]) -> Floats:
    place = {question: row for row, question in enumerate(questions)}
    totals = np.zeros((len(questions), sums.totals.shape[1]))
    totals[[place[question] for question in sums.questions]] = sums.totals
    return totals


def _bonett_price(differences: Floats, confidence: float) -> tuple[float, float]:
    """Wald's interval once one pair won and one pair lost are added: the form in which the paper's formula is short."""
    from scipy.stats import norm

    padded = np.append(differences, [1.0, -1.0])
    half = float(norm.ppf(0.5 + confidence / 2)) * math.sqrt(float(padded.var()) / len(padded))
    return max(-1.0, float(padded.mean()) - half), min(1.0, float(padded.mean()) + half)


def _sign_flip(totals: Floats, seed: int) -> float:
    """Two-sided p of the difference when the sign of each question's part of it is a fair coin; never 0, as the parts
    as seen are counted.

    The parts are centred so that under "no difference" each is 0 on average even where questions have unequal numbers
    of rows; they add up to the difference.
    """
    right_a, num_a, right_b, num_b = totals.sum(axis=0)
    pooled = (right_a + right_b) / (num_a + num_b)
    parts = (totals[:, 2] - pooled * totals[:, 3]) / num_b - (totals[:, 0] - pooled * totals[:, 1]) / num_a
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


def detectable_in(comparison: Comparison, a: Arm, b: Arm, alpha: float = 0.05) -> float:
    """The smallest difference that this comparison of `a` and `b` finds with 80 % power: from the discordant pairs
    where a question has one row on each side, else from the interval's width.

    nan where no question tells the sides apart: how often they would differ is then not known.
    """
    shared = a.keys() & b.keys()
    if any(len(a[question]) + len(b[question]) > 2 for question in shared):
        return detectable_at(comparison.low, comparison.high, alpha=alpha)
    discordant = num_differ(a, b)
    return detectable_effect(len(shared), discordant / len(shared), alpha=alpha) if discordant else math.nan


def num_differ(a: Arm, b: Arm) -> int:
    """Shared questions on which the two sides' replies are not alike."""
    return sum(list(a[question]) != list(b[question]) for question in a.keys() & b.keys())
