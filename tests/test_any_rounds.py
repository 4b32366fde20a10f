"""Rounds of any model on any questions: what is planned, what is refused, and which questions a round asks."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from own_recipes import complaint
from training_stages import lessons, pairs

from insightv_bench.errors import RecipeError, StageError
from insightv_bench.journal import Journal
from insightv_bench.plan import plan
from insightv_bench.records import PreferenceRow, Question, ReasoningRow
from insightv_bench.settings import RoundQuestions, load_recipe
from insightv_bench.settings.recipe import parse_recipe
from insightv_bench.stages import Context, Progress, RoundOptions, Stage, read_manifest, run_stage
from insightv_bench.storage import read_rows, write_shards
from insightv_bench.world import Level, sample_questions

ROUNDS = """
name: mine
given: {model: a/model, revision: abc}
rounds:
  num: 2
  questions: SOURCE
  assess: {judge: rule}
  paths: {num_paths: 4, mode: one-call, sampling: {temperature: 1.0}}
"""
COLUMNS = "columns: {question: q, answer: a, image: i}"
SOURCES = {
    "parquet": f"{{source: parquet, path: p.parquet, name: n, {COLUMNS}}}",
    "jsonl": f"{{source: jsonl, path: p.jsonl, name: n, {COLUMNS}}}",
    "hub": f"{{source: hub, id: o/n, split: train, {COLUMNS}}}",
    "task": "{source: task, task: mathvista}",
    "world": "{source: world, split: train, num: 10}",
}


def stages(text: str, *overrides: str) -> dict[str, Stage]:
    return {stage.name: stage for stage in plan(parse_recipe(text, "mine.yaml", list(overrides)))}


@pytest.mark.parametrize("source", SOURCES)
def test_rounds_alone_start_from_any_model_and_ask_any_source(source: str) -> None:
    planned = stages(ROUNDS.replace("SOURCE", SOURCES[source]))
    assert planned["train-reason"].kind == "pretrained" and planned["train-reason"].settings.revision == "abc"
    assert [stage.kind for stage in planned.values()].count("dpo") == 2
    assert not {stage.kind for stage in planned.values()} & {"sft", "base", "lessons", "reasoning"}
    for number in (1, 2):
        model = "train-dpo-1" if number == 2 else "train-reason"
        paths = planned[f"paths-round-{number}"]
        assert paths.inputs["model"] == model and paths.settings.engine.model == f"stage:{model}"
        assert planned[f"assess-round-{number}"].settings.judge == "rule"
    asked = {planned[f"paths-round-{number}"].inputs["questions"] for number in (1, 2)}
    assert len(asked) == (2 if source == "world" else 1)


def test_rounds_start_from_a_base_where_nothing_else_is_trained() -> None:
    text = ROUNDS.replace("SOURCE", SOURCES["parquet"]).replace("given: {model: a/model, revision: abc}", "")
    with pytest.raises(RecipeError, match="needs a model to start from"):
        stages(text)
    planned = stages(text + "base: {model: a/model}\n")
    assert planned["train-dpo-1"].inputs["model"] == planned["train-dpo-1"].inputs["initial"] == "train-base"


def test_a_given_model_takes_the_place_of_the_trained_agent() -> None:
    before = {stage.name: stage for stage in plan(load_recipe("tiny"))}
    after = {stage.name: stage for stage in plan(load_recipe("tiny", ["given.model=a/model"]))}
    assert after["train-reason"].kind == "pretrained" and not after["train-reason"].inputs
    assert set(before) - set(after) == {"corpora-reasoning"}
    assert after["paths-round-1"].inputs["model"] == "train-reason"


def test_rounds_are_evaluated_from_the_model_that_they_start_from() -> None:
    text = ROUNDS.replace("SOURCE", SOURCES["hub"])
    text += f"questions: {{test: {SOURCES['parquet']}}}\neval: {{questions: test, arms: [base, reason]}}\n"
    planned = stages(text)
    assert {"eval-base", "eval-sft", "eval-dpo-1", "eval-dpo-2"} <= set(planned)
    assert planned["eval-base"].inputs["base"] == "train-reason"
    assert planned["questions-rounds"].inputs["evaluated"] == "questions-test"


def test_fresh_questions_of_a_table_are_a_stage_a_round() -> None:
    planned = stages(ROUNDS.replace("SOURCE", SOURCES["parquet"]), "rounds.num_questions=50")
    assert [planned[f"questions-round-{number}"].settings.num for number in (1, 2)] == [50, 50]
    assert planned["paths-round-2"].inputs["questions"] == "questions-round-2"
    with pytest.raises(RecipeError, match="`num_questions` is of a table"):
        stages(ROUNDS.replace("SOURCE", SOURCES["world"]), "rounds.num_questions=50")


def test_what_cannot_be_judged_is_refused() -> None:
    told = pytest.raises(RecipeError, match="oracle judges the drawn world alone, and `rounds.questions`")
    with told:
        stages(ROUNDS.replace("SOURCE", SOURCES["parquet"]), "rounds.assess=null")


@pytest.mark.parametrize(
    ("key", "engine", "named"),
    [
        ("rounds.paths", "{kind: teacher}", "teacher"),
        ("rounds.paths", "{kind: hf, model: some/other}", "some/other"),
        ("rounds.paths", "{kind: openai, model: m, base_url: 'http://127.0.0.1:9/v1'}", "openai"),
        ("agent_paths", "{kind: openai, model: m, base_url: 'http://127.0.0.1:9/v1'}", "openai"),
    ],
)
def test_an_engine_of_another_model_is_refused_and_never_dropped(key: str, engine: str, named: str) -> None:
    told = complaint("tiny", f"{key}.engine={engine}")
    assert f"`{key}.engine` names `{named}`" in told.fact and "leave it out" in told.hint


def test_options_of_the_model_just_made_are_kept() -> None:
    planned = {stage.name: stage for stage in plan(load_recipe("tiny", ["rounds.paths.engine.batch_size=7"]))}
    assert planned["paths-round-1"].settings.engine.batch_size == 7


# A given release


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("release")
    rows = lessons(6)
    for config, kind, content in (("reasoning", ReasoningRow, rows), ("preference", PreferenceRow, pairs(rows))):
        (folder / config / "train").mkdir(parents=True)
        write_shards(folder / config / "train", content, kind)
    return folder


def test_given_pairs_are_never_fed_to_rounds(release: Path) -> None:
    planned = {stage.name: stage for stage in plan(load_recipe("walk", [f"given={release}"]))}
    assert planned["corpora-reasoning"].kind == "imported"
    assert [planned[f"corpora-preference-{number}"].kind for number in (1, 2)] == ["preference"] * 2
    with_control = [f"given={release}", "controls=[off-policy-dpo]"]
    planned = {stage.name: stage for stage in plan(load_recipe("walk", with_control))}
    control = planned["train-off-policy-dpo"]
    assert planned[control.inputs["pairs"]].kind == "imported" and control.inputs["model"] == "train-reason"
    assert "eval-off-policy-dpo" in planned
    assert "none is given" in complaint("walk", "controls=[off-policy-dpo]").fact


def test_pairs_alone_have_a_place_only_where_the_control_is_named(release: Path, tmp_path: Path) -> None:
    (tmp_path / "preference").symlink_to(release / "preference")
    told = complaint("walk", f"given={tmp_path}")
    assert "holds `preference`" in told.fact and "controls: [off-policy-dpo]" in told.hint


def test_a_plan_lists_what_will_run_alone(release: Path) -> None:
    alone = [f"given={release}", "summary=null", "agent_paths=null"]
    names = [stage.name for stage in plan(load_recipe("walk", alone))]
    assert "corpora-reasoning" in names
    assert not [name for name in names if name in ("questions-train", "paths-teacher", "assess-teacher")]


# Which questions a round asks


def asked(folder: Path, rows: dict[str, list[Question]], number: int, num: int | None) -> tuple[list[str], Any]:
    inputs = {}
    for role, questions in rows.items():
        inputs[role] = folder / role
        if not inputs[role].exists():
            inputs[role].mkdir(parents=True)
            write_shards(inputs[role], questions, Question)
    stage = Stage(
        f"questions-round-{number}",
        "round-questions",
        RoundQuestions(num=num),
        {role: role for role in rows},
        RoundOptions(round=number),
    )
    out = folder / f"round-{number}-{num}"
    with closing(Journal(folder / "journal.sqlite")) as journal:
        run_stage(stage, Context(stage, out, inputs, journal, Progress(), 0, load_recipe("walk")))
    return [question.id for question in read_rows(out, Question)], read_manifest(out)


def test_rounds_ask_fresh_questions_and_none_of_the_evaluation(tmp_path: Path) -> None:
    table = list(sample_questions(Level(side=16), "train", seed=3, num=10))
    rows = {"questions": table, "evaluated": [one.model_copy(update={"id": "x" + one.id}) for one in table[:3]]}
    first, told = asked(tmp_path, rows, 1, 4)
    second, again = asked(tmp_path, rows, 2, 4)
    assert len(first) == len(second) == 4 and told["dropped"] == {"asked by the evaluation": 3}
    left = {question.id for question in table[3:]}
    assert set(first) | set(second) == left and len(set(first) & set(second)) == 1
    assert told["totals"]["asked_by_rounds_before"] == 0 and again["totals"]["asked_by_rounds_before"] == 1
    every, _ = asked(tmp_path, rows, 0, None)
    assert every == [question.id for question in table[3:]]


def test_a_table_that_the_evaluation_asks_whole_leaves_nothing(tmp_path: Path) -> None:
    table = list(sample_questions(Level(side=16), "train", seed=3, num=4))
    with pytest.raises(StageError, match="the evaluation asks all of them"):
        asked(tmp_path, {"questions": table, "evaluated": table}, 1, 2)
