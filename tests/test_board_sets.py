"""What a board keeps apart, and says so: other tasks, prompts, caps, questions and models; rows that stand twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from board_rows import written
from boards import arm_of, board_of, printed, record

from insightv_bench.errors import RunError
from insightv_bench.leaderboard.board import load_rows
from insightv_bench.leaderboard.tables import headline


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"prompt": "reason@2"}, "prompt `reason@2` against `reason@1`"),
        ({"token_cap": 2048}, "a token cap of 2,048 against 512"),
        ({"task_version": "2"}, "task, version or parser differ: drawn@1, parser 1; drawn@2, parser 1"),
        ({"parser": "2"}, "drawn@1, parser 1; drawn@1, parser 2"),
        ({"task": "other"}, "drawn@1, parser 1; other@1, parser 1"),
    ],
)
def test_what_cannot_be_compared_is_kept_apart_and_said(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    first = arm_of("reason", "1100")
    board = board_of(tmp_path, first, arm_of("reason", "1110", **{"system": "dpo-1", "round": 1, **changes}))
    assert len(board.sets) == 2 and len(board.arms) == 2
    assert not board.comparisons
    assert any(words in note for note in board.notes)


def test_other_questions_are_kept_apart_and_said(tmp_path: Path) -> None:
    later = [record(q, "reason", True, system="dpo-1", round=1) for q in range(2, 8)]
    board = board_of(tmp_path, arm_of("reason", "1100"), later)
    assert len(board.sets) == 2 and not board.comparisons
    assert board.notes == (
        "`dpo-1` is kept apart from `sft`: it answered 6 questions against 4, of which 2 are shared.",
    )


def test_the_base_model_stands_in_every_set_it_fits(tmp_path: Path) -> None:
    base = arm_of("base", "1000", system="base")
    board = board_of(
        tmp_path, base, arm_of("reason", "1100"), arm_of("reason", "1110", system="other", prompt="reason@2")
    )
    assert [found.systems for found in board.sets] == [("base", "other"), ("base", "sft")]
    assert {row.b for row in board.comparisons} == {"sft: reason", "other: reason"}


def test_one_system_in_two_settings_is_two_systems(tmp_path: Path) -> None:
    board = board_of(tmp_path, arm_of("reason", "1100"), arm_of("reason", "1110", token_cap=64))
    assert {row.system for row in board.arms} == {"sft", "sft #2"}
    assert "`sft #2` is system `sft` again" in board.notes[0]


def test_two_base_models_are_named(tmp_path: Path) -> None:
    board = board_of(tmp_path, arm_of("reason", "1100"), arm_of("reason", "1110", base="org/large"))
    assert [row.system for row in board.arms] == ["sft (large)", "sft (tiny)"]
    assert len(board.sets) == 1


def test_rows_that_stand_twice_count_once(tmp_path: Path) -> None:
    board = board_of(tmp_path, arm_of("reason", "1100"), arm_of("reason", "1100"))
    assert board.arms[0].n == 4
    assert board.notes == ("4 rows stood twice; the first of each was kept.",)


def test_exclusions_are_no_rows(tmp_path: Path) -> None:
    folder = written(tmp_path / "eval", arm_of("reason", "1100"))
    pl.DataFrame({"id": ["x"], "reason": ["no"]}).write_parquet(folder / "exclusions.parquet")
    assert load_rows([folder])[0].height == 4


def test_a_folder_without_rows_is_an_error_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="holds no parquet file"):
        load_rows([tmp_path])
    pl.DataFrame({"id": ["x"]}).write_parquet(tmp_path / "data-00000.parquet")
    with pytest.raises(RunError, match="column `system` is missing"):
        load_rows([tmp_path])
    (tmp_path / "data-00000.parquet").write_bytes(b"PAR1 cut")
    with pytest.raises(RunError, match="cannot be read"):
        load_rows([tmp_path])


def test_fresh_questions_stand_beside_the_fixed_set_and_a_gap_is_said(tmp_path: Path) -> None:
    fresh = {"task": "drawn-fresh-7", "task_version": "1-fresh-7"}
    honest, learned = {"system": "honest"}, {"system": "learned"}
    rows = arm_of("reason", "1100" * 50, **honest) + arm_of("reason", "1110" * 50, **learned)
    rows += arm_of("reason", "0110" * 50, **honest, **fresh) + arm_of("reason", "1000" * 50, **learned, **fresh)
    rows += arm_of(
        "reason", "1" * 200, system="other", task="drawn-fresh-7", task_version="2-fresh-7"
    )  # of another set
    board = board_of(tmp_path, rows)
    gaps = {row.system: row for row in board.gaps}
    assert set(gaps) == {"honest", "learned"}
    assert (gaps["honest"].difference, gaps["honest"].outcome) == (0.0, "tie")
    learned_gap = gaps["learned"]
    assert learned_gap.difference == pytest.approx(0.5) and 0.4 < learned_gap.low < 0.5 < learned_gap.high < 0.6
    told = " ".join(headline(board))
    assert "learned has 75.0 % right on drawn@1, parser 1 and 25.0 % on fresh questions: 50.0 [" in told
    assert "Fixed questions and fresh ones" in printed(board)
