"""The controls: other words, no words to the point, another question's words."""

from __future__ import annotations

import random
import re

import pytest

from insightv_bench.evals.arms.changed import read_paraphrase
from insightv_bench.flaws import Shown, irrelevant, keeps_content, paraphrased, shuffled
from insightv_bench.flaws.controls import NOTHING
from insightv_bench.flaws.edits import COLOURS, comparison_spots, observation_spots
from insightv_bench.protocol import parse_path, render_path
from insightv_bench.records import Question
from insightv_bench.world import Level, exact_path, parse_question, sample_questions, scene_from_json


@pytest.fixture(scope="module")
def questions() -> list[Question]:
    return list(sample_questions(Level(side=16), "train", 0, 80))


def exact(question: Question) -> str:
    scene = scene_from_json(question.scene)
    program = parse_question(question.question, scene)
    assert program is not None
    return render_path(*exact_path(program, scene.values))


def test_a_paraphrase_keeps_steps_values_and_answer_in_other_words(questions: list[Question]) -> None:
    for number, question in enumerate(questions):
        text = exact(question)
        other = paraphrased(text, random.Random(number))
        assert other is not None and keeps_content(text, other) == ""
        before, after = parse_path(text), parse_path(other)
        for one, two in zip(before.steps, after.steps, strict=True):
            assert re.findall("|".join(COLOURS), one.reasoning) == re.findall("|".join(COLOURS), two.reasoning)
            assert re.findall(r"\d+", one.reasoning) == re.findall(r"\d+", two.reasoning)
            assert one.reasoning != two.reasoning and one.action == two.action


def test_what_is_not_of_the_drawn_world_is_not_paraphrased_by_rule() -> None:
    assert paraphrased("Free words.\n\nThe answer is 3.", random.Random(0)) is None
    path = '{"summary": "see", "reasoning": "There are 3 cats.", "action": "continue"}\n'
    path += '{"summary": "conclude", "reasoning": "So 3.", "action": "summary"}\n{"answer": "3"}'
    assert paraphrased(path, random.Random(0)) is None


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('"answer": "', '"answer": "1', "the answer must stay as it is"),
        ("is 1", "is 11", "must hold the same numbers"),
        ("NO CHANGE", "", "every step must be put in other words"),
    ],
)
def test_a_models_paraphrase_is_checked(questions: list[Question], old: str, new: str, problem: str) -> None:
    text = exact(next(q for q in questions if "is 1" in exact(q)))
    assert problem in read_paraphrase(text, text.replace(old, new, 1)).problem
    assert read_paraphrase(text, "").value is None
    good = paraphrased(text, random.Random(0))
    assert good and read_paraphrase(text, f"Here it is:\n{good}").value == good


def test_irrelevant_text_is_as_long_says_nothing_and_has_no_answer(questions: list[Question]) -> None:
    for number, question in enumerate(questions):
        text = exact(question)
        other = parse_path(irrelevant(text, random.Random(number)))
        before = parse_path(text)
        assert other.answer is None and len(other.steps) == len(before.steps)
        for one, two in zip(before.steps, other.steps, strict=True):
            assert len(one.reasoning.split()) == len(two.reasoning.split())
            assert not re.search(rf"\d|\b(?:{'|'.join(COLOURS)})\b", two.reasoning)


def test_prose_has_irrelevant_prose_of_its_length() -> None:
    prose = "The first thing to see is a row.\n\nIt holds 3 cats.\n\nThe answer is 3."
    other = irrelevant(prose, random.Random(0))
    assert [len(piece.split()) for piece in other.split("\n\n")] == [8, 4, 4]


def test_sentences_about_nothing_hold_nothing_that_a_question_asks() -> None:
    for sentence in NOTHING:
        assert not observation_spots(sentence) and not comparison_spots(sentence)


def test_a_shuffled_path_is_of_another_question_of_its_kind(questions: list[Question]) -> None:
    rows = [Shown(question.id, question.kind, exact(question)) for question in questions]
    given = shuffled(rows, random.Random(0))
    kinds = {row.question_id: row.kind for row in rows}
    owners = {row.path: row for row in rows}
    assert given.keys() == kinds.keys()
    for question_id, path in given.items():
        assert kinds[owners[path].question_id] == kinds[question_id]
    assert sum(owners[path].question_id == name for name, path in given.items()) == 0 or len(owners) < len(rows)
    assert given == shuffled(rows[::-1], random.Random(0)) != shuffled(rows, random.Random(1))


def test_a_kind_with_one_question_has_none_to_give() -> None:
    rows = [Shown("a", "x", "A"), Shown("b", "y", "B"), Shown("c", "y", "C"), Shown("c", "y", "C2")]
    assert shuffled(rows, random.Random(0)) == {"b": "C2", "c": "B"}
