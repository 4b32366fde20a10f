"""Flawed paths on real questions as lm-eval tasks: what they show, that they are fixed, what their figures count."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path as File
from typing import Any

import polars as pl
import pytest
from test_gold_paths import DATA, puzzle

from insightv_bench.records import Image, Question, columns_of
from insightv_bench.sources import rationale_of
from insightv_bench.storage import write_shards

pytest.importorskip("lm_eval")


def task_of(data: File, name: str = "insightv_puzzlevqa_flawed", **more: str) -> Any:
    from lm_eval.tasks import TaskManager

    from insightv_bench.evals.harness.question_task import QuestionTask
    from insightv_bench.evals.harness.task_questions import our_tasks

    manager = TaskManager(include_path=[our_tasks()], include_defaults=False, metadata={"data": str(data), **more})
    task = manager.load([name])["tasks"][name]
    assert isinstance(task, QuestionTask)
    return task


def parquet(file: File, rows: list[dict[str, Any]]) -> File:
    pl.DataFrame(rows).write_parquet(file)
    return file


@pytest.fixture
def puzzles(tmp_path: File) -> File:
    return parquet(tmp_path / "rows.parquet", [*map(puzzle, range(4)), puzzle(9, deduction="The end is open.")])


def test_a_question_is_shown_its_right_path_flawed_ones_and_the_controls(puzzles: File) -> None:
    task = task_of(puzzles)
    docs = [*task.eval_docs]
    shows = Counter(doc["shows"] for doc in docs)
    assert shows["direct"] == shows["oracle"] == shows["irrelevant"] == shows["shuffled"] == 4
    assert 8 <= shows["flawed"] <= 12
    metadata = task.config.metadata
    assert metadata["left_out"] == {"rationale states no answer": 1} and metadata["data"] == "rows.parquet"
    assert sum(metadata["num_by_flaw"].values()) == sum(metadata["num_by_position"].values()) == shows["flawed"]
    flawed = next(doc for doc in docs if doc["shows"] == "flawed")
    assert "Here is a path of reasoning" in flawed["context"] and flawed["maker"] == "rule"
    assert "path of reasoning" not in next(doc for doc in docs if doc["shows"] == "direct")["context"]
    assert [image.size for image in task.doc_to_image(flawed)][0][1] == 30


def test_the_set_is_the_same_in_any_order_of_rows_and_its_version_tells_another_content(tmp_path: File) -> None:
    rows = [*map(puzzle, range(4))]
    one, other = (task_of(parquet(tmp_path / f"{n}.parquet", each)) for n, each in enumerate((rows, rows[::-1])))

    def flawed(task: Any) -> set[str]:
        return {doc["context"] for doc in task.eval_docs if doc["shows"] == "flawed"}

    assert flawed(one) == flawed(other)
    assert task_of(tmp_path / "0.parquet").VERSION == one.VERSION
    fewer = task_of(parquet(tmp_path / "2.parquet", rows[:3]))
    assert fewer.VERSION != one.VERSION and fewer.VERSION.startswith("1-")


def figures_of(task: Any, reply: Any) -> dict[str, float]:
    """As lm-eval puts them together, of what `reply` says to each document."""
    parts: dict[str, list[Any]] = {}
    for doc in task.eval_docs:
        for name, value in task.process_results(doc, [reply(doc)]).items():
            parts.setdefault(name, []).append(value)
    aggregate = task.aggregation()
    return {name: aggregate[name](values) for name, values in parts.items()}


def said(answer: str, verdict: str = "") -> str:
    return json.dumps({**({"check": "", "verdict": verdict} if verdict else {}), "answer": answer})


def test_an_agent_that_follows_every_path_recovers_nothing_and_detects_nothing(puzzles: File) -> None:
    def follows(doc: dict[str, Any]) -> str:
        planted = doc["planted_answer"] if doc["shows"] == "flawed" else doc["gold"]
        return said(planted, "right" if doc["shows"] != "direct" else "")

    figures = figures_of(task_of(puzzles), follows)
    assert figures["followed"] == figures["excess_follow"] == figures["trust"] == 1.0
    assert figures["detection"] == figures["over_rejection"] == 0.0
    assert figures["recovery"] == figures["acc"] < 1  # flaws that do not reach the answer mislead nobody


def test_an_agent_that_trusts_no_path_and_answers_right_detects_all_and_one_that_errs_then_over_rejects(
    puzzles: File,
) -> None:
    sound = figures_of(
        task_of(puzzles), lambda doc: said(doc["gold"], "wrong" if doc["shows"] == "flawed" else "right")
    )
    assert sound["recovery"] == sound["detection"] == sound["trust"] == sound["acc"] == 1.0
    assert sound["followed"] == sound["excess_follow"] == sound["over_rejection"] == 0.0
    rejects = figures_of(task_of(puzzles), lambda doc: said(doc["gold"] if doc["shows"] == "direct" else "A", "wrong"))
    assert rejects["over_rejection"] == 1.0 and rejects["trust"] == 0.0 and math.isnan(rejects["recovery"])


def test_rows_that_a_run_made_are_asked_in_the_place_of_drawn_ones_with_natural_flaws(tmp_path: File) -> None:
    from insightv_bench.protocol import render_path
    from insightv_bench.records import FlawedRow
    from insightv_bench.sources import Part

    row = puzzle(1)
    image = Image(**row["image"])
    question = Question(
        id="q",
        images=(image,),
        image_sha256=(image.sha256,),
        question=row["question"],
        options=tuple(row["options"]),
        answer="B",
        answer_type="option",
        source="s",
        source_revision="",
        source_license="",
        kind="ring",
    )
    steps = rationale_of([Part("", "I see red. So it is red.")])
    natural = FlawedRow(
        **columns_of(question),
        kind="ring",
        path="",
        flawed_path=render_path(steps, "A"),
        flaw="natural",
        severity=0.0,
        position="none",
        propagated=True,
        error_steps=(),
        planted_answer="A",
        maker="sampled",
    )
    folder = tmp_path / "corpora-benchmark-1"
    folder.mkdir()
    write_shards(folder, [natural], FlawedRow)
    task = task_of(tmp_path / "absent.parquet", rows=str(folder))
    assert [doc["shows"] for doc in task.eval_docs] == ["direct", "flawed"]
    assert task.config.metadata["num_by_flaw"] == {"natural": 1} and task.config.metadata["rows"] == folder.name
    assert figures_of(task, lambda doc: said("A", "right" if doc["shows"] == "flawed" else ""))["followed"] == 1.0


@pytest.mark.slow
@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "file", "num"), [("puzzlevqa", "puzzlevqa", 1400), ("mathvision", "mathvision_testmini", 30)]
)
def test_the_real_sets_hold_each_type_of_flaw_at_each_position(name: str, file: str, num: int) -> None:
    data = DATA / f"{file}.parquet"
    if not data.exists():
        pytest.skip("../shared/data is absent")
    metadata = task_of(data, f"insightv_{name}_flawed").config.metadata
    assert metadata["num_by_shows"]["flawed"] >= num
    assert len(metadata["num_by_flaw"]) >= 8 and {"early", "middle", "late"} <= set(metadata["num_by_position"])
