"""PuzzleVQA and MathVision in every arm by a random-weights Qwen2.5-VL: rows of their schema, and the real ones."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from PIL import Image as PILImage
from typer.testing import CliRunner

from insightv_bench.cli.main import app
from insightv_bench.records import EvalRecord
from insightv_bench.storage import read_rows

pytest.importorskip("lm_eval")
pytest.importorskip("trl")
REAL = Path(__file__).parents[2] / "shared" / "data"
ARMS = ["base", "direct", "reason", "reason+summary", "majority", "best-of-k", "blank-image", "flawed", "shuffled"]
ARMS += ["reason+summary-of-k"]
SHORT = ["eval.path_sampling.max_new_tokens=4", "eval.path_sampling.temperature=1.0", "eval.num_paths=3"]
SHORT += ["eval.answer_sampling.max_new_tokens=4", "threads=1", f"eval.arms={json.dumps(ARMS)}"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from gpu.families import FAMILIES
    from gpu.random_models import make_random

    folder = tmp_path_factory.mktemp("models") / "random-qwen"
    make_random(FAMILIES["qwen2-5-vl-3b"], folder)
    return folder


def image(width: int, height: int) -> dict[str, Any]:
    buffer = io.BytesIO()
    PILImage.effect_noise((width, height), 60).save(buffer, "PNG")
    return {"bytes": buffer.getvalue(), "path": "a.png"}


def rows(recipe: str) -> list[dict[str, Any]]:
    """Images of several shapes, options and none, an answer that is none of the options."""
    if recipe == "puzzlevqa":
        options = ["red", "blue", "green", "gray"]
        known = {"question": "Which colour is missing?", "options": options, "category": "grid"}
        known |= {"caption": "Colours in a grid.", "explanation": "", "deduction": "It is open."}
        return [{"id": f"p{n}", **known, "image": image(60 + 40 * n, 90), "answer": "blue"} for n in range(3)]
    free = {
        "id": "4",
        "question": "How many? <image1>",
        "options": [],
        "answer": "6",
        "subject": "counting",
        "solution": None,
    }
    letters = {
        "id": "5",
        "question": "Which?",
        "options": list("ABCDE"),
        "answer": "D",
        "subject": "logic",
        "solution": None,
    }
    return [{**free, "image": image(80, 60)}, {**letters, "image": image(70, 140)}]


def evaluated(recipe: str, data: Path, model: Path, out: Path, *more: str) -> tuple[dict[str, Any], list[EvalRecord]]:
    words = ["eval", recipe, "--data", str(data), "--model", str(model), "--out", str(out), *more]
    reply = CliRunner().invoke(app, [*words, *(word for setting in SHORT for word in ("--set", setting))])
    assert reply.exit_code == 0, reply.output
    (manifest,) = out.glob("*/stages/eval-*/manifest.json")
    return json.loads(manifest.read_text(encoding="utf-8")), list(read_rows(manifest.parent, EvalRecord))


def check(found: tuple[dict[str, Any], list[EvalRecord]], num: int) -> None:
    manifest, records = found
    num_rows = {arm: sum(row.arm == arm for row in records) for arm in ARMS}
    assert num_rows["base"] == num_rows["direct"] == num_rows["majority"] == num_rows["best-of-k"] == num
    assert num_rows["reason"] == num_rows["reason+summary"] == num_rows["blank-image"] == 3 * num
    several = [row for row in records if row.arm == "reason+summary-of-k"]
    assert len(several) == 2 * num and all(sorted(row.shown) == [0, 1, 2] and row.num_paths == 3 for row in several)
    # Random words make no right path to spoil and no complete one to change: said, not silent.
    assert set(manifest["totals"]["arms_left_out"]) == {arm for arm, count in num_rows.items() if not count}
    assert all(row.response[slice(*row.span)] for row in records if row.span)
    assert not any(row.correct for row in records if row.answer is None)


@pytest.mark.slow
@pytest.mark.parametrize(("recipe", "num"), [("puzzlevqa", 3), ("mathvision", 2)])
def test_rows_of_their_schema_go_through_the_arms(model: Path, tmp_path: Path, recipe: str, num: int) -> None:
    pl.DataFrame(rows(recipe)).write_parquet(tmp_path / "rows.parquet")
    check(evaluated(recipe, tmp_path / "rows.parquet", model, tmp_path / "runs"), num)


@pytest.mark.slow
@pytest.mark.real_data
@pytest.mark.parametrize(("recipe", "file"), [("puzzlevqa", "puzzlevqa"), ("mathvision", "mathvision_testmini")])
def test_real_rows_go_through_the_arms(model: Path, tmp_path: Path, recipe: str, file: str) -> None:
    data = REAL / f"{file}.parquet"
    if not data.exists():
        pytest.skip("the shared rows are not beside this checkout")
    check(evaluated(recipe, data, model, tmp_path / "runs", "--limit", "20"), 20)
