"""The runs that an ablation table is made of: which belong together, and the files that the command writes."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from ablation_rows import arm, computed, run, stage, whole
from typer.testing import CliRunner

from insightv_bench.cli.main import app
from insightv_bench.errors import RunError
from insightv_bench.leaderboard.ablations import write_ablations
from insightv_bench.leaderboard.ablations.records import Ablations
from insightv_bench.leaderboard.ablations.runs import read_runs


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"task_version": "2"}, "more than one task version: `1`, `2`"),
        ({"parser": "9"}, "more than one parser"),
        ({"base": "org/other"}, "more than one base model"),
        ({"token_cap": 9}, "arm `reason` was run in different settings: .*token cap 9 and .*token cap 512"),
    ],
)
def test_runs_that_do_not_belong_together_are_refused(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    one = run(tmp_path / "a", 0, arm(0, "reason", 50))
    other = run(tmp_path / "b", 1, arm(1, "reason", 50, **changes))
    with pytest.raises(RunError, match=words):
        computed(one, other)


def test_other_recipes_settings_and_the_same_seed_twice_are_refused(tmp_path: Path) -> None:
    rows = arm(0, "reason", 50)
    one = run(tmp_path / "a", 0, rows)
    with pytest.raises(RunError, match="`quickstart`, .* one of `ablations`"):
        read_runs([one, run(tmp_path / "b", 1, rows, recipe="quickstart")])
    with pytest.raises(RunError, match="both have seed 0"):
        read_runs([one, run(tmp_path / "c", 0, rows)])
    with pytest.raises(RunError, match="stage `eval-sft` was run with another `batch_size`"):
        read_runs([one, run(tmp_path / "d", 2, rows, settings=2)])


def test_a_folder_that_is_no_run_is_an_error_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="holds no `run.json`\nhint: name folders of runs"):
        read_runs([tmp_path])
    with pytest.raises(RunError, match="holds no finished evaluation"):
        read_runs([run(tmp_path / "a", 0, [])])
    (tmp_path / "run.json").write_text("[1")
    with pytest.raises(RunError, match="cannot be read"):
        read_runs([tmp_path])


def test_the_evaluations_of_the_last_board_count(tmp_path: Path) -> None:
    """A changed recipe leaves its older stages in the folder: without a board which of them counts is not guessed."""
    folder = run(tmp_path / "a", 0, arm(0, "reason", 50))
    stage(folder, "sft", arm(0, "reason", 90), "1a")
    with pytest.raises(RunError, match="holds stage `eval-sft` twice: `eval-sft-0f` and `eval-sft-1a`"):
        read_runs([folder])
    board = folder / "stages" / "leaderboard-77"
    board.mkdir()
    (board / "manifest.json").write_text(json.dumps({"inputs": {"eval-sft": "eval-sft-1a"}}))
    (folder / "summary.json").write_text(json.dumps({"page": "/gone/stages/leaderboard-66/index.html"}))
    with pytest.raises(RunError, match="holds stage `eval-sft` twice"):
        read_runs([folder])
    (folder / "summary.json").write_text(json.dumps({"page": "/elsewhere/stages/leaderboard-77/index.html"}))
    sampled = computed(folder).table[0].sampled
    assert sampled and sampled.value == pytest.approx(0.9)


@pytest.mark.slow
def test_the_command_writes_the_same_bytes_twice(tmp_path: Path) -> None:
    folders = [str(run(tmp_path / f"seed{seed}", seed, whole(seed))) for seed in (0, 1)]
    for out, order in (("one", folders), ("two", folders[::-1])):
        done = CliRunner().invoke(app, ["leaderboard", "ablations", *order, "--out", str(tmp_path / out)])
        assert done.exit_code == 0, done.output
    assert "both agents against reasoning agent alone: +10.0 [" in done.output
    assert "; not told apart over 2 trainings" in done.output
    names = sorted(file.name for file in (tmp_path / "one").iterdir())
    files = [f"ablations.{end}" for end in ("json", "md", "png", "svg", "txt")]
    assert names == [*files, "comparisons.parquet", "sentences.md"]
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name
    found = Ablations.model_validate_json((tmp_path / "one" / "ablations.json").read_bytes())
    assert pl.read_parquet(tmp_path / "one" / "comparisons.parquet").height == len(found.comparisons) > 10
    text = (tmp_path / "one" / "ablations.md").read_text()
    assert "![" in text and "(ablations.svg)" in text and str(tmp_path) not in text
    assert len({line.count(" | ") for line in text.splitlines() if line.startswith("| `sft` | `reason")}) == 1
    words = (tmp_path / "one" / "ablations.txt").read_text()
    assert all(row.name in words for row in found.comparisons)


def test_without_the_plots_extra_the_table_is_made_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "seaborn", None)
    file = write_ablations([run(tmp_path / "a", 0, arm(0, "reason", 50))], tmp_path / "out")
    assert "The figure was left out: &#96;seaborn&#96; is not installed" in file.read_text()
    assert "![" not in file.read_text() and not (tmp_path / "out" / "ablations.svg").exists()
