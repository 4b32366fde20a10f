"""pass@k, consistency, prediction-powered shares and plans, against counting, simulation and scipy."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from insightv_bench.statistics import (
    Components,
    components,
    consistency,
    equivalence,
    over_trainings,
    paired,
    pass_at_k,
    power_of,
    prediction_powered,
    questions_needed,
    trainings_needed,
)


def test_pass_at_k_is_the_share_of_all_subsets_that_hold_a_right_one() -> None:
    marks = [[1, 0, 0, 1, 0], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1], [0, 0, 1, 0, 0]]
    for k in (1, 2, 3, 5):
        every = [np.mean([any(some) for some in combinations(each, k)]) for each in marks]
        found = pass_at_k([sum(each) for each in marks], [5] * 4, k)
        assert found.value == pytest.approx(np.mean(every)) and found.low <= found.value <= found.high and found.n == 4
    assert pass_at_k([1, 1], [2, 5], 3).n == 1  # the question with too few samples is left out
    with pytest.raises(ValueError, match="k is at least 1"):
        pass_at_k([1], [1], 0)


def test_an_interval_of_pass_at_k_is_wider_where_questions_repeat() -> None:
    generator = np.random.default_rng(0)
    right = generator.binomial(8, generator.beta(1, 1, 50)).tolist()
    alone = pass_at_k(right, [8] * 50, 4)
    fourfold = pass_at_k(right * 4, [8] * 200, 4, [str(place % 50) for place in range(200)])
    assert fourfold.value == pytest.approx(alone.value)
    assert fourfold.high - fourfold.low == pytest.approx(alone.high - alone.low, rel=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("k", [1, 3])
def test_intervals_of_pass_at_k_cover(k: int) -> None:
    generator = np.random.default_rng(k)
    truth = float(np.mean(1 - (1 - generator.beta(2, 3, 2_000_000)) ** k))
    hits = 0
    for _ in range(1000):
        right = generator.binomial(6, generator.beta(2, 3, 100))
        found = pass_at_k(right.tolist(), [6] * 100, k)
        hits += found.low <= truth <= found.high
    assert 0.93 <= hits / 1000 <= 0.975


def test_consistency_counts_pairs_that_agree() -> None:
    found = consistency([["7", "7", "9"], ["3", "3", "3"], ["5", None, None], ["8"]])
    assert found.value == pytest.approx((1 / 3 + 1 + 0) / 3) and found.n == 3


def judged_rows(generator: np.random.Generator, num: int) -> tuple[np.ndarray, np.ndarray]:
    """Truth, and a judge who says right of a fifth of the wrong ones."""
    truth = generator.random(num) < 0.6
    return truth, np.where(truth, generator.random(num) < 0.97, generator.random(num) < 0.2)


def test_a_judges_errors_are_taken_out_by_the_rows_that_were_checked() -> None:
    generator = np.random.default_rng(1)
    truth, said = judged_rows(generator, 20_000)
    checked = list(zip(truth[:400].astype(float), said[:400].astype(float), strict=True))
    found = prediction_powered(said[400:].astype(float).tolist(), checked)
    assert said.mean() > 0.65  # what the judge alone would have said
    assert found.low < 0.6 < found.high and found.n == 20_000
    alone = 1.96 * np.sqrt(truth[:400].var() / 400)
    assert (found.high - found.low) / 2 < 0.75 * alone  # worth more than the checked rows alone
    useless = prediction_powered([0.5] * 1000, [(float(one), 0.5) for one in truth[:400]])
    assert useless.value == pytest.approx(truth[:400].mean())
    assert np.isnan(prediction_powered([1.0], checked).value)


@pytest.mark.slow
@pytest.mark.parametrize("repeats", [1, 4])
def test_prediction_powered_intervals_cover_over_clusters(repeats: int) -> None:
    generator = np.random.default_rng(2)
    hits = 0
    for _ in range(1500):
        truth, said = judged_rows(generator, 1000)
        rows = np.repeat(np.arange(1000), repeats)
        names = [str(row) for row in rows]
        cut = 150 * repeats
        pairs = list(zip(truth[rows][:cut].astype(float), said[rows][:cut].astype(float), strict=True))
        found = prediction_powered(said[rows][cut:].astype(float).tolist(), pairs, names[cut:], names[:cut])
        hits += found.low <= 0.6 <= found.high
    assert 0.93 <= hits / 1500 <= 0.97


def replies(generator: np.random.Generator, num: int, samples: int, effect: float) -> tuple[dict, dict]:
    """Two arms whose chance of a right answer differs by `effect` on average, and by question."""
    easy = generator.beta(2, 2, num) * (1 - 2 * abs(effect)) + abs(effect)
    gain = effect + generator.choice([-0.05, 0.05], num)
    sides = [generator.random((num, samples)) < np.clip(chance, 0, 1)[:, None] for chance in (easy, easy + gain)]
    a, b = ({str(place): row.tolist() for place, row in enumerate(side)} for side in sides)
    return a, b


def test_variance_components_are_those_that_the_samples_were_drawn_with() -> None:
    generator = np.random.default_rng(3)
    found = components(*replies(generator, 20_000, 4, 0.05))
    assert found.between == pytest.approx(0.05**2, abs=0.004) and found.num_samples == 4
    assert found.within == pytest.approx(0.4, abs=0.05)
    single = components(*replies(generator, 20_000, 1, 0.05))
    assert single.within == 0 and single.between == pytest.approx(found.between + found.within, rel=0.05)
    with pytest.raises(ValueError, match="1 shared questions"):
        components({"a": [True]}, {"a": [False]})


def test_power_is_scipys_and_needs_agree_with_it() -> None:
    parts = Components(0.01, 0.2, 500, 3)
    for samples in (1, 3):
        num = questions_needed(0.04, parts, samples)
        assert power_of(0.04, parts.error(num, samples)) >= 0.8 > power_of(0.04, parts.error(num - 2, samples))
    away = 0.02 / np.hypot(0.01, 0.008) * np.sqrt(5)
    beyond = stats.t.ppf(0.975, 4)
    assert power_of(0.02, float(np.hypot(0.01, 0.008)), 5) == pytest.approx(1 - stats.nct.cdf(beyond, 4, away))


@pytest.mark.slow
def test_a_plan_for_one_training_finds_its_effect_as_often_as_it_says() -> None:
    generator = np.random.default_rng(4)
    parts = components(*replies(generator, 4_000, 3, 0.05))
    for samples in (1, 3):
        num = questions_needed(0.05, parts, samples)
        found = [paired(*replies(generator, num, samples, 0.05)).p < 0.05 for _ in range(300)]
        assert 0.72 <= np.mean(found) <= 0.88, (samples, num)


@pytest.mark.slow
def test_a_plan_for_several_trainings_finds_its_effect_as_often_as_it_says() -> None:
    generator = np.random.default_rng(5)
    num = trainings_needed(0.02, 0.01, 0.008)
    found = []
    for _ in range(3000):
        own = 0.02 + generator.normal(0, 0.01, num) + generator.normal(0, 0.008, num)
        found.append(over_trainings(own.tolist(), [0.008] * num).p < 0.05)
    assert 0.74 <= np.mean(found) <= 0.9


def test_equal_is_said_as_scipys_two_one_sided_tests_say_it() -> None:
    generator = np.random.default_rng(6)
    for _ in range(50):
        values = generator.normal(0.005, 0.03, 40)
        half = stats.t.ppf(0.975, 39) * stats.sem(values)
        said = equivalence(values.mean() - half, values.mean() + half, 0.02)
        p = max(
            stats.ttest_1samp(values, -0.02, alternative="greater").pvalue,
            stats.ttest_1samp(values, 0.02, alternative="less").pvalue,
        )
        assert (said == "equivalent") == (p < 0.025)
