"""Intervals and tests against values known from elsewhere, and their coverage by simulation."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest

from insightv_bench.statistics import Comparison, accuracy, bootstrap, holm, interval, paired, percent, points, sentence
from insightv_bench.statistics.comparisons import detectable_at, detectable_effect

Arm = dict[str, list[bool]]


def two_arms(both: int, only_a: int, only_b: int, neither: int) -> tuple[Arm, Arm]:
    """Two arms of one row a question, from the four cells of their table."""
    cells = [(True, True)] * both + [(True, False)] * only_a + [(False, True)] * only_b + [(False, False)] * neither
    return (
        {f"q{place}": [cell[0]] for place, cell in enumerate(cells)},
        {f"q{place}": [cell[1]] for place, cell in enumerate(cells)},
    )


@pytest.mark.parametrize(
    ("num_right", "n", "low", "high"),
    [  # Newcombe 1998, Statistics in Medicine 17, 857-872, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_interval_is_newcombes(num_right: int, n: int, low: float, high: float) -> None:
    found = accuracy([True] * num_right + [False] * (n - num_right))
    assert found.value == pytest.approx(num_right / n) and found.n == n
    assert (found.low, found.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_one_row_a_cluster_is_no_clustering() -> None:
    rows = [True, False, True, True]
    assert accuracy(rows, ["a", "b", "c", "d"]) == accuracy(rows)


def test_no_rows_have_no_accuracy() -> None:
    found = accuracy([])
    assert found.n == 0 and all(math.isnan(number) for number in found[:3])


def test_rows_and_clusters_must_be_equally_many() -> None:
    with pytest.raises(ValueError, match="2 rows but 1 clusters"):
        accuracy([True, False], ["a"])


def test_copies_of_a_row_add_no_certainty() -> None:
    rows = [place % 3 > 0 for place in range(120)]
    once = accuracy(rows)
    copied = accuracy(rows * 5, [f"q{place}" for place in range(120)] * 5)
    assert copied.value == once.value and copied.n == 600
    assert copied.high - copied.low == pytest.approx(once.high - once.low, rel=0.1)


def test_rows_that_are_all_right_leave_room_for_doubt() -> None:
    found = accuracy([True] * 40, [f"q{place % 10}" for place in range(40)])
    assert (found.value, found.high) == (1.0, pytest.approx(1.0))
    assert found.low == pytest.approx(accuracy([True] * 10).low)


def test_the_same_seed_gives_the_same_interval() -> None:
    totals = np.random.default_rng(0).random((50, 1))
    assert bootstrap(totals, lambda sums: sums[:, 0], seed=1) == bootstrap(totals, lambda sums: sums[:, 0], seed=1)
    assert bootstrap(totals, lambda sums: sums[:, 0], seed=1) != bootstrap(totals, lambda sums: sums[:, 0], seed=2)


def test_bootstrap_by_kinds_equals_bootstrap_by_clusters() -> None:
    generator = np.random.default_rng(5)
    totals = np.column_stack([generator.integers(0, 4, 80), np.full(80, 3)]).astype(float)
    drawn = totals[generator.integers(0, 80, size=(10_000, 80))].sum(axis=1)
    expected = np.percentile(drawn[:, 0] / drawn[:, 1], [2.5, 97.5])
    assert bootstrap(totals, lambda sums: sums[:, 0] / sums[:, 1]) == pytest.approx(expected, abs=0.01)


@pytest.mark.slow
def test_clustered_interval_covers_the_truth() -> None:
    """200 draws of 100 questions with 4 rows each: about 190 of the intervals should hold the true share."""
    generator = np.random.default_rng(11)
    clusters = [f"q{place}" for place in range(100) for _ in range(4)]
    covered = 0
    for draw in range(200):
        shares = generator.beta(2, 2, size=100)  # a mean of 0.5
        rows = (generator.random((100, 4)) < shares[:, None]).ravel()
        found = accuracy(rows.tolist(), clusters, seed=draw)
        covered += found.low <= 0.5 <= found.high
    assert 180 <= covered <= 198


def test_paired_interval_is_bonett_and_prices() -> None:
    """R's `statpsych::ci.prop.ps(.05, 12, 26, 4, 6)` prints 0.2548067 and 0.6251933."""
    a, b = two_arms(both=12, only_a=4, only_b=26, neither=6)
    found = paired(a, b)
    assert found.difference == pytest.approx(22 / 48) and found.n == 48
    assert (found.low, found.high) == (pytest.approx(0.2548067, abs=1e-6), pytest.approx(0.6251933, abs=1e-6))


def test_mcnemar_is_the_binomial_of_the_discordant_pairs() -> None:
    """1 against 5: p = 2 * (1 + 6) / 2**6 = 0.21875; 0 against 6: 2 / 2**6."""
    assert paired(*two_arms(10, 1, 5, 10)).p == pytest.approx(0.21875)
    assert paired(*two_arms(10, 0, 6, 10)).p == pytest.approx(0.03125)


@pytest.mark.parametrize("num_rows", [1, 3])
def test_identical_answers_are_no_difference(num_rows: int) -> None:
    arm = {f"q{place}": [place % 2 == 0] * num_rows for place in range(30)}
    found = paired(arm, dict(arm))
    assert (found.difference, found.p) == (0, 1)
    assert found.low < 0 < found.high


def test_swapping_the_arms_changes_the_sign_alone() -> None:
    a = {f"q{place}": [place % 3 == 0, place % 5 == 0] for place in range(60)}
    b = {f"q{place}": [place % 2 == 0] for place in range(60)}
    one, other = paired(a, b), paired(b, a)
    assert one.difference == pytest.approx(-other.difference) and one.p == other.p
    assert (one.low, one.high) == (pytest.approx(-other.high), pytest.approx(-other.low))


def test_only_shared_questions_count() -> None:
    found = paired({"a": [True], "b": [False], "x": [True]}, {"a": [True], "b": [True], "y": [False], "x": []})
    assert (found.n, found.difference) == (2, 0.5)


def test_no_shared_question_is_no_comparison() -> None:
    found = paired({"a": [True]}, {"b": [True]})
    assert found.n == 0 and math.isnan(found.p)
    assert sentence("one", "other", found) == "other against one: no shared question"


def test_the_clustered_difference_is_that_of_the_accuracies() -> None:
    a = {"p": [True, True, False], "q": [False]}
    b = {"p": [True], "q": [True, False, True]}
    assert paired(a, b).difference == pytest.approx(3 / 4 - 2 / 4)


def test_few_questions_are_never_significant_by_the_sign_flip() -> None:
    """4 questions that all gain: 2 of the 16 ways to flip their signs are as extreme."""
    a = {f"q{place}": [False, False] for place in range(4)}
    b = {f"q{place}": [True, True] for place in range(4)}
    assert paired(a, b).p == pytest.approx(2 / 16, abs=0.015)


def test_the_sign_flip_agrees_with_mcnemar_on_copied_rows() -> None:
    a, b = two_arms(40, 12, 26, 22)
    copied = paired({q: rows * 2 for q, rows in a.items()}, {q: rows * 2 for q, rows in b.items()})
    assert copied.p == pytest.approx(paired(a, b).p, abs=0.01)


@pytest.mark.slow
def test_the_clustered_test_is_rarely_wrong_where_nothing_differs() -> None:
    generator = np.random.default_rng(2)
    wrong = 0
    for draw in range(200):
        shares = generator.beta(1, 1, size=60)
        rows = generator.random((60, 4)) < shares[:, None]
        a = {f"q{place}": rows[place, :1].tolist() for place in range(60)}
        b = {f"q{place}": rows[place, 1:].tolist() for place in range(60)}
        wrong += paired(a, b, seed=draw).p < 0.05
    assert wrong <= 20


def test_holm_by_hand() -> None:
    """Sorted 0.005, 0.01, 0.03, 0.04 times 4, 3, 2, 1; the last may not fall below the one before."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []


def test_holm_leaves_out_what_was_not_tested() -> None:
    adjusted = holm([0.02, math.nan, 0.03])
    assert adjusted[0] == 0.04 and math.isnan(adjusted[1]) and adjusted[2] == 0.04


def test_detectable_effect_solves_connors_sample_size() -> None:
    effect, share = detectable_effect(500, 0.2), 0.2
    z_alpha, z_power = 1.959964, 0.841621
    needed = (z_alpha * math.sqrt(share) + z_power * math.sqrt(share - effect**2)) ** 2 / effect**2
    assert needed == pytest.approx(500, rel=1e-4)


def test_too_few_questions_detect_nothing() -> None:
    assert math.isnan(detectable_effect(5, 0.2))
    assert math.isnan(detectable_effect(0, 0.2))


@pytest.mark.slow
def test_a_detectable_effect_is_found_with_its_power() -> None:
    """Table simulated at the detectable effect: McNemar's exact test is a little conservative, so 0.7 to 0.85."""
    effect = detectable_effect(400, 0.25)
    cells = np.random.default_rng(0).multinomial(400, [0.75, (0.25 - effect) / 2, (0.25 + effect) / 2], size=300)
    found = [paired(*two_arms(both, only_a, only_b, 0)).p < 0.05 for both, only_a, only_b in cells.tolist()]
    assert 0.7 <= np.mean(found) <= 0.87


def test_detectable_at_is_2_8_standard_errors() -> None:
    assert detectable_at(-1.959964, 1.959964) == pytest.approx(2.801585, abs=1e-5)


def test_sentence_in_points() -> None:
    found = Comparison(0.0312, 0.0121, 0.0503, 0.002, 1000, "")
    expected = "reason+summary against reason: +3.1 points [1.2, 5.0], n = 1,000, p = 0.002"
    assert sentence("reason", "reason+summary", found) == expected
    assert sentence("a", "b", found._replace(p=0.0009)).endswith("p < 0.001")
    assert "+0.0 points [-2.0, 0.0]" in sentence("a", "b", found._replace(difference=-1e-9, low=-0.02, high=-1e-9))


def test_a_figure_is_written_in_one_form() -> None:
    assert percent(0.63149, 0.58, 0.67951) == "63.1 [58.0, 68.0]" and percent(0.5) == "50.0"
    assert points(0.0312, -1e-9, 0.05) == "+3.1 [0.0, 5.0]" and points(-0.02) == "-2.0"
    assert percent(math.nan) == points(None) == interval(None, 0.5) == "–"


def test_importing_loads_no_scipy_statistics() -> None:
    code = "import sys, insightv_bench.statistics; sys.exit('scipy.stats' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
