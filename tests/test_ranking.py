"""Rank statistics: the textbook's values, and intervals over whole questions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import mannwhitneyu, norm, spearmanr

from insightv_bench.statistics import auroc, first_wrong_f1, spearman


def drawn(num: int = 400) -> tuple[list[float], list[bool], list[str]]:
    random_ = np.random.default_rng(3)
    positive = random_.random(num) < 0.4
    scores = np.clip(np.round(50 + 15 * positive + random_.normal(0, 20, num)), 1, 100)
    return scores.tolist(), positive.tolist(), [f"q{place // 5}" for place in range(num)]


def test_auroc_is_the_share_of_pairs_in_order_with_ties_as_halves() -> None:
    scores, positive, questions = drawn()
    up = [score for score, right in zip(scores, positive, strict=True) if right]
    down = [score for score, right in zip(scores, positive, strict=True) if not right]
    found = auroc(scores, positive, questions)
    assert found.value == pytest.approx(mannwhitneyu(up, down).statistic / (len(up) * len(down)))
    assert found.low < found.value < found.high and found.n == len(scores)
    assert auroc([5, 5, 5], [True, False, False]).value == 0.5


def test_rank_correlation_is_spearmans_ties_included() -> None:
    scores, _, questions = drawn()
    other = [max(1, score + 10 * (place % 4)) for place, score in enumerate(scores)]
    found = spearman(scores, other, questions)
    assert found.value == pytest.approx(spearmanr(scores, other).statistic)
    assert found.low < found.value < found.high
    assert spearman([1, 2, 3], [3, 2, 1]).value == pytest.approx(-1)


def test_rows_of_one_question_count_as_one() -> None:
    """Ten copies of each row tell no more than one: the interval stays as wide."""
    scores, positive, _ = drawn(60)
    questions = [str(place) for place in range(60)]
    once = auroc(scores, positive, questions)
    often = auroc(scores * 10, positive * 10, questions * 10)
    alone = auroc(scores * 10, positive * 10)
    assert often.value == pytest.approx(once.value)
    assert often.high - often.low == pytest.approx(once.high - once.low, rel=0.1)
    assert alone.high - alone.low < 0.6 * (once.high - once.low)


def test_what_cannot_be_told_is_nan_and_no_error() -> None:
    assert math.isnan(auroc([1, 2], [True, True]).value)
    assert math.isnan(spearman([1, 1], [1, 2]).value)
    assert math.isnan(auroc([], []).value)
    with pytest.raises(ValueError, match="2, 1 and no values"):
        auroc([1, 2], [True])


def test_a_perfect_judge_has_an_interval_with_a_width() -> None:
    found = auroc([1, 1, 9, 9], [False, False, True, True])
    assert found.value == 1 and found.low < 0.8 and found.high == 1


def test_f1_of_the_first_wrong_step_is_the_harmonic_mean_of_both_accuracies() -> None:
    truth = [0, 1, 2, 3, None, None]
    told = [0, 1, 0, None, None, 2]
    found = first_wrong_f1(told, truth)
    assert (found["error"].value, found["correct"].value) == (0.5, 0.5)
    assert found["f1"].value == pytest.approx(0.5)
    assert (found["error"].n, found["correct"].n, found["f1"].n) == (4, 2, 6)
    assert first_wrong_f1([-1, -1], [0, None])["f1"].value == 0  # a reply that could not be read is a miss
    assert math.isnan(first_wrong_f1([0], [0])["f1"].value)  # no right row: there is no second accuracy


def test_few_positives_in_perfect_order_are_not_sure() -> None:
    found = auroc([100] * 3 + [10] * 397, [True] * 3 + [False] * 397, [str(place) for place in range(400)])
    assert found.value == 1 and found.low < 0.8


def test_the_one_flawed_row_that_was_found_is_one_row() -> None:
    questions = [str(place) for place in range(200)]
    found = first_wrong_f1([2] + [None] * 199, [2] + [None] * 199, questions)["error"]
    assert (found.value, found.n) == (1, 1) and found.low < 0.3


@pytest.mark.slow
@pytest.mark.parametrize(("num_positive", "num_negative"), [(3, 300), (30, 30), (100, 100)])
@pytest.mark.parametrize("shift", [0.5, 2.0])
def test_an_auroc_s_interval_holds_with_few_rows(num_positive: int, num_negative: int, shift: float) -> None:
    generator, true = np.random.default_rng(4), norm.cdf(shift / 2**0.5)
    positive = [True] * num_positive + [False] * num_negative
    covered = 0
    for _ in range(1_000):
        scores = np.round(generator.normal(shift * np.array(positive), 1), 1)
        found = auroc(scores.tolist(), positive)
        covered += found.low <= true <= found.high
    assert 0.925 <= covered / 1_000 <= 0.985
