"""Several sampled paths a question: each is a row of its own, and the majority has one row at the price of all."""

from __future__ import annotations

import json
from pathlib import Path as Folder

import pytest
from test_walk import SMALL

from insightv_bench.answers import majority as majority_of
from insightv_bench.errors import RecipeError
from insightv_bench.evals.arms import Given, docs
from insightv_bench.evals.arms.documents import majority
from insightv_bench.plan import plan
from insightv_bench.records import FlawedRow, Path, Question, SummaryRow
from insightv_bench.runs import run
from insightv_bench.settings import EvalSettings, Sampling, load_recipe
from insightv_bench.storage import read_rows
from insightv_bench.world import Level, sample_questions

SETTINGS = EvalSettings(num_paths=3, path_sampling=Sampling(max_new_tokens=64, temperature=1.0))


@pytest.fixture(scope="module")
def question() -> Question:
    return next(iter(sample_questions(Level(), "test", 0, 1)))


def path(question: Question, sample: int, answer: str | None) -> Path:
    return Path(
        id=f"{question.id}-{sample}",
        question_id=question.id,
        sample=sample,
        generator="agent",
        prompt="reason@1",
        steps=(),
        answer=answer,
        status="complete" if answer else "malformed",
        dialect="json",
        text="",
        num_tokens=10 + sample,
    )


def test_the_majority_is_the_answer_given_most_often_however_it_is_spelt(question: Question) -> None:
    assert majority(["4", "7", "7.0"], question) == "7"


def test_of_answers_given_equally_often_one_is_drawn_whatever_their_order() -> None:
    """The earliest would be the first path's each time: a vote of two would be that path by construction."""
    drawn = [majority_of(["5", "7", "7", "5"], "number", (), str(place)) for place in range(1000)]
    again = [majority_of(["7", "5"], "number", (), str(place)) for place in range(1000)]
    assert drawn == again and set(drawn) == {"5", "7"} and 430 < drawn.count("5") < 570
    assert majority_of(["5", "7", "7.0"], "number", (), "any") == "7"


def test_the_likeliest_and_the_most_certain_path_each_give_their_answer(question: Question) -> None:
    paths = [
        path(question, 0, "7").model_copy(update={"logprob": -0.5, "certainty": 3.0}),
        path(question, 1, "9").model_copy(update={"logprob": -0.9, "certainty": 5.0}),
        path(question, 2, None).model_copy(update={"logprob": -0.1, "certainty": 9.0}),
    ]
    given = Given({question.id: paths}, {})
    (likeliest,), (certain,) = (
        docs("likeliest", [question], given, SETTINGS),
        docs("most-certain", [question], given, SETTINGS),
    )
    assert (likeliest["vote"], likeliest["path_id"]) == ('{"answer": "7"}', paths[0].id)
    assert (certain["vote"], certain["path_id"]) == ('{"answer": "9"}', paths[1].id)
    assert likeliest["path_tokens"] == certain["path_tokens"] == 10 + 11 + 12
    untold = Given({question.id: [*paths[:2], path(question, 2, "7")]}, {})
    assert docs("likeliest", [question], untold, SETTINGS) == []  # not known of all: nothing is guessed


def test_nobody_votes_nothing_wins(question: Question) -> None:
    assert majority([], question) is None


def test_each_path_is_a_document_of_its_question_and_the_majority_is_one(question: Question) -> None:
    given = Given({question.id: [path(question, 0, "7"), path(question, 1, None), path(question, 2, "7")]}, {})
    for arm in ("reason", "reason+summary"):
        rows = docs(arm, [question], given, SETTINGS)
        assert [row["sample"] for row in rows] == [0, 1, 2]
        assert [row["path_id"] for row in rows] == [f"{question.id}-{sample}" for sample in range(3)]
    (vote,) = docs("majority", [question], given, SETTINGS)
    assert vote["vote"] == '{"answer": "7"}' and vote["path_tokens"] == 10 + 11 + 12


def test_a_majority_of_paths_without_answers_is_unread(question: Question) -> None:
    (vote,) = docs("majority", [question], Given({question.id: [path(question, 0, None)]}, {}), SETTINGS)
    assert vote["vote"] == ""


def test_a_majority_needs_three_paths_and_sampling() -> None:
    with pytest.raises(RecipeError, match="at least 3"):
        load_recipe("walk", ["eval.arms=[reason, majority]"])
    with pytest.raises(RecipeError, match="temperature"):
        load_recipe("walk", ["eval.num_paths=3", "eval.path_sampling.temperature=0"])


def test_greedy_twins_and_controls_stand_beside_the_systems() -> None:
    controls = "[continued-sft, optimal-only, single-model, rejection-sampling, continued-sft-dpo]"
    options = ["eval.greedy=true", "eval.num_paths=3", "eval.path_sampling.temperature=1", f"controls={controls}"]
    stages = {stage.name: stage for stage in plan(load_recipe("method", options))}
    for system in ("sft", "dpo-2", "rejection-2", "continued-sft", "continued-sft-dpo", "single-model"):
        assert f"eval-{system}" in stages
        greedy = stages[f"paths-eval-{system}-greedy"].settings
        assert greedy.sampling.temperature == 0 and greedy.num_paths == 1
    assert stages["eval-optimal-only"].inputs["paths"] == "paths-eval-sft"
    assert "paths-eval-optimal-only" not in stages


@pytest.mark.parametrize("arms", [["reason"], ["reason", "reason+summary"]])
def test_a_control_of_the_reasoning_agent_is_evaluated_in_the_arms_asked_for(arms: list[str]) -> None:
    controls = ["controls=[continued-sft, optimal-only, rejection-sampling]", "eval.greedy=true"]
    options = [*controls, f"eval.control_arms={json.dumps(arms)}"]
    stages = {stage.name: stage for stage in plan(load_recipe("method", options))}
    for name in ("eval-continued-sft", "eval-rejection-1", "eval-rejection-2-greedy"):
        assert stages[name].options.arms == tuple(arms)
    assert "reason+summary" in stages["eval-optimal-only"].options.arms
    assert "reason+summary" in stages["eval-dpo-1"].options.arms


def test_optimal_only_is_trained_as_the_summary_agent_or_as_told() -> None:
    summary, optimal = (
        {stage.name: stage for stage in plan(load_recipe("method", options))}["train-optimal-only"].settings
        for options in (["optimal_only=null"], ['optimal_only={"trainer": {"max_steps": 7}}'])
    )
    assert summary.trainer == load_recipe("method").summary.trainer
    assert optimal.trainer == {"max_steps": 7}


def test_a_summary_agent_is_left_one_thing_at_a_time_at_its_own_compute() -> None:
    named = "[without-flaws, without-own-wrong, held-out-flaw]"
    options = [f"controls={named}", "held_out=[arithmetic, perception]"]
    stages = {stage.name: stage for stage in plan(load_recipe("method", options))}
    whole = stages["corpora-summary"].settings
    shares = stages["corpora-without-flaws"].settings.summary_shares
    assert "flawed" not in shares and sum(shares.values()) == pytest.approx(sum(whole.summary_shares.values()))
    assert {kind: shares[kind] for kind in ("agent", "plain")} == {"agent": 0.51, "plain": 0.10}
    assert not stages["corpora-without-own-wrong"].settings.agent_wrong
    for flaw in ("arithmetic", "perception"):
        assert stages[f"corpora-held-out-{flaw}"].settings.without == (flaw,)
        trained = stages[f"train-held-out-{flaw}"]
        assert trained.inputs["whole"] == "corpora-summary" and list(trained.options.equal_compute) == ["whole"]
        assert stages[f"eval-held-out-{flaw}"].options.role == "control"
    with pytest.raises(RecipeError, match="`held_out` names `arithmetic`"):
        load_recipe("method", ["controls=[held-out-flaw]", "flaws.flaws=[perception]", "flaws.weights={}"])


def test_a_control_names_what_it_is_to_equal_in_compute() -> None:
    options = ["controls=[continued-sft, rejection-sampling]"]
    stages = {stage.name: stage for stage in plan(load_recipe("method", options))}
    assert list(stages["train-continued-sft"].options.equal_compute) == ["summary"]
    assert stages["train-rejection-2"].inputs["model"] == "train-rejection-1"
    assert list(stages["train-rejection-2"].options.equal_compute) == ["pairs"]
    assert stages["train-rejection-2"].inputs["pairs"] == "corpora-preference-2"


def test_a_summary_agent_starts_from_the_base_or_from_the_reasoning_agent() -> None:
    for init in ("base", "reason"):
        options = [f"summary.init={init}", "controls=[optimal-only]"]
        stages = {stage.name: stage for stage in plan(load_recipe("method", options))}
        assert {stages[name].inputs["model"] for name in ("train-summary", "train-optimal-only")} == {f"train-{init}"}


@pytest.mark.slow
def test_summary_agents_that_lack_one_thing_from_nothing_to_the_board(tmp_path: Folder) -> None:
    options = [
        *SMALL,
        "rounds=null",
        "controls=[without-flaws, without-own-wrong, held-out-flaw]",
        "held_out=[perception]",
    ]
    summary = run(load_recipe("walk", options), tmp_path)
    stages = tmp_path / "walk-seed0" / "stages"
    rows = {
        name: [row for folder in stages.glob(f"corpora-{name}-*") for row in read_rows(folder, SummaryRow)]
        for name in ("summary", "without-flaws", "without-own-wrong", "held-out-perception")
    }
    assert "flawed" in {row.kind for row in rows["summary"]} - {row.kind for row in rows["without-flaws"]}
    assert all(row.path_correct for row in rows["without-own-wrong"] if row.kind == "agent")
    (folder,) = stages.glob("corpora-flawed-*")
    planted = list(read_rows(folder, FlawedRow))
    others = {(row.id, row.flawed_path) for row in planted if row.flaw != "perception"}
    unseen = {(row.id, row.flawed_path) for row in planted if row.flaw == "perception"} - others
    shown = {
        name: {(row.id, row.prompt[-1].content) for row in rows[name] if row.kind == "flawed"}
        for name in ("summary", "held-out-perception")
    }
    seen = {
        name: [one for one in unseen if any(one[0] == id_ and one[1] in text for id_, text in told)]
        for name, told in shown.items()
    }
    assert seen["summary"] and not seen["held-out-perception"]
    against = {(row["a"], row["b"]) for row in summary["comparisons"]}
    for control in ("without-flaws", "without-own-wrong", "held-out-perception"):
        assert ("sft: flawed", f"{control}: flawed") in against
