"""Assessment by a model behind a real loopback server: what it is shown, what a row says, what a failure leaves."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path as File
from typing import Any

import pytest
from judged_paths import GOLD, Judge, Say, assessed, by_name, path, question, shown

from insightv_bench.builders.assessment.position_effect import position_effect
from insightv_bench.errors import EngineUnavailable, RecipeError, StageError
from insightv_bench.records import Assessment, Path, Question
from insightv_bench.settings import AssessSettings, TeacherEngine, TeacherJudge
from insightv_bench.settings.recipe import parse_recipe
from insightv_bench.stages import MANIFEST
from insightv_bench.world import Level, exact_path, parse_question, sample_questions, scene_from_json

pytest.importorskip("aiohttp")


@pytest.fixture
def serve() -> Iterator[Callable[[Say], Judge]]:
    judges: list[Judge] = []

    def start(say: Say) -> Judge:
        judges.append(Judge(say))
        return judges[-1]

    yield start
    for each in judges:
        each.close()


def by_engine(judge_: Judge, **more: Any) -> AssessSettings:
    return AssessSettings(judge="engine", engine=judge_.engine(), **more)


FOUR = [path("a", f"p{number}") for number in range(1, 5)]


def test_all_right_paths_of_a_question_are_scored_in_one_call(tmp_path: File, serve: Callable[[Say], Judge]) -> None:
    judge_ = serve(by_name)
    paths = [*FOUR, path("a", "p9", "two miles"), path("b", "p7"), path("c", "p8", None)]
    rows, totals = assessed(tmp_path, by_engine(judge_), [question(name) for name in "abc"], paths)
    scoring = [text for text in judge_.texts if "Path 1" in text]
    assert sorted(sorted(shown(text)) for text in scoring) == [["p1", "p2", "p3", "p4"], ["p7"]]
    assert all(GOLD in text for text in scoring)
    assert {rows[f"a-p{number}"].score for number in (1, 2, 3, 4)} == {28, 36, 44, 52}  # 0.8 x accuracy + 0.2 x 100
    assert (rows["a-p3"].accuracy, rows["a-p3"].detail, rows["a-p3"].status) == (30, 100, "scored")
    assert rows["a-p3"].judge.startswith("judge@server-")
    for wrong in ("a-p9", "c-p8"):
        assert (rows[wrong].correct, rows[wrong].status, rows[wrong].score) == (False, "not_scored", None)
    assert totals["statuses"] == {"scored": 5, "not_scored": 2}
    assert totals["num_calls"] == 3  # two questions, and one answer that no rule could settle


def test_the_judge_of_paths_sees_the_image_and_the_judge_of_answers_none(
    tmp_path: File, serve: Callable[[Say], Judge]
) -> None:
    judge_ = serve(by_name)
    assessed(tmp_path, by_engine(judge_), [question("a")], [FOUR[0], path("a", "p9", "two miles")])
    images = {"Path 1" in text: num for text, num in zip(judge_.texts, judge_.num_images, strict=True)}
    assert images == {True: 1, False: 0}


def test_an_answer_in_other_words_is_right_where_the_judge_says_so(
    tmp_path: File, serve: Callable[[Say], Judge]
) -> None:
    judge_ = serve(by_name)
    paths = [path("a", "p1", "about seventeen of them"), path("a", "p2", "eighteen")]
    rows, totals = assessed(tmp_path, by_engine(judge_), [question("a")], paths)
    assert [(row.correct, row.status, row.answer_judge[:6]) for row in rows.values()] == [
        (True, "scored", "judge@"),
        (False, "not_scored", "judge@"),
    ]
    rows, _ = assessed(tmp_path, by_engine(judge_, answer_judge="never"), [question("a")], paths)
    assert [(row.correct, row.answer_judge) for row in rows.values()] == [(False, "rule"), (False, "rule")]


def test_the_order_is_a_shuffle_by_seed_and_is_recorded(tmp_path: File, serve: Callable[[Say], Judge]) -> None:
    judge_ = serve(by_name)
    orders = []
    for seed in range(4):
        rows, _ = assessed(tmp_path, by_engine(judge_), [question("a")], FOUR, seed)
        orders.append(shown(judge_.texts[-1]))
        for place, name in enumerate(orders[-1]):
            assert rows[f"a-{name}"].position == place
        assert {row.score for row in rows.values()} == {28, 36, 44, 52}
    assert len({tuple(order) for order in orders}) > 1
    num = len(judge_.texts)
    assessed(tmp_path, by_engine(judge_), [question("a")], FOUR[::-1], 0)  # another order of rows, the same question
    assert len(judge_.texts) == num


def test_the_same_text_twice_is_shown_once_and_scored_alike(tmp_path: File, serve: Callable[[Say], Judge]) -> None:
    judge_ = serve(by_name)
    twin = FOUR[0].model_copy(update={"id": "a-twin"})
    rows, _ = assessed(tmp_path, by_engine(judge_), [question("a")], [FOUR[0], twin, FOUR[1]])
    assert sorted(shown(judge_.texts[-1])) == ["p1", "p2"]
    assert rows["a-twin"].score == rows["a-p1"].score and rows["a-twin"].position == rows["a-p1"].position


def test_a_second_pass_shows_the_reversed_order_and_tells_the_position_effect(
    tmp_path: File, serve: Callable[[Say], Judge]
) -> None:
    def favours_the_first(text: str, messages: list[dict[str, Any]]) -> str:
        marks = [90 - 20 * place + int(name[1:]) for place, name in enumerate(shown(text))]
        return "\n".join(json.dumps({"path": i, "accuracy": m, "detail": m}) for i, m in enumerate(marks, 1))

    judge_ = serve(favours_the_first)
    names = [f"q{number}" for number in range(30)]
    paths = [path(name, f"p{number}") for name in names for number in range(1, 4)]
    rows, totals = assessed(tmp_path, by_engine(judge_, second_pass=True), [question(name) for name in names], paths)
    first, second = (shown(text) for text in judge_.texts if "in q3?" in text)
    assert first == second[::-1] and len(set(first)) == 3
    for row in rows.values():
        assert row.score == round(sum(row.pass_scores) / 2) and len(row.pass_scores) == 2
    effect = totals["position_effect"]
    assert effect["num"] == {0: 60, 1: 60, 2: 60}
    assert [round(effect["mean_score_less_questions"][place]) for place in range(3)] == [20, 0, -20]
    assert effect["rank_correlation_of_passes"]["value"] < -0.5
    assert effect["rank_correlation_of_passes"]["n"] == 90


def test_a_judge_without_a_favourite_place_shows_no_effect(tmp_path: File, serve: Callable[[Say], Judge]) -> None:
    _, totals = assessed(tmp_path, by_engine(serve(by_name), second_pass=True), [question("a")], FOUR)
    assert totals["position_effect"]["rank_correlation_of_passes"]["value"] == pytest.approx(1)


def test_a_judge_that_cannot_be_read_leaves_unscored_with_the_reason(
    tmp_path: File, serve: Callable[[Say], Judge]
) -> None:
    judge_ = serve(lambda text, messages: "All fine!" if "in b?" in text else by_name(text, messages))
    paths = [*FOUR, path("b", "p1"), path("b", "p2", "five or so")]
    rows, totals = assessed(tmp_path, by_engine(judge_, tries=2), [question("a"), question("b")], paths)
    assert (rows["b-p1"].correct, rows["b-p1"].status, rows["b-p1"].score) == (True, "unscored", None)
    assert rows["b-p1"].reason == "not rated: there must be 1 JSON object, and there are none"
    assert (rows["b-p2"].correct, rows["b-p2"].status) == (None, "unscored")
    assert rows["b-p2"].reason == "answer not judged: there must be 1 JSON object, and there are none"
    assert totals["statuses"] == {"scored": 4, "unscored": 2}
    assert sum(totals["unscored"].values()) == 2
    assert sum("in b?" in text for text in judge_.texts) == 4  # two tries each


def test_a_second_pass_that_fails_leaves_the_question_unscored(tmp_path: File, serve: Callable[[Say], Judge]) -> None:
    order: list[list[str]] = []

    def once(text: str, messages: list[dict[str, Any]]) -> str:
        order.append(shown(text))
        return by_name(text, messages) if order[0] == shown(text) else "no"

    rows, _ = assessed(tmp_path, by_engine(serve(once), second_pass=True, tries=1), [question("a")], FOUR)
    assert {row.status for row in rows.values()} == {"unscored"}
    assert {row.reason for row in rows.values()} == {
        "not rated: second pass: there must be 4 JSON objects, and there are none"
    }


def test_a_dead_judge_stops_the_stage_and_the_rest_is_paid_once_it_is_back(
    tmp_path: File, serve: Callable[[Say], Judge]
) -> None:
    judge_ = serve(lambda text, messages: "DOWN" if "in c?" in text else by_name(text, messages))
    questions, paths = [question(name) for name in "abc"], [path(name, "p5") for name in "abc"]
    with pytest.raises(EngineUnavailable, match="does not answer"):
        assessed(tmp_path, by_engine(judge_), questions, paths)
    assert not (tmp_path / "assess" / MANIFEST).exists()
    answered = {name for name in "ab" if any(f"in {name}?" in text for text in judge_.texts)}
    judge_.say, judge_.texts = by_name, []
    rows, _ = assessed(tmp_path, by_engine(judge_), questions, paths)
    assert {row.status for row in rows.values()} == {"scored"}
    assert any("in c?" in text for text in judge_.texts) and len(judge_.texts) <= 3 - len(answered) + 1


def test_a_rerun_asks_nothing_again(tmp_path: File, serve: Callable[[Say], Judge]) -> None:
    judge_ = serve(by_name)
    first = assessed(tmp_path, by_engine(judge_, second_pass=True), [question("a")], FOUR)
    num = len(judge_.texts)
    assert assessed(tmp_path, by_engine(judge_, second_pass=True), [question("a")], FOUR) == first
    assert len(judge_.texts) == num


def test_the_teacher_judges_as_the_oracle_does(tmp_path: File) -> None:
    questions = list(sample_questions(Level(side=16), "train", 0, 8))
    paths = [_exact(each) for each in questions]
    rows, totals = assessed(tmp_path, AssessSettings(judge="engine", engine=TeacherEngine()), questions, paths)
    assert {(row.status, row.score, row.accuracy, row.detail) for row in rows.values()} == {("scored", 100, 100, 100)}
    assert totals["judge"][0].startswith("teacher@")
    exact, _ = assessed(tmp_path, AssessSettings(), questions, paths)
    assert {(row.score, row.accuracy, row.detail, row.judge) for row in exact.values()} == {(100, 100, 100, "oracle")}


def _exact(question_: Question) -> Path:
    scene = scene_from_json(question_.scene)
    program = parse_question(question_.question, scene)
    assert program is not None
    steps, answer = exact_path(program, scene.values)
    return path(question_.id, "p1", answer).model_copy(update={"steps": steps})


def test_a_teacher_that_mumbles_is_asked_again_and_a_mute_one_is_unscored(tmp_path: File) -> None:
    questions = list(sample_questions(Level(side=16), "train", 0, 4))
    paths = [path(each.id, "p1", each.answer) for each in questions]
    mumbling = TeacherEngine(judge=TeacherJudge(unreadable=1))
    rows, totals = assessed(tmp_path, AssessSettings(judge="engine", engine=mumbling), questions, paths)
    assert {row.status for row in rows.values()} == {"scored"} and totals["num_calls"] == 8
    mute = TeacherEngine(judge=TeacherJudge(mute=1))
    rows, _ = assessed(tmp_path, AssessSettings(judge="engine", engine=mute), questions, paths)
    assert {row.status for row in rows.values()} == {"unscored"}


def test_paths_of_a_question_that_do_not_stand_together_are_refused(
    tmp_path: File, serve: Callable[[Say], Judge]
) -> None:
    questions, paths = [question("a"), question("b")], [FOUR[0], path("b", "p1"), FOUR[1]]
    with pytest.raises(StageError, match="do not stand together"):
        assessed(tmp_path, by_engine(serve(by_name)), questions, paths)


@pytest.mark.parametrize(
    ("assess", "message"),
    [
        ("{judge: engine}", "needs `engine`"),
        ("{judge: rule, answer_judge: always}", "needs `engine` or `answer_engine`"),
        ("{judge: engin}", "did you mean `engine`"),
    ],
)
def test_a_judge_without_its_model_is_told_so(assess: str, message: str) -> None:
    text = f"{{name: r, questions: {{test: {{source: world, split: test, num: 1}}}}, assess: {assess}}}"
    with pytest.raises(RecipeError, match=message):
        parse_recipe(text, "r.yaml", [])


def test_the_position_effect_is_within_questions(tmp_path: File) -> None:
    """A question with many good paths does not make the late places look good."""
    rows = []
    for name, scores in {"bad": [10, 10], "good": [90, 90, 90, 90]}.items():
        for place, score in enumerate(scores):
            shared = {"path_id": f"{name}{place}", "question_id": name, "correct": True, "judge": "j"}
            rows.append(Assessment(**shared, status="scored", score=score, position=place, pass_scores=(score,)))
    effect = position_effect(rows, 0)
    assert effect["mean_score"] == {0: 50, 1: 50, 2: 90, 3: 90}
    assert set(effect["mean_score_less_questions"].values()) == {0}
    assert "rank_correlation_of_passes" not in effect
