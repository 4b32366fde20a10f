"""Beginnings of right paths: what is shown of them, with and without a flawed step, and what their figures count."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from arms_asked import SETTINGS, teacher

from insightv_bench.chat import ask
from insightv_bench.evals.arms import Given, prepare
from insightv_bench.journal import Request
from insightv_bench.plan import plan
from insightv_bench.protocol import parse_path
from insightv_bench.records import Path, Question
from insightv_bench.results import measured
from insightv_bench.settings import Sampling, TeacherEngine, load_recipe
from insightv_bench.sources import Part, rationale_of
from insightv_bench.world import Level, sample_questions

pytest.importorskip("lm_eval")
DRAWN = list(sample_questions(Level(), "test", 3, 12))
ARMS = ("early", "injected", "resumed")


class Nobody:
    """No model is asked while documents are made."""

    def seat(self, seat: str) -> Any:
        raise AssertionError

    model = seat


def shown(*questions: Question, paths: dict[str, list[Path]] | None = None) -> Any:
    return prepare(ARMS, questions, Given(paths or {}, {}), SETTINGS, 0, Nobody())


def test_a_right_path_is_shown_from_its_first_steps_to_all_of_them_without_its_answer() -> None:
    docs = shown(*DRAWN).docs["early"]
    for question in DRAWN:
        own = [doc for doc in docs if doc["question_id"] == question.id]
        parsed = [parse_path(doc["path"]) for doc in own]
        lengths = [len(path.steps) for path in parsed]
        assert lengths == sorted(set(lengths)) and own[-1]["share"] == 1.0
        assert all(path.answer is None for path in parsed)
        assert [doc["share"] for doc in own] == [round(length / lengths[-1], 4) for length in lengths]


def test_the_flawed_beginning_and_its_control_differ_in_their_last_step_alone() -> None:
    docs = shown(*DRAWN).docs
    control = {(doc["question_id"], doc["share"]): parse_path(doc["path"]).steps for doc in docs["resumed"]}
    assert len(control) == len(docs["injected"]) > len(DRAWN)
    for doc in docs["injected"]:
        flawed, right = parse_path(doc["path"]).steps, control[doc["question_id"], doc["share"]]
        assert flawed[:-1] == right[:-1] and flawed[-1].reasoning != right[-1].reasoning
        assert doc["share"] < 1 and doc["seat"] == "reason" and "Go on from there" in doc["context"]
        assert doc["flaw"] != "none" and 0 < doc["severity"] <= 1
    assert {doc["position"] for doc in docs["injected"]} >= {"early", "middle"}


def test_a_solution_in_words_is_cut_too_and_what_cannot_be_is_left_out_with_its_reason() -> None:
    known: dict[str, Any] = {**DRAWN[0].model_dump(exclude={"images", "rationale"}), "scene": ""}
    text = "The first row has 3 red circles. The second row has 4 more than it. So it has 3 + 4 = 7. There are 7."
    changes = {"images": DRAWN[0].images, "answer": "7", "answer_type": "number", "options": ()}
    solved = Question(**{**known, **changes, "id": "a", "rationale": rationale_of([Part("", text)])})
    short = Question(**{**known, **changes, "id": "b"})
    made = shown(solved, short)
    assert [doc["share"] for doc in made.docs["early"]] == [0.25, 0.5, 0.75, 1.0]
    assert made.left_out["early"] == {"no complete path": 1}
    assert made.docs["injected"] and "4 more" in made.docs["resumed"][-1]["path"]


def test_the_drawn_worlds_teacher_goes_on_from_where_the_path_stops() -> None:
    import asyncio

    engine = teacher(DRAWN, TeacherEngine())
    for arm in ("resumed", "injected"):
        for doc in shown(*DRAWN).docs[arm]:
            question = next(one for one in DRAWN if one.id == doc["question_id"])
            chat = ask("more/resume", question, path=doc["path"])
            reply = asyncio.run(engine.reply(Request(chat, Sampling(), 0)))
            path = parse_path(reply.text)
            assert path.status == "complete" and not set(path.steps) & set(parse_path(doc["path"]).steps)
            assert arm == "injected" or path.answer == question.answer


def row(arm: str, question: str, share: float, correct: bool, position: str = "none") -> dict[str, Any]:
    return {
        "arm": arm,
        "question_id": question,
        "cluster": question,
        "share": share,
        "correct": correct,
        "position": position,
    }


def figures(rows: list[dict[str, Any]]) -> dict[str, float]:
    known = {"severity": 0.0, "flaw": "none", "verdict": "none", "path_correct": True, "misleads": False, "level": 0.0}
    known |= {"follows": False, "sample": 0, "answer": "1", "planted_answer": "", "made_from": "", "path_id": ""}
    known |= {"answer_type": "number", "options": (), "shown_right": (), "verdicts": ()}
    lists = {"options": pl.List(pl.String), "shown_right": pl.List(pl.Boolean), "verdicts": pl.List(pl.String)}
    frame = pl.DataFrame([{**known, **each} for each in rows], schema_overrides=lists)
    return {one.measure: one.interval.value for one in measured(frame)}


def test_the_area_of_early_answers_is_the_mean_over_tenths() -> None:
    halves = [row("early", "a", 0.5, False), row("early", "a", 1.0, True)]
    assert figures(halves)["early_area"] == 0.5
    assert figures([row("early", "a", 0.2, False), *[row("early", "a", n / 10, True) for n in (3, 6, 10)]])[
        "early_area"
    ] == pytest.approx(0.8)


def test_injected_recovery_counts_beginnings_that_lead_to_a_right_answer_unflawed() -> None:
    rows = [row("resumed", "a", 0.5, True), row("resumed", "b", 0.5, False), row("resumed", "a", 0.75, True)]
    rows += [row("injected", "a", 0.5, False, "early"), row("injected", "a", 0.75, True, "late")]
    rows += [row("injected", "b", 0.5, True, "early")]  # its control is wrong: it tells nothing
    found = figures(rows)
    assert (found["injected_recovery"], found["injected_recovery_early"]) == (0.5, 0.0)
    assert found["injected_recovery_late"] == 1.0 and "injected_recovery_middle" not in found


def test_an_evaluation_that_goes_on_from_paths_holds_the_version_of_that_prompt_and_others_do_not() -> None:
    from insightv_bench.stages.stage import asked_versions

    def versions(arms: str) -> set[str]:
        stages = {stage.name: stage for stage in plan(load_recipe("walk", [f"eval.arms={arms}"]))}
        return set(asked_versions(stages["eval-sft"]))

    assert versions("[reason, injected, resumed]") == {"more/resume@1"} and versions("[reason]") == set()
