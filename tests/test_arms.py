"""The arms of an evaluation: what each shows, that nothing else differs, and what lm-eval is given of them."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from arms_asked import ARMS, SETTINGS, UNREADABLE
from task_rows import without_cut

from insightv_bench.agents import path_text
from insightv_bench.answers import PARSER, matches
from insightv_bench.arms import ARMS as KNOWN
from insightv_bench.chat import load_prompt, question_text
from insightv_bench.errors import EngineError
from insightv_bench.evals.arms import Given, docs
from insightv_bench.evals.harness import eval_record
from insightv_bench.evals.harness.arm_task import context_with_markers, generation_kwargs, image_hashes
from insightv_bench.evals.harness.metrics import Said, finished_accuracy, score
from insightv_bench.evals.harness.model import Seats, chat_of, sampling_of
from insightv_bench.journal import Reply
from insightv_bench.protocol import parse_path, render_path
from insightv_bench.records import Arm, Question
from insightv_bench.settings import Sampling
from insightv_bench.world import exact_path, parse_question, scene_from_json


def test_every_arm_has_a_seat_and_is_known(arm_docs: dict[Arm, list[dict[str, Any]]]) -> None:
    assert set(ARMS) < set(KNOWN) == set(get_args(Arm))
    for arm, rows in arm_docs.items():
        assert rows and {(row["arm"], row["seat"]) for row in rows} == {(arm, KNOWN[arm].seat)}


def test_question_text_options_and_images_are_the_same_in_every_arm(
    arm_docs: dict[Arm, list[dict[str, Any]]], drawn: list[Question], sceneless: list[Question]
) -> None:
    by_id = {question.id: question for question in [*drawn, *sceneless]}
    for rows in arm_docs.values():
        for row in rows:
            question = by_id[row["question_id"]]
            assert row["context"].startswith(question_text(question) + "\n")
            assert row["images"] == list(question.image_sha256)
            assert (row["question"], row["options"], row["gold"], row["answer_type"], row["kind"]) == (
                question.question,
                list(question.options),
                question.answer,
                question.answer_type,
                question.kind,
            )


def test_an_arm_shows_its_path_and_nothing_else(
    arm_docs: dict[Arm, list[dict[str, Any]]], drawn: list[Question], sceneless: list[Question]
) -> None:
    by_id = {question.id: question for question in [*drawn, *sceneless]}
    names = {"base": "direct", "direct": "direct", "reason": "reason"}
    for arm, rows in arm_docs.items():
        prompt = load_prompt(names.get(arm, "summary"))
        for row in rows:
            slots = {"path": row["path"]} if prompt.name == "summary" else {}
            text = question_text(by_id[row["question_id"]])
            assert row["context"] == prompt.render(question=text, **slots) and row["prompt"] == prompt.label


def test_the_summary_agent_sees_exactly_the_stored_path(
    arm_docs: dict[Arm, list[dict[str, Any]]], stored: Given
) -> None:
    assert [row["question_id"] for row in arm_docs["reason"]] == [
        row["question_id"] for row in arm_docs["reason+summary"]
    ]
    for row in arm_docs["reason+summary"]:
        path = stored.paths[row["question_id"]][0]
        assert row["path"] == path_text(path) and row["path_id"] == path.id and row["path_status"] == path.status
        assert row["context"].count(path_text(path)) == 1
        assert row["path_tokens"] == path.num_tokens


def test_an_unreadable_path_is_shown_as_it_came_and_is_wrong(
    arm_docs: dict[Arm, list[dict[str, Any]]], drawn: list[Question]
) -> None:
    rows = {row["question_id"]: row for row in arm_docs["reason+summary"]}
    broken, cut = rows[drawn[0].id], rows[drawn[1].id]
    assert broken["path"] == "The bars are {tall} </s> <image>" and broken["path_status"] == "malformed"
    assert cut["path_status"] == "max_steps" and "answer" not in cut["path"].splitlines()[-1].split(":")[0]
    assert (broken["path_correct"], cut["path_correct"]) == (False, False)


def test_whether_a_path_is_right_is_told_by_its_answer(
    arm_docs: dict[Arm, list[dict[str, Any]]], stored: Given
) -> None:
    for row in arm_docs["reason+summary"]:
        answer = stored.paths[row["question_id"]][0].answer
        right = answer is not None and matches(answer, row["gold"], row["answer_type"], row["options"])
        assert row["path_correct"] is right
    assert {row["path_correct"] for row in arm_docs["reason+summary"]} == {True, False}
    assert {row["path_correct"] for row in arm_docs["oracle"]} == {True}
    assert {row["path_correct"] for row in arm_docs["direct"] + arm_docs["base"]} == {None}


def test_the_oracle_arm_shows_the_exact_path(arm_docs: dict[Arm, list[dict[str, Any]]], drawn: list[Question]) -> None:
    assert [row["question_id"] for row in arm_docs["oracle"]] == [question.id for question in drawn]
    for row, question in zip(arm_docs["oracle"], drawn, strict=True):
        scene = scene_from_json(question.scene)
        program = parse_question(question.question, scene)
        assert program and row["path"] == render_path(*exact_path(program, scene.values))
        assert parse_path(row["path"]).answer == row["gold"]


def test_the_flawed_arm_shows_every_flawed_path_with_its_labels(
    arm_docs: dict[Arm, list[dict[str, Any]]], stored: Given
) -> None:
    rows = [row for versions in stored.flawed.values() for row in versions]
    assert len(arm_docs["flawed"]) == len(rows) == 48
    for doc, row in zip(arm_docs["flawed"], rows, strict=True):
        assert doc["path"] == row.flawed_path and doc["path_id"] == ""
        for column in ("flaw", "severity", "position", "propagated", "planted_answer"):
            assert doc[column] == getattr(row, column)
        assert doc["path_correct"] is matches(row.planted_answer, row.answer, row.answer_type)
    assert {doc["path_correct"] for doc in arm_docs["flawed"]} == {True, False}


def test_other_arms_say_that_there_is_no_flaw(arm_docs: dict[Arm, list[dict[str, Any]]]) -> None:
    for arm in set(ARMS) - {"flawed"}:
        flaws = {(row["flaw"], row["severity"], row["position"], row["planted_answer"]) for row in arm_docs[arm]}
        assert flaws == {("none", 0.0, "none", "")}


def test_the_token_cap_is_equal_in_all_arms(arm_docs: dict[Arm, list[dict[str, Any]]]) -> None:
    assert {row["token_cap"] for rows in arm_docs.values() for row in rows} == {96 + 24}


def test_questions_without_a_scene_have_no_oracle_and_no_flawed_path(sceneless: list[Question], stored: Given) -> None:
    assert docs("oracle", sceneless, stored, SETTINGS) == docs("flawed", sceneless, stored, SETTINGS) == []
    assert len(docs("direct", sceneless, stored, SETTINGS)) == len(docs("reason", sceneless, stored, SETTINGS)) == 3


def test_a_question_without_a_stored_path_is_left_out_of_the_arms_that_show_it(
    drawn: list[Question], stored: Given
) -> None:
    without = stored._replace(paths={})
    assert docs("reason", drawn, without, SETTINGS) == docs("reason+summary", drawn, without, SETTINGS) == []


def test_the_gold_answer_and_the_scene_are_in_no_prompt(
    arm_docs: dict[Arm, list[dict[str, Any]]], drawn: list[Question], sceneless: list[Question], stored: Given
) -> None:
    changed = [question.model_copy(update={"answer": "8128"}) for question in [*drawn, *sceneless]]
    for arm, rows in arm_docs.items():
        again = docs(arm, changed, stored, SETTINGS)
        assert [row["context"] for row in again] == [row["context"] for row in rows]
        assert not any("noise_seed" in str(row) for row in rows)


def test_a_document_goes_to_a_model_as_our_own_chat(
    arm_docs: dict[Arm, list[dict[str, Any]]], drawn: list[Question], sceneless: list[Question]
) -> None:
    """`<image>` once an image in front; one that stands in a question's own words stays."""
    images = {image.sha256: image for question in [*drawn, *sceneless] for image in question.images}
    for rows in arm_docs.values():
        for row in rows:
            shown = [images[sha256] for sha256 in image_hashes(row)]
            chat = chat_of(context_with_markers(row), shown)
            assert (chat.messages[0].content, chat.images) == (row["context"], tuple(shown))


@pytest.mark.parametrize("sampling", [SETTINGS.path_sampling, SETTINGS.answer_sampling, Sampling(top_p=0.5)])
def test_sampling_comes_through_lm_eval_unchanged(sampling: Sampling) -> None:
    """Else the reasoning agent would be sampled once more, and answer for a path that nobody stored."""
    assert sampling_of(generation_kwargs(sampling)) == sampling


def test_our_models_give_no_log_likelihoods() -> None:
    with pytest.raises(EngineError, match="gives no log-likelihoods"):
        Seats({}, {}).loglikelihood([])


def figures_of(doc: dict[str, Any], text: str) -> dict[str, Any]:
    return without_cut(score(doc, [text]))


def test_a_reply_cut_off_is_neither_wrong_nor_right(sceneless: list[Question], stored: Given) -> None:
    (doc, *_) = docs("direct", sceneless, stored, SETTINGS)
    system = {"system": "s", "base": "b", "round": 0, "task": "t", "task_version": "1"}
    cut = {"<think>Blue is": "thought", "Blue is the": "answer", "The answer is (B). I": "answer"}
    replies = [Reply(text=text, finish="length") for text in cut] + [Reply(text="The answer is (A).")]
    assert [eval_record(doc, reply, system).cut_in for reply in replies] == [*cut.values(), ""]
    found = [score(doc, [Said.of(reply)]) for reply in replies]
    assert [figures["acc_if_cut_wrong"] for figures in found] == [0, 0, 0, 0]
    assert [figures["acc_if_cut_right"] for figures in found] == [1, 1, 1, 0]
    assert finished_accuracy([figures["finished_acc"] for figures in found]) == 0


def test_an_unread_reply_is_wrong_and_counted(sceneless: list[Question], stored: Given) -> None:
    (doc, *_) = docs("direct", sceneless, stored, SETTINGS)
    none = {"acc": 0.0, "sure_acc": 0.0, "likely": 0.0, "unread": 0.0, "cut_off": 0.0}
    right = {**none, "acc": 1.0, "sure_acc": 1.0}
    assert figures_of(doc, UNREADABLE) == {**none, "unread": 1.0}
    assert figures_of(doc, '{"answer": "A"}') == none
    assert figures_of(doc, '{"answer": "B"}') == figures_of(doc, "The answer is blue.") == right
    assert figures_of(doc, "I would pick (B).") == {**none, "acc": 1.0, "likely": 1.0}
    system = {"system": "s", "base": "b", "round": 0, "task": "t", "task_version": "1"}
    record = eval_record(doc, Reply(text=UNREADABLE, finish="length", num_tokens=4), system)
    assert (record.answer, record.span, record.method, record.correct) == (None, None, "unread", False)
    assert (record.finish, record.total_tokens, record.parser) == ("length", 4, PARSER)


def test_a_likely_answer_is_right_unless_only_sure_ones_count(sceneless: list[Question], stored: Given) -> None:
    (doc, *_) = docs("direct", sceneless, stored, SETTINGS)
    system = {"system": "s", "base": "b", "round": 0, "task": "t", "task_version": "1"}
    for text, counted in (("I would pick (B).", (True, False)), ("The answer is (B).", (True, True))):
        records = [eval_record(doc, Reply(text=text), system, strict) for strict in (False, True)]
        assert tuple(record.correct for record in records) == counted
        assert [record.answer for record in records] == ["B", "B"]
        assert [record.parser for record in records] == [PARSER, f"{PARSER}, strict"]
        assert [score(doc, [Said.of(Reply(text=text), strict)])["acc"] for strict in (False, True)] == list(counted)


def test_a_reply_that_begins_inside_a_thought_answers_after_it(sceneless: list[Question], stored: Given) -> None:
    (doc, *_) = docs("direct", sceneless, stored, SETTINGS)
    system = {"system": "s", "base": "b", "round": 0, "task": "t", "task_version": "1"}
    thinking, done = "So the answer is (B). But", "It could be (A).</think>The answer is (B)."
    answers = [
        (record.answer, record.opened, record.reading)
        for reply in (Reply(text=thinking, finish="length", opened=True), Reply(text=done, opened=True))
        for record in [eval_record(doc, reply, system)]
    ]
    assert answers == [(None, True, "cut off"), ("B", True, "sure")]
    assert score(doc, [Said.of(Reply(text=thinking, finish="length", opened=True))])["cut_off"] == 1


def test_a_verdict_counts_only_where_a_path_was_shown(sceneless: list[Question], stored: Given) -> None:
    system = {"system": "s", "base": "b", "round": 0, "task": "t", "task_version": "1"}
    text = '{"verdict": "wrong", "correction": "it is blue"}\n{"answer": "B"}'
    verdicts = {}
    arms: tuple[Arm, ...] = ("direct", "reason", "reason+summary")
    for arm in arms:
        (doc, *_) = docs(arm, sceneless, stored, SETTINGS)
        record = eval_record(doc, Reply(text=text, num_tokens=9), system)
        verdicts[arm] = (record.verdict, record.total_tokens)
    tokens = stored.paths[sceneless[0].id][0].num_tokens
    assert verdicts == {"direct": ("none", 9), "reason": ("none", 9), "reason+summary": ("wrong", 9 + tokens)}
