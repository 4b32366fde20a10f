"""Differences over several trainings: each seed is one draw, so what holds "after training" has a spread over seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from .comparisons import Comparison
from .estimates import CONFIDENCE


class OverTrainings(NamedTuple):
    """A difference b - a as another training with a seed nobody has seen would show it, on average."""

    difference: float
    low: float
    high: float
    p: float
    """Two-sided, of t with one degree of freedom less than there are trainings."""
    num: int
    """Trainings."""
    spread: float
    """Standard deviation of the true difference between trainings, after DerSimonian and Laird; 0: none is seen."""
    heterogeneity_p: float
    """Of Cochran's Q: small where the trainings differ by more than their questions explain."""


def over_trainings(
    differences: Sequence[float], errors: Sequence[float], confidence: float = CONFIDENCE
) -> OverTrainings:
    """The random-effects mean of one difference a training, with Hartung and Knapp's (2001) t interval.

    `errors`: the standard error of each difference over its own questions. The scale of the interval is what the
    trainings show. Röver et al. (2015, BMC Med. Res. Methodol. 15, 99) advise to take it as 1 where it is less, for
    studies of very unequal size; trainings here are asked as many questions each, and with that bound a test at 0.05
    rejected a true null in at most 0.014 of cases of 3 trainings, in 0.013 to 0.049 of 8; without it in 0.048 to 0.051
    of either. It is 1 where all differences are the same, so that no interval is without width. All of the interval is
    nan for one training. Raises ValueError where the lengths differ or an error is not positive.
    """
    if len(differences) != len(errors) or any(not error > 0 for error in errors):
        raise ValueError("each difference needs a standard error above 0")
    num = len(differences)
    if num < 2:
        only = differences[0] if num else math.nan
        return OverTrainings(only, math.nan, math.nan, math.nan, num, math.nan, math.nan)
    from scipy.special import chdtrc, stdtr, stdtrit

    seen, variances = np.asarray(differences, dtype=np.float64), np.asarray(errors, dtype=np.float64) ** 2
    weights = 1 / variances
    fixed = float((weights * seen).sum() / weights.sum())
    q = float((weights * (seen - fixed) ** 2).sum())
    between = max(0.0, (q - (num - 1)) / float(weights.sum() - (weights**2).sum() / weights.sum()))
    weights = 1 / (variances + between)
    mean = float((weights * seen).sum() / weights.sum())
    scale = float((weights * (seen - mean) ** 2).sum()) / (num - 1) if np.ptp(seen) else 1.0
    error = math.sqrt(scale / float(weights.sum()))
    half = float(stdtrit(num - 1, 0.5 + confidence / 2)) * error
    p = 2 * float(stdtr(num - 1, -abs(mean) / error))
    return OverTrainings(mean, mean - half, mean + half, p, num, math.sqrt(between), float(chdtrc(num - 1, q)))


def standard_error(comparison: Comparison) -> float:
    """Of a difference, from its 95 % interval."""
    from scipy.special import ndtri

    return (comparison.high - comparison.low) / (2 * float(ndtri(0.5 + CONFIDENCE / 2)))


def trainings_needed(effect: float, spread: float, error: float, power: float = 0.8, alpha: float = 0.05) -> int:
    """The fewest trainings whose t test finds `effect` with this power.

    `spread`: standard deviation of the true difference between trainings; `error`: standard error of one training's
    difference over its questions. All in one unit. Raises ValueError where the effect is 0.
    """
    if not effect:
        raise ValueError("no number of trainings finds an effect of 0")
    from scipy.special import nctdtr, stdtrit

    per_training = math.hypot(spread, error)
    for num in range(2, 10_000):
        away = abs(effect) / per_training * math.sqrt(num)
        beyond = float(stdtrit(num - 1, 1 - alpha / 2))
        if not float(nctdtr(num - 1, away, beyond)) > 1 - power:
            return num
    return 10_000


Equivalence = Literal["equivalent", "different", "not told apart"]


def equivalence(low: float, high: float, margin: float) -> Equivalence:
    """What a 95 % interval of a difference says of a margin set beforehand.

    `equivalent`: it lies whole within the margin on both sides of 0 (two one-sided tests, 0.025 each); `different`: it
    leaves 0 out; else neither is shown, and nothing may be called level.
    """
    if -margin < low and high < margin:
        return "equivalent"
    return "different" if low > 0 or high < 0 else "not told apart"
