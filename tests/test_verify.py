"""A submission says what its samples make, and every tampering is rejected with a line that names it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from board_rows import run, small, written
from typer.testing import CliRunner

from insightv_bench.cli.main import app
from insightv_bench.errors import RunError
from insightv_bench.leaderboard.board import find, read_origin
from insightv_bench.leaderboard.submissions import find_submissions, make_submission, verify
from insightv_bench.storage import sha256

COMMAND = str(Path(sys.executable).with_name("insightv-bench"))


@pytest.fixture
def submission(tmp_path: Path) -> Path:
    make_submission([written(tmp_path / "eval-sft-a1", small())], tmp_path / "s", "mine")
    return tmp_path / "s"


def problems(folder: Path) -> str:
    return "\n".join(verify(folder).problems)


def restated(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change `figures.json`."""
    file = folder / "figures.json"
    board = json.loads(file.read_text())
    change(board)
    file.write_text(json.dumps(board))


def resampled(folder: Path, change: Callable[[pl.DataFrame], pl.DataFrame], cover: bool = False) -> None:
    """Change the rows; `cover`: as one would who makes hashes and counts fit again."""
    file = folder / "evaluations/eval-sft-a1/data-00000.parquet"
    frame = change(pl.read_parquet(file))
    frame.write_parquet(file)
    if cover:
        about = json.loads((folder / "submission.json").read_text())
        about["evaluations"][0] |= {"files": {file.name: sha256(file)}, "num_rows": frame.height}
        (folder / "submission.json").write_text(json.dumps(about))


def test_what_was_submitted_is_accepted(submission: Path) -> None:
    verdict = verify(submission)
    assert verdict.problems == () and verdict.num_rows == 60
    assert find_submissions(submission) == [submission]


def test_a_tampered_accuracy_is_rejected(submission: Path) -> None:
    restated(submission, lambda board: board["arms"][1].update(accuracy=0.9))
    assert problems(submission) == (
        "arms: system `sft`, arm `reason`: `accuracy` says 0.9, and the samples give 0.666667"
    )


def test_an_altered_interval_is_rejected(submission: Path) -> None:
    restated(submission, lambda board: board["measures"][0].update(high=0.51))
    assert "measures: system `sft`, measure `follow`: `high` says 0.51, and the samples give" in problems(submission)


def test_a_figure_that_nothing_makes_and_one_left_out_are_rejected(submission: Path) -> None:
    restated(submission, lambda board: board["arms"].append({**board["arms"][0], "arm": "oracle"}))
    assert "arms: system `sft`, arm `oracle` is stated, and no row of the samples makes it" in problems(submission)
    restated(submission, lambda board: board.update(arms=board["arms"][1:-1]))
    assert "arms: system `sft`, arm `direct` is missing, and the samples make it" in problems(submission)


def test_a_missing_sample_is_rejected_though_all_else_fits(submission: Path, tmp_path: Path) -> None:
    gone = (pl.col("arm") == "reason") & (pl.col("question_id") == "q003")
    resampled(submission, lambda rows: rows.filter(~gone))
    told = problems(submission)
    assert "`eval-sft-a1/data-00000.parquet` is not the file that was submitted" in told
    assert "`eval-sft-a1` holds 59 rows, and 60 were submitted" in told
    assert "`sft`, arm `reason` lacks 1 of 12 questions, `q003` the first" in told
    assert "arm `reason`: `n` says 12, and the samples give 11" in told
    # Figures, hashes and counts fit.
    make_submission([submission / "evaluations/eval-sft-a1"], tmp_path / "again", "mine")
    assert problems(tmp_path / "again") == "`sft`, arm `reason` lacks 1 of 12 questions, `q003` the first"


def test_doubled_ids_are_rejected(submission: Path) -> None:
    resampled(submission, lambda rows: pl.concat([rows, rows.filter(pl.col("question_id") == "q001").head(1)]), True)
    assert "`sft`, arm `direct`, question `q001`, sample 0 stands 2 times" in problems(submission)


def test_a_changed_answer_is_rejected_whatever_is_made_to_fit(submission: Path, tmp_path: Path) -> None:
    here = (pl.col("arm") == "reason") & (pl.col("question_id") == "q003")
    better = {"answer": "7", "correct": True}
    set_ = [pl.when(here).then(pl.lit(value)).otherwise(name).alias(name) for name, value in better.items()]
    resampled(submission, lambda rows: rows.with_columns(set_))
    make_submission([submission / "evaluations/eval-sft-a1"], tmp_path / "again", "mine")
    told = problems(tmp_path / "again")
    assert told == "`sft`, arm `reason`, question `q003`, sample 0: its answer is `7`, and the reply reads `9`\n" + (
        "`sft`, arm `reason`, question `q003`, sample 0: it counts as right, and is wrong"
    )


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("correct", True, "it counts as right, and is wrong"),
        ("gold", "9", "question `q003` has several of `gold` in its rows"),
        ("verdict", "right", "its verdict is `right`, and the reply says `none`"),
        ("num_tokens", 900, "40 tokens in all, and 900 of the reply alone"),
        ("parser", "0", "1 rows were read with parser `0`"),
    ],
)
def test_rows_that_contradict_themselves_are_rejected(submission: Path, column: str, value: Any, words: str) -> None:
    here = (pl.col("arm") == "reason") & (pl.col("question_id") == "q003")
    resampled(
        submission, lambda rows: rows.with_columns(pl.when(here).then(pl.lit(value)).otherwise(column).alias(column))
    )
    assert words in problems(submission)


def test_files_beside_the_named_ones_and_names_that_leave_the_folder_are_rejected(submission: Path) -> None:
    place = submission / "evaluations/eval-sft-a1"
    (place / "data-00001.parquet").write_bytes((place / "data-00000.parquet").read_bytes())
    assert "`evaluations/eval-sft-a1/data-00001.parquet` is not named in the submission" in problems(submission)
    about = json.loads((submission / "submission.json").read_text())
    about["evaluations"][0]["files"] = {"../../../secret.parquet": "0"}
    (submission / "submission.json").write_text(json.dumps(about))
    assert "`../../../secret.parquet` is no name of an evaluation or of its file" in problems(submission)


def test_many_problems_of_one_kind_are_counted(submission: Path) -> None:
    resampled(submission, lambda rows: rows.with_columns(answer=pl.lit("8")))
    assert "... and 40 more of this kind" in problems(submission)


def test_a_submission_holds_lineage_and_no_place_of_this_machine(tmp_path: Path) -> None:
    folders, _ = find([str(run(tmp_path / "mine-seed0"))])
    made = make_submission(folders, tmp_path / "s", "Mine, all of it!")
    assert made.id.startswith("mine-all-of-it-") and len(made.evaluations) == 3
    assert problems(tmp_path / "s") == ""
    text = "".join(file.read_text() for file in (tmp_path / "s").rglob("*.json"))
    assert "train-dpo-2-a1" in text and "secret" not in text and str(tmp_path) not in text


def test_a_folder_that_is_no_submission_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="is no submission") as raised:
        find_submissions(tmp_path)
    assert "insightv-bench leaderboard submit" in raised.value.hint
    (tmp_path / "submission.json").write_text("{}")
    with pytest.raises(RunError, match="cannot be read"):
        verify(tmp_path)


@pytest.mark.slow
def test_the_command_says_accepted_or_ends_with_an_error(submission: Path) -> None:
    words = [COMMAND, "leaderboard", "verify", str(submission)]
    restated(submission, lambda board: board["arms"][1].update(accuracy=0.9))
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1 and "rejected  mine-" in done.stdout and "says 0.9" in done.stdout
    assert "error: 1 submission rejected" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("told", [[], {"a": []}, {"eval-sft-a1": {"options": {"seats": []}}}, {"x": {"function": 1}}])
def test_an_odd_lineage_rejects_its_own_submission_and_no_other(tmp_path: Path, told: Any) -> None:
    for name in ("one", "two"):
        make_submission([written(tmp_path / name / "eval-sft-a1", small())], tmp_path / "data/submissions" / name, name)
    lineage = {"evaluation": "eval-sft-a1", "recipe": "r", "seed": 0, "stages": told}
    place = tmp_path / "data/submissions/one/evaluations/eval-sft-a1/lineage.json"
    place.write_text(json.dumps(lineage))
    read_origin.cache_clear()
    ran = CliRunner().invoke(app, ["leaderboard", "verify", str(tmp_path / "data")])
    assert isinstance(ran.exception, RunError) and "1 submission rejected" in str(ran.exception)
    assert "rejected  one" in ran.output and "accepted  two" in ran.output
    assert "lineage" in ran.output


def test_rows_that_cannot_be_read_keep_no_other_submission_from_being_verified(tmp_path: Path) -> None:
    for name in ("one", "two"):
        make_submission([written(tmp_path / name / "eval-sft-a1", small())], tmp_path / "data/submissions" / name, name)
    (tmp_path / "data/submissions/one/evaluations/eval-sft-a1/data-00000.parquet").write_bytes(b"PAR1")
    ran = CliRunner().invoke(app, ["leaderboard", "verify", str(tmp_path / "data")])
    assert isinstance(ran.exception, RunError)
    assert "rejected  one: " in ran.output and "accepted  two" in ran.output
