"""Accuracy on validation questions while a model trains: as an evaluation measures it, and it changes no weight."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from training_stages import (
    corpus,
    dpo_settings,
    grpo_settings,
    history,
    lessons,
    losses,
    manifest,
    pairs,
    placed,
    prompts,
    sft_settings,
    train,
)

from insightv_bench.agents import ReasoningAgent
from insightv_bench.engines import Caller, open_engine
from insightv_bench.errors import RecipeError
from insightv_bench.evals.harness.metrics import scored
from insightv_bench.journal import Journal, Reply, Request
from insightv_bench.plan import plan
from insightv_bench.records import Path as ReasoningPath
from insightv_bench.records import Question, Step
from insightv_bench.settings import HfEngine, PathsSettings, Sampling, WatchSettings, load_recipe
from insightv_bench.world import Level, sample_questions

SHORT = Sampling(max_new_tokens=12, temperature=1.0)
NUM = 12
WATCH = WatchSettings(every=2, questions=NUM, sampling=SHORT, batch_size=5)


def validation(run: Path) -> tuple[Path, list[Question]]:
    questions = list(sample_questions(Level(), "validation", 0, NUM + 3))
    return corpus(run, "questions-validation", questions), questions


def sft(run: Path, tiny: Path, **settings: Any) -> Path:
    asked, _ = validation(run)
    inputs = {"train-base": placed(tiny, run), "corpora-reasoning": corpus(run, "corpora-reasoning", lessons(8))}
    return train(run, "sft", sft_settings(**settings), inputs, watched={"watched-questions": asked})


def curve(folder: Path) -> list[dict[str, Any]]:
    return [log for log in history(folder) if "watch_accuracy" in log]


def rows(folder: Path, step: int) -> list[dict[str, Any]]:
    lines = (folder / "watched" / f"step-{step:06}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def asked_again(model: Path, questions: list[Question], folder: Path) -> list[ReasoningPath]:
    """What the engine writes to these questions, in a journal of its own."""
    settings = PathsSettings(num_paths=1, mode="one-call", sampling=SHORT)
    engine = open_engine(HfEngine(model=str(model), batch_size=WATCH.batch_size))
    with Caller(engine, Journal(folder / "again.sqlite"), seed=0) as caller:
        agent = ReasoningAgent(caller, settings)
        return caller.run([agent.write(question, 0) for question in questions])


def evaluated(questions: list[Question], kept: list[dict[str, Any]]) -> list[bool]:
    """Whether an evaluation counts each reply as right."""
    docs = [{**question.model_dump(), "gold": question.answer} for question in questions]
    return [scored(doc, row["text"]).right for doc, row in zip(docs, kept, strict=True)]


def test_a_reply_is_read_as_an_evaluation_reads_it(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer in words is right although no path can be read from them."""
    questions = list(sample_questions(Level(), "validation", 0, NUM))

    def right(_: Any, requests: list[Request]) -> list[Reply]:
        return [Reply(text=f"I look.\n\nThe answer is {question.answer}.") for question in questions[: len(requests)]]

    monkeypatch.setattr(Caller, "ask_all", right)
    folder = sft(tmp_path, tiny, watch=WATCH, trainer={"max_steps": 1})
    kept = rows(folder, 1)
    assert [row["correct"] for row in kept] == evaluated(questions, kept) == [True] * NUM


def test_a_watched_training_has_the_weights_of_one_that_is_not_and_the_rows_of_its_evaluation(
    tiny: Path, tmp_path: Path
) -> None:
    alone = sft(tmp_path / "alone", tiny)
    folder = sft(tmp_path / "watched", tiny, watch=WATCH)
    weights = [(run / "model" / "model.safetensors").read_bytes() for run in (alone, folder)]
    assert weights[0] == weights[1] and losses(alone) == losses(folder)

    assert [log["step"] for log in curve(folder)] == [0, 2, 3]
    for log in curve(folder):
        assert (
            log["watch_accuracy_low"] <= log["watch_accuracy"] <= log["watch_accuracy_high"] and log["watch_n"] == NUM
        )
    questions = list(sample_questions(Level(), "validation", 0, NUM))
    again = asked_again(folder / "model", questions, tmp_path)
    kept = rows(folder, 3)
    assert [(row["question_id"], row["text"]) for row in kept] == [(path.question_id, path.text) for path in again]
    assert [row["correct"] for row in kept] == evaluated(questions, kept)
    assert [row["text"] for row in rows(folder, 0)] != [row["text"] for row in kept]
    watch = manifest(folder)["totals"]["watch"]
    assert watch["last"]["n"] == NUM and watch["kept_step"] == 3
    assert not (folder / "checkpoints").exists() and (folder / "curves.png").exists()


@pytest.mark.slow
def test_with_patience_it_stops_and_the_best_weights_are_kept(tiny: Path, tmp_path: Path) -> None:
    """The model is never right, so the first measurement is the best, and the weights are those of before."""
    patient = WATCH.model_copy(update={"every": 1, "patience": 2})
    folder = sft(tmp_path, tiny, watch=patient, trainer={"max_steps": 30})
    assert manifest(folder)["totals"]["num_steps"] == 2
    assert manifest(folder)["totals"]["watch"]["kept_step"] == 0
    questions = list(sample_questions(Level(), "validation", 0, NUM))
    again = asked_again(folder / "model", questions, tmp_path)
    assert [path.text for path in again] == [row["text"] for row in rows(folder, 0)]


@pytest.mark.slow
def test_where_patience_ended_a_resumed_training_does_not_go_on(tiny: Path, tmp_path: Path) -> None:
    """Killed after its last checkpoint and before its model was kept: the checkpoint is the training's end."""
    patient = WATCH.model_copy(update={"every": 1, "patience": 2})
    settings = sft_settings(watch=patient, trainer={"max_steps": 30, "save_strategy": "steps", "save_steps": 1})
    asked, _ = validation(tmp_path)
    inputs = {
        "train-base": placed(tiny, tmp_path),
        "corpora-reasoning": corpus(tmp_path, "corpora-reasoning", lessons(8)),
    }
    watched = {"watched-questions": asked}

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("insightv_bench.trainers.training.save", killed)
        train(tmp_path, "sft", settings, inputs, watched=watched)
    folder = train(tmp_path, "sft", settings, inputs, watched=watched)
    assert [log["step"] for log in curve(folder)] == [0, 1, 2]
    assert all(len(rows(folder, step)) == NUM for step in (0, 1, 2))
    assert manifest(folder)["totals"]["num_steps"] == 2


@pytest.mark.slow
def test_an_adapter_is_watched_merged(tiny: Path, tmp_path: Path) -> None:
    folder = sft(tmp_path, tiny, watch=WATCH.model_copy(update={"patience": 9}), lora={"r": 4})
    best = manifest(folder)["totals"]["watch"]["kept_step"]
    questions = list(sample_questions(Level(), "validation", 0, NUM))
    again = asked_again(folder / "model", questions, tmp_path)
    assert [path.text for path in again] == [row["text"] for row in rows(folder, best)]
    assert (folder / "model" / "adapter" / "adapter_model.safetensors").exists()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["dpo", "grpo"])
def test_rounds_are_watched(tiny: Path, tmp_path: Path, kind: str) -> None:
    asked, _ = validation(tmp_path)
    made = pairs(lessons(8)) if kind == "dpo" else prompts(lessons(8))
    settings = {"dpo": dpo_settings, "grpo": grpo_settings}[kind](watch=WATCH)
    start = placed(tiny, tmp_path)
    inputs = {"train-reason": start, "corpus": corpus(tmp_path, "corpus", made), "first": start}
    folder = train(tmp_path, kind, settings, inputs, f"train-{kind}-1", watched={"watched-questions": asked})
    assert [log["step"] for log in curve(folder)] == [0, 2, 3]


@pytest.mark.slow
def test_the_summary_agent_is_watched_with_its_partners_paths(tiny: Path, tmp_path: Path) -> None:
    asked, questions = validation(tmp_path)
    step = Step(summary="read", action="summary", reasoning="a")
    paths = [
        ReasoningPath(
            id=f"p{place}", question_id=question.id, sample=0, generator="m", prompt="reason@1", steps=(step,),
            answer=question.answer, status="complete", dialect="json", repaired=False,
            text="", num_calls=1, num_tokens=1,
        )
        for place, question in enumerate(questions)
    ]  # fmt: skip
    inputs = {"train-base": placed(tiny, tmp_path), "corpora-summary": corpus(tmp_path, "corpora-summary", lessons(8))}
    watched = {"watched-questions": asked, "watched-paths": corpus(tmp_path, "paths-validation", paths)}
    folder = train(tmp_path, "sft", sft_settings(watch=WATCH), inputs, "train-summary", seat="summary", watched=watched)
    assert [row["path_id"] for row in rows(folder, 3)] == [f"p{place}" for place in range(NUM)]


def test_agents_and_rounds_are_watched_on_validation_questions_and_controls_are_not() -> None:
    watch = ["reason", "summary", "rounds.dpo"]
    changes = [f"{place}.watch={{every: 50, questions: {num}}}" for place, num in zip(watch, (40, 60, 20), strict=True)]
    recipe = load_recipe("tiny", [*changes, "controls=[continued-sft]"])
    stages = {stage.name: stage for stage in plan(recipe)}
    assert stages["questions-validation"].settings.split == "validation"
    assert stages["questions-validation"].settings.num == 60
    for name in ("train-reason", "train-summary", "train-dpo-1"):
        assert stages[name].inputs["watched-questions"] == "questions-validation"
    assert stages["train-summary"].inputs["watched-paths"] == "paths-validation"
    assert stages["paths-validation"].inputs["model"] == "train-reason"
    assert stages["train-continued-sft"].settings.watch is None
    assert not [role for role in stages["train-continued-sft"].inputs if role.startswith("watched")]


@pytest.mark.parametrize(
    "changes, fact",
    [
        (["base.watch={every: 5}"], "a base writes no paths yet"),
        (["reason.watch={every: 5}", "reason.launch={config: cpu}"], "`watch` needs a training in one process"),
        (["reason.watch={every: 5, patience: 1}", "reason.validation_share=0.1", "reason.patience=1"], "two figures"),
        (["reason.watch={every: 0}"], "greater than or equal to 1"),
    ],
)
def test_what_cannot_be_watched_is_refused(changes: list[str], fact: str) -> None:
    with pytest.raises(RecipeError, match=fact):
        plan(load_recipe("tiny", changes))


HUB = "{source: hub, id: A/B, split: %s, columns: {question: q, answer: a, image: i}}"


@pytest.mark.parametrize(
    "changes, fact",
    [
        (["questions.validation={source: world, split: test, num: 9}"], "its split is `test`"),
        (["questions.validation={source: world, split: train, num: 9}"], "its split is `train`"),
        ([f"questions.validation={HUB % 'test'}"], "its split is `test`"),
        (
            [f"questions.validation={HUB % 'dev'}", f"questions.other={HUB % 'dev'}"],
            "the same rows as `questions.other`",
        ),
    ],
)
def test_other_questions_of_the_recipe_are_not_for_validation(changes: list[str], fact: str) -> None:
    with pytest.raises(RecipeError, match=fact):
        plan(load_recipe("tiny", ["reason.watch={every: 5}", *changes]))
    plan(load_recipe("tiny", ["reason.watch={every: 5}", f"questions.validation={HUB % 'dev'}"]))


def test_questions_of_ones_own_need_some_for_validation() -> None:
    with pytest.raises(RecipeError, match="has no questions to be measured on"):
        plan(
            load_recipe(
                "puzzlevqa",
                [
                    "reason={watch: {every: 5}}",
                    "base={model: ORG/NAME}",
                    "assess={judge: engine, engine: {kind: hf, model: A/B}}",
                ],
            )
        )
