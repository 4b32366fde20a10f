"""lm-eval's own command line: our task files load, ask and score there, and our model is registered."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path as File
from typing import Any

import pytest
from arms_asked import UNREADABLE, WRONG

from insightv_bench.evals.harness.command_line import named, register, with_ours


@pytest.fixture(scope="module")
def tasks() -> dict[str, Any]:
    from lm_eval.tasks import TaskManager

    folder = str(files("insightv_bench.evals").joinpath("tasks"))
    manager = TaskManager(include_path=folder, include_defaults=False)
    found = manager.load(["insightv_tiny"])["tasks"]
    assert set(found) == {f"insightv_tiny_{shows}" for shows in ("question", "direct", "reason", "oracle", "flawed")}
    return dict(found)


def test_our_task_files_load_in_stock_lm_eval(tasks: dict[str, Any]) -> None:
    assert {"insightv_tiny_direct", "insightv_tiny_reason", "insightv_tiny_oracle"} <= set(tasks)
    for name, task in tasks.items():
        rows = list(task.test_docs())
        assert len(rows) == (1500 if name.endswith("flawed") else 500)
        assert len({row["question_id"] for row in rows}) == 500
        assert "noise_seed" not in str(rows[0])
        assert task.doc_to_text(rows[0]).startswith("<image>") and task.doc_to_target(rows[0]) == rows[0]["gold"]
        (image,) = task.doc_to_image(rows[0])
        assert image.mode == "RGB" and image.size == (48, 48)


def test_task_files_score_as_our_own_evaluation_does(tasks: dict[str, Any]) -> None:
    for task in tasks.values():
        row = next(iter(task.test_docs()))
        right, unread = {"acc": 1.0, "unread": 0.0}, {"acc": 0.0, "unread": 1.0}
        assert right.items() <= task.process_results(row, [json.dumps({"answer": row["gold"]})]).items()
        assert unread.items() <= task.process_results(row, [UNREADABLE]).items()
        assert task.process_results(row, [WRONG])["acc"] == 0.0


def test_the_task_files_ask_the_same_questions(tasks: dict[str, Any]) -> None:
    ids = [list(dict.fromkeys(row["question_id"] for row in task.test_docs())) for task in tasks.values()]
    assert all(one == ids[0] for one in ids)


def test_our_model_is_registered_beside_the_built_in_ones() -> None:
    from lm_eval.api.registry import get_model, model_registry

    from insightv_bench.evals.harness.model import InsightvLM

    register()
    register()  # twice is once
    assert {"hf", "hf-multimodal", "insightv"} <= set(model_registry)
    assert get_model("insightv") is InsightvLM


def test_our_tasks_stand_beside_those_of_a_folder_and_lm_evals_own_are_read_only_where_they_are_asked(
    tmp_path: File,
) -> None:
    from lm_eval.tasks import TaskManager

    (tmp_path / "own.yaml").write_text("task: own\ndataset_path: json\n")
    asked = named(["run", "--tasks", "own,insightv_mme", "--limit", "3"])
    assert asked == named(["--tasks=own,insightv_mme"]) == {"own", "insightv_mme"}
    assert asked == named(["--tasks", "own", "insightv_mme", "--model", "x"])
    made = with_ours(TaskManager, asked)(include_path=str(tmp_path))
    assert asked <= set(made.all_subtasks) and "hellaswag" not in made.all_subtasks
