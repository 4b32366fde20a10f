"""Sets of labelled steps: each schema's polarity and indexing, and the figures of a judge of every step."""

from __future__ import annotations

import json
from pathlib import Path as File
from typing import Any

import pytest
from reading import png
from test_calibrate import calibrated, rows_of

from insightv_bench.builders.calibration.step_figures import step_figures
from insightv_bench.builders.calibration.traces import read_traces
from insightv_bench.errors import SourceError
from insightv_bench.judge_replies import read_every_step
from insightv_bench.records import CalibrationRow
from insightv_bench.statistics import calibration_error, macro_f1

SAMPLES = File(__file__).parents[2] / "shared" / "data" / "samples"


def traces(tmp_path: File, *rows: dict[str, Any], **how: Any) -> Any:
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return read_traces(file, **how)


STEPS = ["Read 3.", "Read 4.", "3 + 4 = 8."]
VISUAL = {
    "image": ["images/a.png"],
    "question": "How many?",
    "answer": "7",
    "response": {"steps": STEPS, "process_correctness": [1, 0, -1]},
    "policy_model": "m",
    "data_source": "MathVision",
}


@pytest.mark.parametrize(
    ("row", "labels"),
    [
        ({"input": "How many?", "steps": STEPS, "mistake_index": 1}, (True, False, None)),
        ({"input": "How many?", "steps": STEPS, "mistake_index": None}, (True, True, True)),
        ({"problem": "How many?", "generator": "m", "steps": STEPS, "label": 2, "id": "1"}, (True, True, False)),
        ({"problem": "How many?", "generator": "m", "steps": STEPS, "label": -1}, (True, True, True)),
        ({**VISUAL, "image": []}, (True, None, False)),
        (
            {"modified_question": "How many?", "modified_process": STEPS, "error_steps": [1, 3], "classification": "x"},
            (False, True, False),
        ),
        (
            {
                "question": "How many?",
                "step_list": ["STEP1: a\n\n"] * 3,
                "task_gt": [0, 0, 1],
                "category": "c",
                "reasoning_error": "STEP1: Read 3.\n\nSTEP2: Read 4.\n\nSTEP3: 3 + 4 = 8.\n\n",
            },
            (True, True, False),
        ),
        ({"question": "How many?", "steps": STEPS, "labels": [True, None, 0]}, (True, None, False)),
    ],
)
def test_each_set_is_read_in_its_own_polarity_and_counting(
    tmp_path: File, row: dict[str, Any], labels: tuple[bool | None, ...]
) -> None:
    (trace,) = traces(tmp_path, row)
    assert trace.labels == labels and trace.question.question == "How many?"
    assert [step.reasoning for step in trace.steps] == STEPS
    assert trace.first_wrong == (labels.index(False) if False in labels else None)


def test_images_lie_beside_the_file_and_a_missing_one_is_an_error_that_says_what_to_do(tmp_path: File) -> None:
    with pytest.raises(SourceError, match="image file is missing") as raised:
        traces(tmp_path, VISUAL)
    assert "steps_images: false" in str(raised.value)
    (trace,) = traces(tmp_path, VISUAL, images=False)
    assert not trace.question.images
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").write_bytes(png(3))
    (trace,) = traces(tmp_path, VISUAL)
    assert trace.question.images[0].bytes == png(3)
    with pytest.raises(SourceError, match="outside the data's folder"):
        traces(tmp_path, {**VISUAL, "image": ["../../etc/passwd"]})


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"a": 1}, "no set that is known"),
        ({**VISUAL, "response": {"steps": STEPS, "process_correctness": [1]}}, "3 steps and 1 labels"),
        ({"modified_process": STEPS, "error_steps": [0]}, "`error_steps` must be 1 to 3"),
        ({"problem": "p", "steps": STEPS, "label": 3}, "`label` must be -1 or 0 to 2"),
    ],
)
def test_a_row_that_is_no_trace_is_named(tmp_path: File, row: dict[str, Any], words: str) -> None:
    with pytest.raises(SourceError, match="line 1, is no trace") as raised:
        traces(tmp_path, row)
    assert words in str(raised.value)


def test_a_reply_on_every_step_is_read_strictly() -> None:
    assert read_every_step('{"step": 0, "right": 90}\n{"step": 1, "right": 5}', 2).value == (90, 5)
    right = '{"step": 1, "right": 5}'
    turned, above = right + '\n{"step": 0, "right": 90}', '{"step": 0, "right": 101}\n' + right
    for bad in (right, turned, above, "no"):
        assert read_every_step(bad, 2).value is None and read_every_step(bad, 2).problem


def row(number: int, truth: tuple[int, ...], scores: tuple[int, ...]) -> CalibrationRow:
    known: dict[str, Any] = {"origin": "trace", "flaw": "none", "severity": 0.0, "sound": 0 not in truth, "kind": "k"}
    places: dict[str, Any] = {"answer_right": True, "true_first_wrong": None, "path": str(number)}
    return CalibrationRow(question_id=f"q{number}", **known, **places, step_truth=truth, step_scores=scores)


def test_figures_of_every_step_by_hand() -> None:
    assert macro_f1([True, True, False, False], [True, False, True, False])["macro_f1"].value == 0.5
    assert calibration_error([0.9, 0.9, 0.1, 0.1], [True, False, False, False], 10).value == pytest.approx(0.25)
    exact = step_figures([row(n, (1, 1, 0), (100, 100, 0)) for n in range(60)])
    assert exact["macro_f1"]["value"] == exact["auroc"]["value"] == exact["first_error_error"]["value"] == 1
    assert exact["ece"]["value"] == 0 and exact["conformal"]["coverage"]["value"] == 1
    assert exact["conformal"]["half_width"] == 0 and exact["num_steps"] == 180
    sure = step_figures([row(n, (1, n % 2, -1), (90, 90, 10)) for n in range(80)])
    assert sure["ece"]["value"] == pytest.approx(0.15) and sure["num_steps"] == 160
    assert [one["share" if "share" in one else "value"] for one in sure["reliability"]] == [pytest.approx(0.75)]
    assert sure["conformal"]["coverage"]["value"] >= 0.85
    assert step_figures([row(0, (1, 0), ())])["num_unread"] == 1


def test_a_judges_errors_on_steps_are_found_and_the_drawn_paths_are_exported_with_their_labels(tmp_path: File) -> None:
    engine = "{kind: teacher, judge: {label_error: 0.1}}"
    sets = (f"assess.engine={engine}", "assess.judge=engine", "calibrate.step_scores=true")
    figures, folder = calibrated(tmp_path, *sets, num=20)
    drawn = figures["every_step"]["drawn"]
    assert 0.75 < drawn["macro_f1"]["value"] < 0.97 and drawn["macro_f1"]["low"] < drawn["macro_f1"]["high"]
    assert drawn["ece"]["value"] < 0.1  # it says 90 percent and errs in a tenth
    assert drawn["num_unread"] == 0 and len(drawn["reliability"]) == 2
    exported = read_traces(folder / "steps.jsonl")
    rows = {r.path: r for r in rows_of(folder)}
    assert len(exported) > 20 and all(trace.question.images for trace in exported)
    truths = {tuple(label == 1 for label in each.step_truth) for each in rows.values()}
    assert all(trace.labels in truths for trace in exported)


def test_the_oracle_is_right_of_every_step(tmp_path: File) -> None:
    figures, _ = calibrated(tmp_path, "assess={judge: oracle}", "calibrate.step_scores=true", num=15)
    drawn = figures["every_step"]["drawn"]
    assert drawn["macro_f1"]["value"] == drawn["auroc"]["value"] == drawn["first_error_f1"]["value"] == 1
    assert drawn["ece"]["value"] == 0


@pytest.mark.real_data
def test_real_rows_of_prmbench_vlrmbench_and_big_bench_mistake_are_read() -> None:
    if not SAMPLES.is_dir():
        pytest.skip("../shared/data/samples is absent")
    prm = read_traces(SAMPLES / "prmbench" / "prmbench_45.jsonl", images=False)
    assert len(prm) == 45 and sum(trace.first_wrong is not None for trace in prm) >= 35
    location = read_traces(SAMPLES / "vlrmbench" / "location_error_15.jsonl", images=False)
    assert len(location) == 15 and any(False in trace.labels for trace in location)
    mistakes = read_traces(SAMPLES.parent / "step_mistakes.jsonl.gz", limit=100)
    assert len(mistakes) == 100
