"""Figures of a board, counted by hand: of arms, of robustness, of verdicts, and the files that hold them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from board_rows import written
from boards import HOSTILE, arm_of, board_of, flawed, measures, record

from insightv_bench.leaderboard.board import Board
from insightv_bench.leaderboard.build import build


def test_an_arm_is_counted_by_hand(tmp_path: Path) -> None:
    rows = arm_of("reason", "1110")
    rows[3] = record(3, "reason", False, answer=None, method="unread", path_status="malformed", finish="length")
    row = board_of(tmp_path, rows).arms[0]
    assert (row.system, row.arm, row.accuracy, row.n, row.num_questions) == ("sft", "reason", 0.75, 4, 4)
    assert (row.unread, row.malformed, row.cut_off, row.failed) == (1, 1, 1, 0)
    assert row.tokens_per_right_answer == pytest.approx(40 / 3)
    assert (row.low, row.high) == (pytest.approx(0.3006, abs=1e-4), pytest.approx(0.9544, abs=1e-4))  # Wilson, 3 of 4


def test_no_right_answer_has_no_price(tmp_path: Path) -> None:
    assert board_of(tmp_path, arm_of("reason", "000")).arms[0].tokens_per_right_answer is None


def test_a_path_of_severity_0_is_no_flawed_path(tmp_path: Path) -> None:
    rows = [flawed(0, True, severity=0.0, flaw="none"), flawed(0, False), flawed(1, True)]
    row = board_of(tmp_path, rows).arms[0]
    assert (row.n, row.accuracy) == (2, 0.5)


def test_follow_counts_only_paths_that_mislead(tmp_path: Path) -> None:
    """Of three misleading paths two are followed; in the fourth the planted answer is the gold one."""
    rows = [flawed(0, False), flawed(1, False), flawed(2, True), flawed(3, True, planted_answer="7", flaw="premature")]
    board = board_of(tmp_path, rows)
    assert (measures(board)["follow"].value, measures(board)["follow"].n) == (pytest.approx(2 / 3), 3)
    follow = {row.flaw: row.follow for row in board.robustness}
    assert follow == {"any": pytest.approx(2 / 3), "perception": pytest.approx(2 / 3), "premature": None}


def test_excess_follow_is_less_what_is_said_without_a_path(tmp_path: Path) -> None:
    """9 is followed in 3 of 4; without a path it is said in 1 of 4 anyway."""
    rows = [flawed(q, q == 3) for q in range(4)] + arm_of("direct", "0111")
    found = measures(board_of(tmp_path, rows))["excess_follow"]
    assert (found.value, found.n, found.num_questions) == (pytest.approx(0.5), 4, 4)


def test_recovery_rescue_and_over_rejection_by_hand(tmp_path: Path) -> None:
    rows = arm_of("oracle", "1110", path_correct=True) + [
        flawed(0, True),
        flawed(1, False),
        flawed(2, False),
        flawed(3, True),
    ]
    rows += arm_of("direct", "1100")
    own = "reason+summary"
    rows += [record(q, own, right, path_correct=q < 3) for q, right in enumerate([True, False, False, True])]
    found = measures(board_of(tmp_path, rows))
    assert (found["recovery"].value, found["recovery"].n) == (pytest.approx(1 / 3), 3)
    assert (found["over_rejection"].value, found["over_rejection"].n) == (0.5, 2)
    assert (found["rescue"].value, found["rescue"].n) == (1.0, 1)


def test_verdicts_are_counted_where_they_are_stated(tmp_path: Path) -> None:
    rows = arm_of("oracle", "11", path_correct=True, verdict="right") + [record(2, "oracle", True, path_correct=True)]
    rows += [flawed(0, True, verdict="wrong"), flawed(1, True, verdict="right")]
    found = measures(board_of(tmp_path, rows))
    assert (found["verdict_on_right"].value, found["verdict_on_right"].n) == (1.0, 2)
    assert (found["verdict_on_wrong"].value, found["verdict_on_wrong"].n) == (0.5, 2)


def test_severity_0_is_the_exact_path_on_the_same_questions(tmp_path: Path) -> None:
    """Questions 0 and 1 have a flawed path; question 2, wrong with the exact one, has none. Area: (1 + 0.5) / 2."""
    rows = arm_of("oracle", "110", path_correct=True) + [flawed(0, True, severity=0.97), flawed(1, False, severity=1.0)]
    board = board_of(tmp_path, rows)
    curve = [(row.severity, row.accuracy, row.n) for row in board.robustness if row.flaw == "perception"]
    assert curve == [(0.0, 1.0, 2), (1.0, 0.5, 2)]
    assert measures(board)["area"].value == pytest.approx(0.75)


def test_flawed_rows_are_clustered_by_question(tmp_path: Path) -> None:
    """Ten questions, each wholly right or wholly wrong over 8 flaws: the interval is as wide as ten rows make it."""
    rows = [
        flawed(q, q % 2 == 0, position=p, severity=s)
        for q in range(10)
        for p in ("early", "late")
        for s in (0.25, 0.5, 0.75, 1.0)
    ]
    (row,) = board_of(tmp_path, rows).arms
    assert (row.n, row.num_questions) == (80, 10)
    assert row.high - row.low > 0.5


def test_options_are_matched_as_options(tmp_path: Path) -> None:
    options = {"options": ("red", "blue, dark", "green"), "answer_type": "option", "gold": "A"}
    rows = [
        flawed(0, False, planted_answer="B", answer="B", **options),
        flawed(1, True, planted_answer="B", answer="A", **options),
    ]
    assert measures(board_of(tmp_path, rows))["follow"].value == 0.5


def test_board_json_has_the_keys_others_read(hostile_page: Path) -> None:
    board = json.loads((hostile_page / "board.json").read_text())
    first = {"title", "notes", "sets", "arms", "comparisons", "robustness", "measures"}
    assert set(board) == first | {"averages", "rounds", "flaws", "gaps", "lineage", "submissions"}
    assert {"system", "arm", "accuracy", "low", "high", "n", "unread", "malformed"} < set(board["arms"][0])
    assert {"a", "b", "difference", "low", "high", "p", "n", "sentence"} < set(board["comparisons"][0])
    assert {"system", "flaw", "severity", "accuracy", "low", "high", "follow", "n"} < set(board["robustness"][0])
    assert Board.model_validate(board).title == HOSTILE


def test_a_board_without_the_plots_extra_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "seaborn", None)
    board = build([written(tmp_path / "eval", arm_of("reason", "10"))], tmp_path / "out", "A board")
    assert "figures were left out: `seaborn` is not installed" in board.notes[0]
    assert "<img" not in (tmp_path / "out" / "index.html").read_text()
