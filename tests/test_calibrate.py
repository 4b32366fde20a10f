"""Calibration: a judge of known errors is found to have them, an exact one none; a text judge is tried on traces."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path as File
from typing import Any

import pytest
from rich.console import Console

from insightv_bench.builders.calibration.plot import roc
from insightv_bench.builders.calibration.stage import FIGURES, PLOT
from insightv_bench.builders.calibration.table import print_calibration
from insightv_bench.builders.calibration.traces import read_traces
from insightv_bench.cli.calibrate import overrides
from insightv_bench.errors import RecipeError, SourceError, StageError
from insightv_bench.journal import Journal, Reply, Request
from insightv_bench.records import CalibrationRow
from insightv_bench.runs import run
from insightv_bench.settings import OpenAIEngine, load_recipe
from insightv_bench.stages import CalibrateOptions, Context, Progress, Stage, run_stage
from insightv_bench.storage import read_rows

DATA = File(__file__).parents[2] / "shared" / "data" / "step_mistakes.jsonl.gz"
WRITTEN = DATA.exists()


def calibrated(tmp_path: File, *sets: str, num: int = 25) -> tuple[dict[str, Any], File]:
    """The figures and the stage's folder, by the packaged recipe with these settings."""
    recipe = load_recipe("calibrate", [f"calibrate.questions.num={num}", "world.side=16", *sets])
    manifest = run(recipe, tmp_path, "calibrate", Progress())
    folder = next((tmp_path / "calibrate-seed0" / "stages").glob(f"calibrate-*/{FIGURES}")).parent
    assert manifest["stage"] == "calibrate"
    return json.loads((folder / FIGURES).read_text()), folder


def rows_of(folder: File) -> list[CalibrationRow]:
    return list(read_rows(folder, CalibrationRow))


def test_the_oracle_agrees_with_itself_in_everything(tmp_path: File) -> None:
    figures, folder = calibrated(tmp_path, "assess={judge: oracle}")
    assert figures["scores"]["rank_correlation"]["value"] == pytest.approx(1)
    assert figures["scores"]["pairs_in_order"]["value"] == figures["scores"]["same_side_of_80"]["value"] == 1
    told = {name: found["value"] for name, found in figures["auroc"].items()}
    assert told.pop("wrong-final") == 0.5  # every step is right: only the answer filter can tell
    assert told["answer still right"] == told["sampled"] == told["perception"] == told["contradiction"] == 1
    assert figures["num_unscored"] == 0
    rows = rows_of(folder)
    assert {row.origin for row in rows} == {"exact", "flawed", "sampled"}
    assert all(row.sound for row in rows if row.origin == "exact")
    assert not any(row.sound for row in rows if row.origin == "flawed")


@pytest.mark.slow
def test_a_judges_errors_are_found_as_large_as_they_were_made(tmp_path: File) -> None:
    engine = "{kind: teacher, judge: {verdict_error: 0.2, label_error: 0.1}}"
    figures, folder = calibrated(tmp_path, f"assess.engine={engine}", num=80)
    answers = figures["answers"]
    for part in ("all", "right", "wrong"):
        assert answers[part]["value"] == pytest.approx(0.8, abs=0.1)
    first = figures["first_wrong_step"]["correct"]
    rows = [row for row in rows_of(folder) if row.true_first_wrong is None]
    kept = sum(0.9 ** len(row.path.splitlines()[:-1]) for row in rows) / len(rows)  # no label of the path turned round
    assert first["low"] <= kept <= first["high"]
    assert 0.5 < figures["scores"]["rank_correlation"]["value"] < 0.99
    assert figures["auroc"]["all-wrong"]["value"] > figures["auroc"]["severity to 0.25"]["value"]


@pytest.mark.slow
def test_a_judge_that_tells_nothing_is_at_chance(tmp_path: File) -> None:
    """With half of the labels turned round accuracy is noise; detail is left out of the score."""
    engine = "{kind: teacher, judge: {label_error: 0.5}}"
    figures, _ = calibrated(tmp_path, f"assess.engine={engine}", "assess.detail_share=0", num=80)
    assert figures["auroc"]["all"]["low"] <= 0.5 <= figures["auroc"]["all"]["high"]
    assert abs(figures["scores"]["rank_correlation"]["value"]) < 0.2


def test_what_was_not_understood_is_counted_apart(tmp_path: File) -> None:
    figures, folder = calibrated(tmp_path, "assess.engine={kind: teacher, judge: {mute: 1}}", "assess.tries=1", num=8)
    assert figures["num_unscored"] == figures["num_paths"] == figures["answers"]["num_unread"]
    assert figures["auroc"] == {} and figures["answers"]["all"]["value"] == 0
    assert figures["first_wrong_step"]["num_unread"] == figures["num_paths"]
    assert not (folder / PLOT).exists()
    assert all(row.reason for row in rows_of(folder))


def test_the_table_says_every_figure_with_its_interval_and_n(tmp_path: File) -> None:
    _, folder = calibrated(tmp_path, num=20)
    console = Console(record=True, width=120, file=(tmp_path / "out.txt").open("w"))
    with closing(console.file):
        print_calibration(folder, console)
    text = console.export_text()
    for words in (
        "answer verdict agrees",
        "rank correlation",
        "AUROC",
        "wrong-final",
        "F1",
        "unscored",
        "95 % interval",
    ):
        assert words in text
    assert (folder / PLOT).read_bytes()[:4] == b"\x89PNG" and str(folder / PLOT) in text


def test_the_roc_runs_from_none_to_all() -> None:
    assert roc([3, 2], [1, 2]) == ([0, 0, 0.5, 1], [0, 0.5, 1, 1])


def test_a_rule_cannot_be_calibrated(tmp_path: File) -> None:
    with pytest.raises(StageError, match="rates nothing"):
        calibrated(tmp_path, "assess={judge: rule}", num=2)


def test_the_commands_options_name_another_judge(tmp_path: File) -> None:
    assert overrides("calibrate", "", "", None) == []
    assert overrides("walk", "", "", None) == ["calibrate={}"]
    by_server = overrides("calibrate", "m", "http://localhost/v1", None)
    assert load_recipe("calibrate", by_server).assess.engine.model_dump()["base_url"] == "http://localhost/v1"
    assert load_recipe("calibrate", overrides("calibrate", "./m", "", None)).assess.engine.kind == "hf"
    in_one_word = overrides("calibrate", "openai:http://localhost/v1#m", "", None)
    assert load_recipe("calibrate", in_one_word) == load_recipe("calibrate", by_server)
    with pytest.raises(RecipeError, match="serves no judge"):
        overrides("calibrate", "", "http://localhost/v1", None)
    with pytest.raises(SourceError, match="cannot be read"):
        overrides("calibrate", "", "", tmp_path / "none.jsonl")


def trace(number: int, mistake: int | None, **changes: Any) -> dict[str, Any]:
    steps = [f"row {number} step {place}" for place in range(4)]
    return {"id": str(number), "task": f"t{number % 3}", "input": f"sum {number}", "steps": steps} | {
        "mistake_index": mistake,
        **changes,
    }


def written(file: File, rows: Sequence[Any]) -> File:
    text = "\n".join(json.dumps(row) for row in rows)
    file.write_bytes(gzip.compress(text.encode()) if file.suffix == ".gz" else text.encode())
    return file


@pytest.mark.parametrize("name", ["t.jsonl", "t.jsonl.gz"])
def test_traces_are_read_in_equal_shares_of_their_tasks(tmp_path: File, name: str) -> None:
    file = written(tmp_path / name, [trace(number, None if number % 2 else 1) for number in range(30)])
    assert len(read_traces(file)) == 30
    some = read_traces(file, 9, seed=1)
    assert sorted(each.question.kind for each in some) == ["t0"] * 3 + ["t1"] * 3 + ["t2"] * 3
    assert some == read_traces(file, 9, seed=1) != read_traces(file, 9, seed=2)
    assert some[0].steps[-1].action == "summary" and len(some[0].steps) == 4


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (trace(0, 4), "`mistake_index` must be null or 0 to 3"),
        (trace(0, 1, steps=[]), "`steps` must be a list of texts"),
        (trace(0, 1, input=None), "`input` and `mistake_index` are needed"),
        ([], "no trace"),
        ("x", "no trace"),
    ],
)
def test_a_trace_that_is_none_is_named_by_its_line(tmp_path: File, row: Any, message: str) -> None:
    file = written(tmp_path / "t.jsonl", [trace(1, None), row])
    with pytest.raises(SourceError, match=message) as caught:
        read_traces(file)
    assert "line 2" in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"\x1f\x8b broken"])
def test_a_file_of_no_traces_is_an_error(tmp_path: File, content: bytes) -> None:
    file = tmp_path / ("t.jsonl.gz" if content[:1] == b"\x1f" else "t.jsonl")
    file.write_bytes(content)
    with pytest.raises(SourceError, match="no JSON|cannot be read|holds no traces"):
        read_traces(file)


class TextJudge:
    """Names the first step that holds one of `marks`, in the judge's format; every seventh trace it cannot read."""

    name, revision, concurrency = "text-judge", "1", 8

    def __init__(self, told: dict[str, int | None]) -> None:
        self._told = told

    async def reply(self, request: Request) -> Reply:
        text = request.chat.messages[0].content
        step = self._told[text.split("\nHere is a path")[0]]
        return Reply(text="?" if step == -7 else json.dumps({"first_wrong_step": step}))


def tried(tmp_path: File, monkeypatch: pytest.MonkeyPatch, file: File, told: dict[str, int | None]) -> dict[str, Any]:
    """The figures of a judge that says `told` (by question text) of the traces in `file`."""
    monkeypatch.setattr("insightv_bench.stages.stage.open_engine", lambda *_: TextJudge(told))
    recipe = load_recipe("calibrate", ["calibrate.questions=null", f"calibrate.steps={json.dumps(str(file))}"])
    assess = recipe.assess.model_copy(update={"engine": OpenAIEngine(model="m", base_url="x")})
    assert recipe.calibrate is not None
    stage = Stage("calibrate", "calibrate", recipe.calibrate, {}, CalibrateOptions(assess=assess))
    with closing(Journal(tmp_path / "journal.sqlite")) as journal:
        context = Context(stage, tmp_path / "calibrate", {}, journal, Progress(), 0, recipe)
        run_stage(stage, context)
    return json.loads((tmp_path / "calibrate" / FIGURES).read_text())


def test_a_text_judge_is_tried_on_traces(tmp_path: File, monkeypatch: pytest.MonkeyPatch) -> None:
    truth = [None if number % 2 else number % 4 for number in range(60)]
    file = written(tmp_path / "t.jsonl", [trace(number, mistake) for number, mistake in enumerate(truth)])
    told = {f"sum {number}": mistake for number, mistake in enumerate(truth)}
    for number in (0, 2, 4):
        told[f"sum {number}"] = 3 if truth[number] != 3 else 0
    told["sum 1"], told["sum 3"] = 0, -7
    figures = tried(tmp_path, monkeypatch, file, told)["traces"]
    error, correct = 27 / 30, 28 / 30
    assert figures["all"]["error"]["value"] == pytest.approx(error) and figures["all"]["error"]["n"] == 30
    assert figures["all"]["correct"]["value"] == pytest.approx(correct)
    assert figures["all"]["f1"]["value"] == pytest.approx(2 * error * correct / (error + correct))
    assert figures["all"]["num_unread"] == 1 and set(figures) == {"all", "t0", "t1", "t2"}


def test_the_oracle_and_the_teacher_cannot_judge_traces(tmp_path: File) -> None:
    file = written(tmp_path / "t.jsonl", [trace(0, None)])
    for judge in ("assess={judge: oracle}", "seed=0"):
        with pytest.raises(StageError, match="cannot read traces"):
            calibrated(tmp_path / judge[:4], judge, f"calibrate.steps={json.dumps(str(file))}", num=2)


@pytest.mark.slow
@pytest.mark.real_data
@pytest.mark.skipif(not WRITTEN, reason="no ../shared/data")
def test_real_traces_are_all_read_and_judged(tmp_path: File, monkeypatch: pytest.MonkeyPatch) -> None:
    """A judge that always names the true step, but for one task."""
    traces = read_traces(DATA)
    assert len(traces) == 2186 and sum(each.first_wrong is None for each in traces) == 478
    told: dict[str, int | None] = {}
    for each in traces:
        told[each.question.question] = None if each.question.kind == "word_sorting" else each.first_wrong
    figures = tried(tmp_path, monkeypatch, DATA, told)["traces"]
    assert figures["word_sorting"]["error"]["value"] == 0 and figures["word_sorting"]["correct"]["value"] == 1
    assert figures["multistep_arithmetic"]["f1"]["value"] == 1 and figures["all"]["num_unread"] == 0
