"""What a board compares: arms, rounds and controls in natural pairs, each family adjusted by itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from boards import ARMS, FAMILIES, arm_of, board_of, controls, printed, walk

from insightv_bench.leaderboard.board import ComparisonRow
from insightv_bench.leaderboard.page.build import render
from insightv_bench.records import EvalRecord


def test_two_agents_against_one_by_hand(tmp_path: Path) -> None:
    """Six questions gained, none lost: p = 2 / 2**6."""
    board = board_of(tmp_path, arm_of("reason", "1111000000") + arm_of("reason+summary", "1111111111"))
    (row,) = board.comparisons
    assert (row.a, row.b, row.n) == ("sft: reason", "sft: reason+summary", 10)
    assert (row.difference, row.p_raw, row.p) == (pytest.approx(0.6), pytest.approx(0.03125), pytest.approx(0.03125))
    assert row.outcome == "higher"
    assert row.sentence.startswith("sft: reason+summary against reason: +60.0 points [")


def test_natural_pairs_are_compared_and_no_others(tmp_path: Path) -> None:
    board = board_of(tmp_path, walk())
    pairs = {family: [(row.b, row.a) for row in board.comparisons if row.family == family] for family in FAMILIES}
    assert ("sft: reason", "base") in pairs["agents"] and ("dpo-2: flawed", "dpo-2: oracle") in pairs["agents"]
    assert len(pairs["agents"]) == 3 * 5
    rounds = [("dpo-1", "sft"), ("dpo-2", "sft"), ("dpo-2", "dpo-1")]
    arms = ("reason", "reason+summary")
    assert sorted(pairs["rounds"]) == sorted((f"{b}: {arm}", f"{a}: {arm}") for b, a in rounds for arm in arms)


def two_systems(row: ComparisonRow) -> tuple[str, str, str]:
    return row.family, row.a.partition(": ")[0], row.b.partition(": ")[0]


def test_p_is_adjusted_over_the_comparisons_of_the_same_two_systems(tmp_path: Path) -> None:
    """Recomputed from the rows: scipy's binomial test, and Holm by hand."""
    from scipy.stats import binomtest

    rows = controls()
    board = board_of(tmp_path, rows)
    right: dict[str, dict[str, list[bool]]] = {}
    for one in counted_rows(rows):
        name = one.system if one.arm == "base" else f"{one.system}: {one.arm}"
        right.setdefault(name, {}).setdefault(one.question_id, []).append(one.correct)
    families: dict[tuple[str, str, str], list[ComparisonRow]] = {}
    for row in board.comparisons:
        families.setdefault(two_systems(row), []).append(row)
        a, b = right[row.a], right[row.b]
        if all(len(replies) == 1 for side in (a, b) for replies in side.values()):
            gained = sum(b[q] > a[q] for q in a)
            lost = sum(b[q] < a[q] for q in a)
            p = binomtest(gained, gained + lost).pvalue if gained + lost else 1.0
            assert row.p_raw == pytest.approx(p) and row.num_differ == gained + lost
    for members in families.values():
        ordered = sorted(members, key=lambda row: row.p_raw)
        least = 0.0
        for rank, row in enumerate(ordered):
            least = max(least, min(1.0, row.p_raw * (len(members) - rank)))
            assert row.p == pytest.approx(least) and row.family_size == len(members)
            assert row.outcome == ("tie" if row.p >= 0.05 else "higher" if row.difference > 0 else "lower")
            assert row.low <= 0 <= row.high if row.outcome == "tie" else row.low >= 0 or row.high <= 0


def counted_rows(rows: list[EvalRecord]) -> list[EvalRecord]:
    return [row for row in rows if row.arm != "flawed" or row.severity > 0]


def test_who_else_is_listed_changes_no_p_and_no_interval(tmp_path: Path) -> None:
    alone = arm_of("reason", "0" * 14 + "1" * 10) + arm_of("reason+summary", "0" * 4 + "1" * 20)
    crowd = [row for n in range(12) for arm in ARMS for row in arm_of(arm, "10" * 12, system=f"s{n}")]
    (own,) = board_of(tmp_path / "alone", alone).comparisons
    among = next(row for row in board_of(tmp_path / "crowd", alone + crowd).comparisons if row.b.startswith("sft"))
    assert own == among and own.outcome == "higher" and own.p == own.p_raw


def test_a_lone_model_is_compared_with_its_own_base_arm(tmp_path: Path) -> None:
    rows = arm_of("base", "1010", system="x") + arm_of("direct", "1110", system="x")
    assert [(row.a, row.b) for row in board_of(tmp_path, rows).comparisons] == [("x", "x: direct")]


def test_arms_that_never_differ_have_no_detectable_difference(tmp_path: Path) -> None:
    (row,) = board_of(tmp_path, arm_of("reason", "1100") + arm_of("reason+summary", "1100")).comparisons
    assert (row.outcome, row.difference, row.detectable) == ("tie", 0.0, None)


def test_controls_are_a_family_of_their_own(tmp_path: Path) -> None:
    board = board_of(tmp_path, controls())
    pairs = {family: [(row.b, row.a) for row in board.comparisons if row.family == family] for family in FAMILIES}
    against = [(row.b, row.a) for row in board.comparisons if row.family == "controls"]
    two = "sft: reason+summary"
    assert against[:3] == [(two, "sft: reason"), (two, "sft: majority"), (two, "continued-sft: reason")]
    assert ("optimal-only: flawed", "sft: flawed") in against and ("dpo-1: reason", "rejection-1: reason") in against
    assert ("dpo-2: reason+summary", "continued-sft-dpo: reason+summary") in against
    assert ("dpo-1: reason", "continued-sft-dpo: reason") not in against  # it has spent the compute of both rounds
    alone = [(f"{system}: reason+summary", f"{system}: reason") for system in ("sft", "dpo-2", "rejection-2")]
    assert [pair in against for pair in alone] == [True, False, False]
    assert [pair in pairs["agents"] for pair in alone] == [False, True, True]
    assert len(set(against)) == len(against) == 3 + 1 + 2 * 3
    greedy = [pair for pair in against + pairs["agents"] if "greedy" in "".join(pair)]
    assert greedy == [(f"{own}: reason+summary", f"{own}: reason") for own in ("sft-greedy", "dpo-2-greedy")]


def test_two_paths_a_question_are_compared_with_one_majority(tmp_path: Path) -> None:
    """24 questions, two replies each, against one: 100 % against 23 of 24."""
    board = board_of(tmp_path, controls())
    row = next(row for row in board.comparisons if row.a == "sft: majority" and row.b == "sft: reason+summary")
    assert (row.difference, row.n, row.outcome) == (pytest.approx(1 / 24), 24, "tie")
    assert "over questions" in row.method


def test_greedy_systems_stand_beside_their_twins_and_are_no_rounds(tmp_path: Path) -> None:
    board = board_of(tmp_path, controls())
    (found,) = board.sets
    assert found.systems == (
        *("base", "sft", "sft-greedy", "dpo-1", "dpo-2", "dpo-2-greedy", "continued-sft", "continued-sft-dpo"),
        *("optimal-only", "rejection-1", "rejection-2", "rejection-2-greedy"),
    )
    assert {row.system for row in board.arms if row.trained} == {"sft", "dpo-1", "dpo-2"}
    rounds = [row for row in board.comparisons if row.family == "rounds"]
    assert len(rounds) == 3 * len(ARMS) and not any("greedy" in row.a + row.b for row in rounds)


def test_controls_are_told_in_terminal_and_page(tmp_path: Path) -> None:
    board = board_of(tmp_path, controls())
    told = printed(board)
    assert max(map(len, told.splitlines())) <= 80
    agents, against = told.index("Arms against each other"), told.index("Against controls")
    assert agents < against < told.index("Rounds against before")
    assert "optimal-only: flawed against sft:" in told and "majority:" in told
    text = render(board)
    assert "Against controls; p Holm-adjusted over" in text
    assert "<bdi>reason+summary against continued-sft: reason</bdi>" in text
    assert "most of the reasoning agent&#x27;s sampled paths" in text or "most of the reasoning agent's" in text
