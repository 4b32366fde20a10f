"""The exact judge: what it says of exact paths, of one error anywhere, and of steps that say nothing."""

from __future__ import annotations

import random

import pytest

from insightv_bench.records import Question, Step
from insightv_bench.world import (
    Judgement,
    Level,
    Program,
    Scene,
    exact_path,
    judge,
    parse_question,
    reread,
    sample_questions,
    scene_from_json,
    tell,
    trace,
)
from insightv_bench.world.scene import Bar

STATEFUL = ("sum", "count", "tallest", "shortest", "range")
LEVEL = Level(side=16)  # the oracle looks at no image


@pytest.fixture(scope="module")
def questions() -> list[Question]:
    return list(sample_questions(LEVEL, "train", 0, 400))


def parts(question: Question) -> tuple[Program, Scene]:
    scene = scene_from_json(question.scene)
    program = parse_question(question.question, scene)
    assert program is not None
    return program, scene


def exact(question: Question) -> tuple[Step, ...]:
    program, scene = parts(question)
    return exact_path(program, scene.values)[0]


def judged(question: Question, steps: tuple[Step, ...] | list[Step]) -> Judgement:
    return judge(question.question, question.scene, steps)


def replaced(steps: tuple[Step, ...], index: int, reasoning: str) -> tuple[Step, ...]:
    return (*steps[:index], steps[index].model_copy(update={"reasoning": reasoning}), *steps[index + 1 :])


def of_kind(questions: list[Question], *kinds: str) -> list[Question]:
    return [question for question in questions if question.kind in kinds]


def step(reasoning: str, action: str = "continue") -> Step:
    return Step(summary="a step", reasoning=reasoning, action=action)


def test_the_exact_path_scores_100_with_every_step_right(questions: list[Question]) -> None:
    for question in questions:
        assert judged(question, exact(question)) == Judgement((True,) * len(exact(question)), 100, None, "")


def test_a_misread_bar_is_labelled_at_its_step_with_its_true_value(questions: list[Question]) -> None:
    """Only the value is changed, so what the step says of the state stays true."""
    for question in questions:
        program, scene = parts(question)
        for index, colour in enumerate(program.colours):
            value = scene.values[colour]
            told = exact(question)[index].reasoning.removeprefix(f"{colour} is {value}")
            found = judged(question, replaced(exact(question), index, f"{colour} is {value + 1}{told}"))
            assert found.first_error == index and found.labels.count(False) == 1
            assert found.correction == f"{colour} is {value}"


def test_a_wrong_state_is_labelled_at_its_step_with_the_true_state(questions: list[Question]) -> None:
    for question in of_kind(questions, "sum", "count"):
        for index, told in enumerate(exact(question)[:-1]):
            start, _, state = told.reasoning.rpartition(" ")
            found = judged(question, replaced(exact(question), index, f"{start} {int(state) + 1}"))
            assert found.first_error == index and found.labels.count(False) == 1
            assert found.correction == told.reasoning


def test_a_wrong_tallest_or_range_so_far_is_wrong(questions: list[Question]) -> None:
    for question in of_kind(questions, "tallest", "shortest", "range"):
        program, scene = parts(question)
        for index, told in enumerate(exact(question)[:-1]):
            digits = str(max(scene.values.values()) + 7)
            wrong = f"{told.reasoning.rpartition(' ')[0]} {digits}"
            found = judged(question, replaced(exact(question), index, wrong))
            assert (found.first_error, found.correction) == (index, told.reasoning)


def test_a_wrong_conclusion_is_labelled_with_the_true_one(questions: list[Question]) -> None:
    for question in questions:
        last = len(exact(question)) - 1
        found = judged(question, replaced(exact(question), last, "the answer is 77"))
        assert (found.first_error, found.correction) == (last, exact(question)[-1].reasoning)


def test_states_that_follow_from_an_error_are_wrong_too(questions: list[Question]) -> None:
    """The first bar is misread by one and all the rest is worked out from that: a sum never comes right again."""
    for question in of_kind(questions, "sum"):
        program, scene = parts(question)
        first = program.colours[0]
        steps, _ = tell(program, trace(program, scene.values | {first: scene.values[first] + 1}))
        found = judged(question, steps)
        assert found.labels == (False,) * len(steps)
        assert (found.first_error, found.correction) == (0, f"{first} is {scene.values[first]}")


def test_a_later_step_is_right_again_where_what_it_says_is_true(questions: list[Question]) -> None:
    """A misread bar that is neither the tallest nor taken for it does not spoil the others."""
    num_seen = 0
    for question in of_kind(questions, "tallest"):
        program, scene = parts(question)
        highest = max(scene.values.values())
        place = next(i for i, colour in enumerate(program.colours) if scene.values[colour] == highest)
        for index, colour in enumerate(program.colours):
            if index > place and scene.values[colour] > 1:
                steps, _ = tell(program, trace(program, scene.values | {colour: scene.values[colour] - 1}))
                assert [i for i, right in enumerate(judged(question, steps).labels) if not right] == [index]
                num_seen += 1
    assert num_seen > 20


@pytest.mark.parametrize(
    "nothing",
    ["", "I see bars.", "red", "the bars stand on a plain background", "the answer is", "red is three", "Red is 3."],
)
def test_a_step_that_cannot_be_read_is_wrong(questions: list[Question], nothing: str) -> None:
    for question in questions[:40]:
        steps = (step(nothing), *exact(question))
        found = judged(question, steps)
        assert found.labels == (False, *[True] * (len(steps) - 1))
        assert (found.first_error, found.correction) == (0, exact(question)[-1].reasoning)


@pytest.mark.parametrize("state", ["the moon is full", "the sum is", "3", "the sum is -1", "the sum is " + "9" * 5000])
def test_a_state_that_cannot_be_read_makes_its_step_wrong(questions: list[Question], state: str) -> None:
    for question in questions[:80]:
        told = exact(question)[0].reasoning
        found = judged(question, replaced(exact(question), 0, f"{told.partition(',')[0]}, so {state}"))
        assert found.labels == (False, *[True] * (len(exact(question)) - 1))
        assert found.correction == told


def test_a_number_of_any_length_is_judged(questions: list[Question]) -> None:
    question = of_kind(questions, "sum")[0]
    colour = parts(question)[0].colours[0]
    assert judged(question, [step(f"{colour} is {'1' * 10_000}")]).labels == (False,)


def test_a_reading_without_a_state_is_right(questions: list[Question]) -> None:
    for question in of_kind(questions, *STATEFUL):
        steps = tuple(s.model_copy(update={"reasoning": s.reasoning.partition(",")[0]}) for s in exact(question)[:-1])
        assert all(judged(question, (*steps, exact(question)[-1])).labels)


def test_bars_may_be_read_in_any_order(questions: list[Question]) -> None:
    for question in of_kind(questions, "sum", "count", "difference", "read"):
        program, scene = parts(question)
        backwards = trace(program, scene.values, program.colours[::-1])
        steps = (*tell(program, backwards)[0][:-1], exact(question)[-1])
        assert judged(question, steps) == Judgement((True,) * len(steps), 100, None, "")


def test_a_bar_that_is_not_there_is_wrong(questions: list[Question]) -> None:
    assert judged(questions[0], [step("pink is 3"), *exact(questions[0])]).labels[0] is False


def test_a_bar_that_was_not_asked_for_does_not_enter_the_state(questions: list[Question]) -> None:
    num_seen = 0
    for question in of_kind(questions, "sum"):
        program, scene = parts(question)
        others = [colour for colour in scene.values if colour not in program.colours]
        if not others:
            continue
        num_seen += 1
        first, value, other = exact(question)[0], scene.values[program.colours[0]], others[0]
        added = f"{other} is {scene.values[other]}, so the sum is {value + scene.values[other]}"
        found = judged(question, (first, step(added), *exact(question)[1:]))
        assert found.labels == (True, False, *[True] * (len(exact(question)) - 1))
        assert found.correction == f"{other} is {scene.values[other]}, so the sum is {value}"
        assert all(judged(question, (first, step(f"{other} is {scene.values[other]}"), *exact(question)[1:])).labels)
    assert num_seen > 20


def test_a_bar_read_twice_is_wrong_and_the_next_one_is_due(questions: list[Question]) -> None:
    for question in of_kind(questions, *STATEFUL):
        steps = exact(question)
        found = judged(question, (steps[0], steps[0], *steps[1:]))
        assert found.labels == (True, False, *[True] * (len(steps) - 1))
        assert found.correction == steps[1].reasoning


def test_a_conclusion_that_goes_on_is_wrong(questions: list[Question]) -> None:
    steps = exact(questions[0])
    last = steps[-1].model_copy(update={"action": "continue"})
    assert judged(questions[0], (*steps[:-1], last)).labels[-1] is False


def test_the_score_falls_with_every_bar_left_out(questions: list[Question]) -> None:
    for question in questions:
        steps = exact(question)
        scores = [judged(question, (*steps[:num], steps[-1])).score for num in reversed(range(len(steps)))]
        assert scores[0] == 100 and scores[-1] == 80
        assert all(more > less for more, less in zip(scores, scores[1:], strict=False))


def test_the_score_falls_with_every_wrong_step(questions: list[Question]) -> None:
    for question in questions:
        steps, scores = exact(question), [100]
        for index, told in enumerate(steps[:-1]):
            colour, _, rest = told.reasoning.partition(" is ")
            steps = replaced(steps, index, f"{colour} is 9{rest}")  # `3` becomes `93`
            scores.append(judged(question, steps).score)
        assert all(more > less for more, less in zip(scores, scores[1:], strict=False))


def test_scores_are_1_to_100_whatever_the_steps(questions: list[Question]) -> None:
    random_ = random.Random(0)
    pool = [told for question in questions for told in exact(question)] + [step(""), step("x", "summary")]
    for question in questions:
        found = judged(question, random_.choices(pool, k=random_.randint(1, 12)))
        assert 1 <= found.score <= 100
        assert (found.first_error is None) == all(found.labels) == (found.correction == "")
    assert judged(questions[0], []) == Judgement((), 1, None, "")


@pytest.mark.parametrize("text", ["", "What is 2 + 2?", "What is the value of pink?", "Which bar is the widest?"])
def test_what_is_no_drawn_question_is_refused(questions: list[Question], text: str) -> None:
    with pytest.raises(ValueError, match="not a question of the drawn world"):
        judge(text, questions[0].scene, exact(questions[0]))


@pytest.mark.parametrize("scene", ["", "{}", "[]", '{"bars": 3}'])
def test_a_scene_that_nobody_drew_is_refused(questions: list[Question], scene: str) -> None:
    with pytest.raises(ValueError):
        judge(questions[0].question, scene, ())


def test_what_a_path_should_have_read_is_told_in_its_order_with_what_it_comes_to() -> None:
    bars = tuple(Bar(name, value, slot) for slot, (name, value) in enumerate([("red", 5), ("blue", 7), ("green", 1)]))
    scene = Scene(bars, 0)
    steps = [Step(summary=f"read {name}", reasoning=f"{name} is 2", action="continue") for name in ("blue", "red")]
    assert reread(scene, steps) == "blue is 7, red is 5"
    assert reread(scene, steps, Program("sum", ("blue", "red"))) == "blue is 7, red is 5, so the sum is 12"
    assert reread(scene, [steps[0], steps[0]], Program("read", ("blue",))) == "blue is 7"
    assert reread(scene, steps, Program("compare", ("blue", "red"))) == "blue is 7, red is 5, 7 > 5"
    assert reread(scene, steps, Program("compare", ("red", "blue"))) == "blue is 7, red is 5, 5 < 7"
    assert reread(scene, steps, Program("count", ("blue", "red"), 5)) == (
        "blue is 7, so the count is 1, red is 5, so the count is 1"
    )
    assert reread(scene, steps, Program("range", ("blue", "red"))) == (
        "blue is 7, red is 5, so the tallest is 7 and the shortest 5"
    )
    assert reread(scene, [step("the bars are many")]) == ""


def test_a_check_reads_what_a_path_left_out_and_counts_no_bar_that_is_not_asked_for() -> None:
    bars = tuple(Bar(name, value, slot) for slot, (name, value) in enumerate([("red", 5), ("blue", 7), ("green", 1)]))
    scene = Scene(bars, 0)
    steps = [Step(summary=f"read {name}", reasoning=f"{name} is 2", action="continue") for name in ("blue", "green")]
    assert reread(scene, steps, Program("sum", ("blue", "red"))) == (
        "blue is 7, green is 1, red is 5, so the sum is 12"
    )
    assert reread(scene, steps[:1], Program("compare", ("red", "blue"))) == "blue is 7, red is 5, 5 < 7"
    assert reread(scene, steps, Program("range", ("red", "blue", "green"))) == (
        "blue is 7, green is 1, red is 5, so the tallest is 7 and the shortest 1"
    )
    assert reread(scene, [], Program("read", ("blue",))) == ""
