"""Claims over several trainings: the random-effects interval, how many seeds a claim needs, and "no difference"."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from insightv_bench.statistics import equivalence, over_trainings, trainings_needed


def test_equal_errors_give_the_t_interval_of_the_seeds() -> None:
    seeds = [4.1, 5.0, 6.6]
    over = over_trainings(seeds, [0.1] * 3)
    expected = stats.ttest_1samp(seeds, 0)
    low, high = expected.confidence_interval()
    assert (over.difference, over.low, over.high) == pytest.approx((np.mean(seeds), low, high))
    assert over.p == pytest.approx(expected.pvalue) and over.num == 3 and over.heterogeneity_p < 0.001


def test_seeds_that_agree_by_chance_are_not_sure_of_it() -> None:
    """The interval of two equal seeds is as wide as their questions leave it."""
    over = over_trainings([3.0, 3.0], [0.8, 0.8])
    assert over.spread == 0 and over.high - over.low == pytest.approx(2 * stats.t.ppf(0.975, 1) * 0.8 / math.sqrt(2))


def test_a_difference_of_one_training_says_nothing_of_another() -> None:
    over = over_trainings([3.0], [0.5])
    assert over.difference == 3 and math.isnan(over.p) and math.isnan(over.low)


@pytest.mark.parametrize(
    ("differences", "errors"), [([1.0], []), ([1.0, 2.0], [0.5, 0.0]), ([1.0, 2.0], [0.5, math.nan])]
)
def test_errors_that_are_none_are_refused(differences: list[float], errors: list[float]) -> None:
    with pytest.raises(ValueError, match="standard error above 0"):
        over_trainings(differences, errors)


@pytest.mark.slow
@pytest.mark.parametrize("spread", [0.0, 0.7, 1.7])
@pytest.mark.parametrize("num", [3, 5, 8])
def test_the_interval_over_trainings_holds_whatever_their_spread(spread: float, num: int) -> None:
    """The true mean is 0; 4,000 draws of `num` trainings whose own errors are 0.87 points, as those of 1,000 questions.
    Type I is the share of p below 0.05, which lies where the interval leaves 0 out."""
    generator = np.random.default_rng(11)
    num_rejected = 0
    for _ in range(4_000):
        seeds = generator.normal(0, spread, num) + generator.normal(0, 0.87, num)
        over = over_trainings(seeds.tolist(), generator.uniform(0.84, 0.9, num).tolist())
        assert (over.p < 0.05) == (not over.low <= 0 <= over.high)
        num_rejected += over.p < 0.05
    assert 0.04 <= num_rejected / 4_000 <= 0.06


def test_more_spread_needs_more_seeds() -> None:
    assert trainings_needed(2.0, 0.7, 0.87) < trainings_needed(2.0, 1.7, 0.87) < trainings_needed(1.0, 1.7, 0.87)
    with pytest.raises(ValueError, match="an effect of 0"):
        trainings_needed(0, 0.7, 0.87)


@pytest.mark.slow
def test_as_many_seeds_as_are_needed_find_the_effect() -> None:
    num = trainings_needed(2.0, 0.7, 0.87)
    generator = np.random.default_rng(12)
    draws = 2.0 + generator.normal(0, math.hypot(0.7, 0.87), (4_000, num))
    assert 0.78 <= (stats.ttest_1samp(draws, 0, axis=1).pvalue < 0.05).mean() <= 0.9


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(-0.9, 1.0, "not told apart"), (-0.4, 0.4, "equivalent"), (0.1, 0.4, "equivalent"), (0.1, 0.9, "different")],
)
def test_no_difference_needs_a_margin(low: float, high: float, said: str) -> None:
    assert equivalence(low, high, margin=0.5) == said
