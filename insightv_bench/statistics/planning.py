"""How many questions, samples and trainings find an effect: from the variance components of a pilot."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .comparisons import Arm

MOST = 10_000_000


class Components(NamedTuple):
    """Where a paired difference's variance comes from. In shares of 1, squared."""

    between: float
    """Of the true difference, between questions."""
    within: float
    """Of one sample's difference on one question."""
    num_questions: int
    num_samples: float
    """On average; where it is 1, `between` holds `within` too."""

    def error(self, num_questions: float, num_samples: float = 1.0) -> float:
        """Standard error of one training's difference in a design."""
        samples = num_samples if self.num_samples > 1 else 1.0
        return math.sqrt((self.between + self.within / samples) / num_questions)


def components(a: Arm, b: Arm) -> Components:
    """By one-way analysis of variance over the questions that both answered.

    Samples are paired in their order where a question has as many on both sides (the summary agent answers on the
    reasoning agent's own paths); else they vary apart. Raises ValueError where fewer than two questions are shared.
    """
    shared = sorted(question for question in a.keys() & b.keys() if len(a[question]) and len(b[question]))
    if len(shared) < 2:
        raise ValueError(f"{len(shared)} shared questions tell no variance")
    means, noise, freedom, each, nums = [], 0.0, 0, [], []
    for question in shared:
        here, there = (np.asarray(arm[question], dtype=np.float64) for arm in (a, b))
        means.append(float(there.mean() - here.mean()))
        parts = [there - here] if len(here) == len(there) else [here, there]
        num = min(map(len, parts))
        nums.append(num)
        if num > 1:
            variance = sum(float(part.var(ddof=1)) for part in parts)
            noise, freedom = noise + variance * (num - 1), freedom + num - 1
            each.append(1 / num)
    within = noise / freedom if freedom else 0.0
    total = float(np.var(means, ddof=1))
    share = float(np.mean(each)) if each else 0.0
    between = max(0.0, total - within * share) if freedom else total
    return Components(between, within, len(shared), float(np.mean(nums)))


def questions_needed(
    effect: float, parts: Components, num_samples: int, power: float = 0.8, alpha: float = 0.05
) -> int:
    """The fewest questions on which one training's difference is found with this power, each with so many samples.

    Raises ValueError where the effect is 0.
    """
    if not effect:
        raise ValueError("no number of questions finds an effect of 0")
    from scipy.special import ndtri

    reach = float(ndtri(1 - alpha / 2) + ndtri(power)) / abs(effect)
    return min(MOST, max(2, math.ceil((parts.error(1, num_samples) * reach) ** 2)))


def power_of(effect: float, error: float, num_trainings: int = 1, alpha: float = 0.05) -> float:
    """The chance to find an effect of this size: normal for one training, t over several.

    `error`: the standard error of one training's difference, its spread between trainings included where several.
    """
    from scipy.special import nctdtr, ndtr, ndtri, stdtrit

    if error <= 0:
        return 1.0 if effect else alpha
    if num_trainings < 2:
        away, beyond = abs(effect) / error, float(ndtri(1 - alpha / 2))
        return float(ndtr(away - beyond) + ndtr(-away - beyond))
    freedom = num_trainings - 1
    return 1 - float(nctdtr(freedom, abs(effect) / error * math.sqrt(num_trainings), stdtrit(freedom, 1 - alpha / 2)))


def mean_components(parts: Sequence[Components]) -> Components:
    """Of several trainings: the mean of each part. Raises ValueError for none."""
    if not parts:
        raise ValueError("no training to plan from")
    means = [float(np.mean([one[place] for one in parts])) for place in range(4)]
    return Components(means[0], means[1], round(means[2]), means[3])
