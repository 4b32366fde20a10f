"""What a system is to the method stands in its rows: a name makes nobody a control, a round or a greedy twin."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import polars as pl
import pytest
from board_rows import of, run, written

from insightv_bench.arms import ARMS, Arm
from insightv_bench.controls import CONTROLS, Control
from insightv_bench.leaderboard.board import Board
from insightv_bench.leaderboard.build import read
from insightv_bench.plan import plan
from insightv_bench.records import EvalRecord
from insightv_bench.settings import load_recipe
from insightv_bench.stages import Stage

PLAIN = {"role": "other", "round": 0, "twin_of": ""}
MARKS = "110101011101"


def board_of(folder: Path, rows: Sequence[EvalRecord]) -> Board:
    return read([str(written(folder / "eval", rows))])[0]


def evaluations(recipe: str, *changes: str) -> dict[str, Stage]:
    """The evaluations of a recipe's plan, by system."""
    stages = plan(load_recipe(recipe, list(changes)))
    return {stage.options.system: stage for stage in stages if stage.makes == "evaluation"}


def test_every_arm_and_every_control_has_its_row() -> None:
    assert tuple(ARMS) == get_args(Arm) and tuple(CONTROLS) == get_args(Control)


def test_no_other_module_lists_the_arms() -> None:
    """Whoever needs many of them reads the table: a new arm is a row there and its documents."""
    root = Path(__file__).parents[1]
    rooms = ("insightv_bench", "builders", "trainers", "evals", "leaderboard")
    for file in [file for room in rooms for file in (root / room).rglob("*.py") if file.name != "arms.py"]:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            parts = getattr(node, "elts", None) or getattr(node, "keys", None) or []
            named = {part.value for part in parts if isinstance(part, ast.Constant)} & set(ARMS)
            assert len(named) < 5, f"{file}, line {node.lineno}: {sorted(named)}"


def test_a_plan_tells_each_system_what_it_is() -> None:
    stages = evaluations("ablations")
    told = {name: (stage.options.role, stage.options.twin_of) for name, stage in stages.items()}
    assert told["base"] == ("base", "") and told["sft"] == ("agent", "") and told["dpo-1"] == ("round", "")
    assert told["sft-greedy"] == ("agent", "sft") and told["rejection-1-greedy"] == ("control", "rejection-1")
    controls = {name.removesuffix("-greedy") for name, (role, _) in told.items() if role == "control"}
    assert {"longer-sft", "optimal-only", "single-model", "multi-turn", "rejection-1", "pooled-dpo"} <= controls


def test_models_with_a_controls_name_or_a_greedy_one_are_planned_as_plain_systems() -> None:
    seats = "model_seats={base: a, reason: b, summary: c}"
    stages = evaluations("puzzlevqa", seats, "eval.summaries={single-model: d, x: e, x-greedy: f}", "system=sft")
    assert {(stage.options.role, stage.options.twin_of) for stage in stages.values()} == {("other", "")}
    assert {"sft", "single-model", "x", "x-greedy"} <= set(stages)


@pytest.mark.parametrize("name", ["single-model", "continued-sft", "rejection-1", "dpo-1", "base"])
def test_a_name_alone_makes_no_control_and_no_round(name: str, tmp_path: Path) -> None:
    rows = of("reason", MARKS) + of("reason+summary", "1" * 12)
    rows += of("reason", MARKS, system=name, **PLAIN) + of("reason+summary", MARKS, system=name, **PLAIN)
    board = board_of(tmp_path, rows)
    assert not {row.family for row in board.comparisons} & {"controls", "rounds"} and not board.rounds
    (plain,) = {(row.role, row.trained) for row in board.arms if row.system == name}
    assert plain == ("other", False)


def test_a_name_that_ends_in_greedy_makes_no_twin(tmp_path: Path) -> None:
    own = {"x": "1" * 12, "x-greedy": MARKS}
    plain = board_of(
        tmp_path / "a", [row for name, marks in own.items() for row in of("reason", marks, system=name, **PLAIN)]
    )
    assert plain.sets[0].twins == {} and {row.rank_worst for row in plain.arms} == {2}
    twin = {**PLAIN, "twin_of": "x"}
    told = of("reason", "1" * 12, system="x", **PLAIN) + of("reason", MARKS, system="its-shadow", **twin)
    board = board_of(tmp_path / "b", told)
    assert board.sets[0].twins == {"its-shadow": "x"} and {row.rank_worst for row in board.arms} == {1}


def test_rows_of_an_earlier_run_have_the_roles_that_its_manifests_record(tmp_path: Path) -> None:
    """Rows from before the columns `role` and `twin_of`, and a folder that is only called like a training of ours."""
    folder = run(tmp_path / "run")
    for file in folder.glob("stages/eval-*/*.parquet"):
        pl.read_parquet(file).drop("role", "twin_of").write_parquet(file)
    board = read([str(folder)])[0]
    assert {row.system: row.role for row in board.arms} == {"sft": "agent", "dpo-1": "round", "dpo-2": "round"}
    assert [row.round for row in board.rounds if row.arm == "reason"] == [0, 1, 2]
    for manifest in folder.glob("stages/eval-*/manifest.json"):
        manifest.write_text(manifest.read_text().replace("stage:train-", "models/train-"))
    assert {row.role for row in read([str(folder.rename(tmp_path / "moved"))])[0].arms} == {"other"}


def test_a_role_that_there_is_not_is_other(tmp_path: Path) -> None:
    folder = written(tmp_path / "eval", of("reason", MARKS))
    for file in folder.glob("*.parquet"):
        pl.read_parquet(file).with_columns(role=pl.lit("champion"), twin_of=pl.lit(None, pl.String)).write_parquet(file)
    (row,) = read([str(folder)])[0].arms
    assert (row.role, row.twin_of, row.trained) == ("other", "", False)
