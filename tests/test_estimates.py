"""Estimates with their intervals and tests, and the figures that are made of them: robustness, outcomes, votes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from board_rows import of, row, written

from insightv_bench.records import EvalRecord
from insightv_bench.results import load, measured, parse_name
from insightv_bench.results.equal_tokens import equal_tokens
from insightv_bench.results.outcomes import outcomes, tokens_a_right_answer
from insightv_bench.results.sums import share_sums
from insightv_bench.statistics import Sums, accuracy, compare, estimate, ratio


def test_an_estimate_is_the_interval_of_accuracy_where_both_are_defined() -> None:
    generator = np.random.default_rng(0)
    for num_rows in (1, 3):
        marks = generator.random(60 * num_rows) < 0.4
        clusters = [f"q{place // num_rows}" for place in range(len(marks))]
        rows = pl.DataFrame({"cluster": clusters, "correct": marks})
        found, wanted = estimate(share_sums(rows, pl.col("correct"))), accuracy(marks.tolist(), clusters)
        assert found == pytest.approx(wanted, abs=0.02) and found[0] == wanted[0]


def test_alike_questions_have_an_interval_of_some_width() -> None:
    """Each of three questions is right once of two: a bootstrap over them sees no spread."""
    rows = pl.DataFrame({"cluster": ["a", "a", "b", "b", "c", "c"], "correct": [True, False] * 3})
    found = estimate(share_sums(rows, pl.col("correct")))
    assert found.low < 0.2 and found.high > 0.8
    assert accuracy(rows["correct"].to_list(), rows["cluster"].to_list()) == pytest.approx(found)


def test_a_swap_test_finds_a_difference_and_none_where_there_is_none() -> None:
    rows = pl.DataFrame({"cluster": [f"q{place}" for place in range(200)]})
    a, b, c = (
        share_sums(
            rows.with_columns(correct=pl.Series([place % 10 < tenths for place in range(200)])), pl.col("correct")
        )
        for tenths in (4, 6, 4)
    )
    assert compare(a, b).p < 0.001 and compare(a, c).p == 1


def one_row_a_question(num_right: int, num: int, first: int = 0) -> Sums:
    marks = np.arange(num) < num_right
    names = tuple(f"{place:04}" for place in range(first, first + num))
    return Sums(names, np.column_stack([marks, np.ones(num)]).astype(float), ratio, num)


def test_two_shares_of_all_leave_room_for_doubt() -> None:
    gap = compare(one_row_a_question(241, 241), one_row_a_question(33, 33))
    assert gap.difference == 0 and gap.p == 1 and gap.low < -0.02 and gap.high > 0.02


def test_three_rows_against_three_show_nothing() -> None:
    """As Fisher's exact test: 2 of the 20 ways to share out six rows are as extreme."""
    gap = compare(one_row_a_question(3, 3), one_row_a_question(0, 3, first=3))
    assert gap.p == pytest.approx(0.1, abs=0.02) and gap.low == -1 and gap.high >= 0


def test_questions_without_a_row_of_the_figure_count_for_nothing() -> None:
    """One flawed row of 200 questions, found: nobody knows how often."""
    rows = pl.DataFrame({"cluster": [str(place) for place in range(200)], "flawed": [True] + [False] * 199})
    found = estimate(share_sums(rows.filter("flawed"), pl.col("flawed")))
    assert found.n == 1 and found.low < 0.3


@pytest.mark.slow
@pytest.mark.parametrize(("num", "a", "b"), [(1000, 0.68, 0.2), (1000, 0.25, 0.05), (100, 0.6, 0.3)])
def test_equal_rescue_of_unequally_many_wrong_paths_is_seldom_told_apart(num: int, a: float, b: float) -> None:
    """400 draws of three paths a question, of which a share of `a` and `b` is wrong; 25 % of those are mended."""
    generator = np.random.default_rng(5)
    small = covered = 0
    for draw in range(400):
        sides = []
        for wrong in (a, b):
            paths = generator.binomial(3, generator.beta(wrong, 1 - wrong, size=num))
            mended = generator.binomial(paths, generator.beta(0.25 * 2, 0.75 * 2, size=num))
            names = np.array([f"{place:04}" for place in range(num)])[paths > 0]
            totals = np.column_stack([mended, paths])[paths > 0].astype(float)
            sides.append(Sums(tuple(names), totals, ratio, int(totals[:, 1].sum())))
        gap = compare(*sides, seed=draw)
        small += gap.p < 0.05
        covered += gap.low <= 0 <= gap.high
        assert (gap.p < 0.05) <= (not gap.low <= 0 <= gap.high) or abs(gap.p - 0.05) < 0.005
    assert small / 400 <= 0.085 and covered / 400 >= 0.915


@pytest.mark.slow
@pytest.mark.parametrize("num", [30, 100, 1000])
@pytest.mark.parametrize("each", [1, 3, 4])
def test_a_share_s_interval_holds_at_every_size(num: int, each: int) -> None:
    generator = np.random.default_rng(num + each)
    names = np.repeat([str(place) for place in range(num)], each).tolist()
    covered = 0
    for _ in range(1_000):
        rows = generator.random((num, each)) < generator.beta(0.85 * 1.5, 0.15 * 1.5, size=num)[:, None]
        found = accuracy(rows.ravel().tolist(), names)
        covered += found.low <= 0.85 <= found.high
    assert 0.925 <= covered / 1_000 <= 0.98


@pytest.mark.slow
def test_under_no_difference_the_swap_test_is_seldom_small() -> None:
    """5 % of 200 tests, give or take three standard errors of a binomial."""
    generator, small = np.random.default_rng(1), 0
    for _ in range(200):
        sides = [
            Sums(
                tuple(f"q{place}" for place in range(60)),
                np.column_stack([generator.random(60) < 0.3, np.ones(60)]).astype(float),
                ratio,
                60,
            )
            for _ in range(2)
        ]
        small += compare(*sides).p < 0.05
    assert small <= 10 + 3 * (200 * 0.05 * 0.95) ** 0.5


def frame(records: Sequence[EvalRecord], folder: Path) -> pl.DataFrame:
    return load(parse_name(str(written(folder, records)))).rows


def test_flaws_in_own_paths_are_measured_against_the_same_paths_unspoilt(tmp_path: Path) -> None:
    own = [row(place, "reason+summary", place < 8, path_correct=True, path_id=f"p{place}") for place in range(10)]
    planted = {"severity": 0.25, "flaw": "perception", "planted_answer": "9"}
    spoilt = [row(place, "self-flawed", place < 6, made_from=f"p{place}", **planted) for place in range(10)]
    direct = of("direct", "1111111110")
    found = {one.measure: one.interval for one in measured(frame(own + spoilt + direct, tmp_path / "a"))}
    assert (found["self_recovery"].value, found["self_recovery"].n) == (6 / 8, 8)
    assert (found["self_follow"].value, found["self_excess_follow"].value) == (0.4, pytest.approx(0.3))
    assert "recovery" not in found and "follow" not in found


def test_verdicts_on_controls_do_not_count(tmp_path: Path) -> None:
    rows = [row(0, "shuffled", True, path_correct=False, path_status="complete", verdict="wrong")]
    assert not [*measured(frame(rows, tmp_path / "a"))]


def test_what_went_wrong_is_counted_apart_and_a_right_answer_has_its_price(tmp_path: Path) -> None:
    rows = of("reason+summary", "1100", total_tokens=30, num_tokens=10)
    rows[2] = rows[2].model_copy(update={"answer": None, "path_status": "malformed"})
    rows[3] = rows[3].model_copy(update={"finish": "length", "cut_in": "thought", "judge_failure": "no reply"})
    found = frame(rows, tmp_path / "a")
    shares = {one.outcome: one.interval.value for one in outcomes(found)}
    assert shares == {
        "accuracy": 0.5,
        "sure_accuracy": 0.5,
        "likely": 0,
        "unread": 0.25,
        "malformed": 0.25,
        "cut_off": 0.25,
        "cut_in_thought": 0.25,
        "cut_in_answer": 0,
        "finished_accuracy": pytest.approx(2 / 3),
        "if_cut_wrong": 0.5,
        "if_cut_right": 0.75,
        "no_reply": 0,
        "judge_failed": 0.25,
    }
    price = estimate(tokens_a_right_answer(found))
    assert price.value == 60 and price.low <= 60 <= price.high


def test_a_vote_at_equal_tokens_has_as_many_paths_as_two_agents_would_pay_for(tmp_path: Path) -> None:
    answers = ["979", "799", "777", "999"]
    rows = [
        row(place, "reason", mark == "7", sample=sample, num_tokens=20, total_tokens=20, num_prompt_tokens=0)
        for place, marks in enumerate(answers)
        for sample, mark in enumerate(marks)
    ]
    rows += of("reason+summary", "1110", total_tokens=50, num_tokens=30, num_prompt_tokens=0)
    (found,) = equal_tokens(frame(rows, tmp_path / "a"))
    assert (found.rule, found.k, found.wanted_k, found.alone, found.two_agents) == ("majority", 3, 3, (60, 0), (50, 0))
    assert found.comparison.difference == pytest.approx(3 / 4 - 1 / 4)
    (few,) = equal_tokens(frame([row for row in rows if row.sample == 0], tmp_path / "b"))
    assert (few.k, few.wanted_k) == (1, 3)


def test_what_is_read_counts_as_what_is_generated_does(tmp_path: Path) -> None:
    """A path costs 20 + 100 tokens, two agents 50 + 100 + 170: three paths, not two and a half."""
    rows = [
        row(
            0,
            "reason",
            mark == "7",
            answer=mark,
            sample=k,
            num_tokens=20,
            num_prompt_tokens=100,
            logprob=-k,
            certainty=k,
        )
        for k, mark in enumerate("979")
    ]
    rows.append(row(0, "reason+summary", True, num_tokens=30, total_tokens=50, num_prompt_tokens=170))
    by_rule = {found.rule: found for found in equal_tokens(frame(rows, tmp_path / "a"))}
    assert {(found.k, found.alone.all, found.two_agents.all) for found in by_rule.values()} == {(3, 360, 320)}
    assert {name: found.comparison.difference for name, found in by_rule.items()} == {
        "majority": 1,
        "likeliest": 1,
        "most certain": 1,
    }
    changed = [one.model_copy(update={"certainty": 5.0}) if one.answer == "7" else one for one in rows]
    by_rule = {found.rule: found for found in equal_tokens(frame(changed, tmp_path / "b"))}
    assert by_rule["most certain"].comparison.difference == 0 and by_rule["likeliest"].comparison.difference == 1


def test_a_tolerance_counts_for_votes_and_planted_answers_as_it_does_for_replies(tmp_path: Path) -> None:
    near = {"gold": "100", "tolerance": 0.05}
    rows = [row(0, "reason", True, answer="103", **near), row(0, "reason+summary", True, answer="103", **near)]
    for place, planted in enumerate(("103", "120")):
        flaw = {"severity": 0.5, "flaw": "perception", "planted_answer": planted, "path": f"f{place}"}
        rows.append(row(place, "flawed", True, answer=planted, **flaw, **near))
    found = frame(rows, tmp_path / "a")
    (same,) = equal_tokens(found)
    assert same.comparison.difference == 0
    flawed = found.filter(pl.col("arm") == "flawed").sort("planted_answer")
    assert flawed["misleads"].to_list() == [False, True]
