"""Flawed paths: what is wrong with each is exactly what its labels say, for every type, severity and position."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from typing import NamedTuple

import pytest

from insightv_bench.answers import matches
from insightv_bench.flaws import FLAWS, IRRELEVANT, ISOLATED, Flawed, make_flawed
from insightv_bench.protocol import ParsedPath, parse_path, render_path
from insightv_bench.records import FlawType, Position, Question
from insightv_bench.world.level import Level
from insightv_bench.world.oracle import Judgement, judge
from insightv_bench.world.program import Program, parse_question
from insightv_bench.world.questions import sample_questions
from insightv_bench.world.scene import Scene, scene_from_json
from insightv_bench.world.telling import exact_path, read_claim, replay, tell, trace

SEVERITIES = (0.25, 0.5, 0.75, 1.0)
POSITIONS: tuple[Position, ...] = ("early", "middle", "late")
LEVEL = Level(side=16, max_bars=5)  # a flaw looks at no picture
MISSING = ("skipped-step", "premature")
ADDED = ("contradiction", "irrelevant-step")
TWO_READINGS = ("compare", "difference")


class Case(NamedTuple):
    question: Question
    program: Program
    scene: Scene
    asked: tuple[float, Position]
    flawed: Flawed
    exact: ParsedPath
    path: ParsedPath
    found: Judgement


@pytest.fixture(scope="module")
def questions() -> list[Question]:
    return list(sample_questions(LEVEL, "train", 0, 160))


def parts(question: Question) -> tuple[Program, Scene]:
    scene = scene_from_json(question.scene)
    program = parse_question(question.question, scene)
    assert program is not None
    return program, scene


def every_flaw(question: Question, seed: int = 0) -> list[Case]:
    program, scene = parts(question)
    exact = parse_path(render_path(*exact_path(program, scene.values)))
    made = []
    for flaw in FLAWS:
        for severity in SEVERITIES:
            for position in POSITIONS:
                random_ = random.Random(f"{seed}/{question.id}/{flaw}/{severity}/{position}")
                flawed = make_flawed(program, scene, flaw, severity, position, random_)
                if flawed:
                    path = parse_path(flawed.flawed_path)
                    found = judge(question.question, question.scene, path.steps)
                    made.append(Case(question, program, scene, (severity, position), flawed, exact, path, found))
    return made


@pytest.fixture(scope="module")
def cases(questions: list[Question]) -> list[Case]:
    """Every flaw at every severity and position, wherever it can be made."""
    return [case for question in questions for case in every_flaw(question)]


def of(cases: list[Case], *flaws: str) -> list[Case]:
    return [case for case in cases if case.flawed.flaw in flaws]


def said(path: ParsedPath) -> list[str]:
    """What each step says, and the answer."""
    return [*(step.reasoning for step in path.steps), f"answer: {path.answer}"]


def spoilt_readings(case: Case) -> list[int]:
    """Reading steps that differ from the exact path, where the flawed path has a step for a step."""
    num = len(case.program.colours)
    return [index for index in range(num) if said(case.path)[index] != said(case.exact)[index]]


def test_every_flaw_is_made_for_every_kind_that_has_it(cases: list[Case]) -> None:
    kinds = defaultdict(set)
    for case in cases:
        kinds[case.flawed.flaw].add(case.program.kind)
    everywhere = {"read", "sum", "count", "tallest", "shortest", "range", *TWO_READINGS}
    assert kinds == {
        **dict.fromkeys(("perception", "contradiction", "irrelevant-step", "wrong-final", "all-wrong"), everywhere),
        "arithmetic": {"sum", "count", "difference", "range"},
        "comparison": {"count", "compare", "tallest", "shortest"},
        "skipped-step": everywhere - {"read", *TWO_READINGS},
        "premature": everywhere - {"read", *TWO_READINGS},
    }


def test_a_flaw_that_a_kind_has_can_be_made_at_every_severity_and_position(cases: list[Case]) -> None:
    counts = Counter((case.question.id, case.flawed.flaw) for case in cases)
    assert set(counts.values()) == {len(SEVERITIES) * len(POSITIONS)}


def test_a_flawed_path_differs_and_parses_as_complete(cases: list[Case]) -> None:
    for case in cases:
        assert case.flawed.path == render_path(*exact_path(case.program, case.scene.values))
        assert case.flawed.flawed_path != case.flawed.path
        assert (case.path.status, case.path.dialect, case.path.repaired) == ("complete", "json", False)
        assert case.path.steps[-1].action == "summary"
        assert {step.action for step in case.path.steps[:-1]} <= {"continue"}


def test_the_planted_answer_is_what_the_path_ends_in(cases: list[Case]) -> None:
    for case in cases:
        assert case.path.answer == case.flawed.planted_answer
        assert case.flawed.planted_answer.strip()


def test_the_planted_answer_is_of_the_kind_of_the_gold_answer(cases: list[Case]) -> None:
    for case in cases:
        planted = case.flawed.planted_answer
        if case.program.kind == "compare":
            assert planted in ("yes", "no")
        elif case.program.kind in ("tallest", "shortest"):
            assert planted in case.scene.values
        else:
            assert planted.isdigit()


def test_error_steps_are_exactly_the_steps_that_differ(cases: list[Case]) -> None:
    """Where no step is added or left out the two paths are compared line by line, the answer's line too."""
    for case in cases:
        if case.flawed.flaw in (*MISSING, *ADDED):
            continue
        lines = list(zip(said(case.path), said(case.exact), strict=True))
        assert case.flawed.error_steps == tuple(place for place, (ours, theirs) in enumerate(lines) if ours != theirs)
        assert case.flawed.error_steps


def test_an_added_step_is_the_only_error_step(cases: list[Case]) -> None:
    for case in of(cases, *ADDED):
        (place,) = case.flawed.error_steps
        assert said(case.path)[:place] + said(case.path)[place + 1 :] == said(case.exact)


def test_error_steps_of_a_path_with_a_gap_are_the_gap_and_what_differs_after_it(cases: list[Case]) -> None:
    for case in of(cases, *MISSING):
        first, *later = case.flawed.error_steps
        ours, theirs = said(case.path), said(case.exact)
        assert ours[:first] == theirs[:first] and theirs[first] not in ours
        assert later == [place for place, line in enumerate(ours) if place > first and line not in theirs]


def test_error_steps_are_in_order_and_within_the_path(cases: list[Case]) -> None:
    for case in cases:
        steps = case.flawed.error_steps
        assert steps == tuple(sorted(set(steps))) and steps[0] >= 0 and steps[-1] <= len(case.path.steps)


def test_severity_is_the_share_of_reading_steps_corrupted(cases: list[Case]) -> None:
    """As asked for, to the nearest step; every step that counts as corrupted differs from the exact path."""
    for case in of(cases, "perception", "all-wrong"):
        num = len(case.program.colours)
        values = [read_claim(case.program, step).value for step in case.path.steps[:num]]
        misread = sum(v != case.scene.values[c] for c, v in zip(case.program.colours, values, strict=True))
        asked = 1.0 if case.flawed.flaw == "all-wrong" else case.asked[0]
        assert case.flawed.severity == round(misread / num, 4)
        assert misread == max(1, round(asked * num))


def test_severity_of_wrong_states_is_the_share_that_slip_or_carry_the_slip(cases: list[Case]) -> None:
    num_seen = 0
    for case in of(cases, "arithmetic", "comparison"):
        num, spoilt = len(case.program.colours), spoilt_readings(case)
        if not spoilt:
            continue
        num_seen += 1
        corrupted = round(case.flawed.severity * num)
        possible = num - (case.program.kind in ("tallest", "shortest"))  # the first bar is compared with none
        assert corrupted == min(possible, max(1, round(case.asked[0] * num)))
        assert spoilt[:corrupted] == list(range(spoilt[0], spoilt[0] + corrupted))
    assert num_seen > 500


def test_a_flaw_of_one_step_has_the_severity_of_one_step(cases: list[Case]) -> None:
    for case in of(cases, "skipped-step", "contradiction", "irrelevant-step", "wrong-final"):
        assert case.flawed.severity == round(1 / len(case.program.colours), 4)


def test_a_wrong_conclusion_has_the_severity_of_one_step_and_is_late(cases: list[Case]) -> None:
    num_seen = 0
    for case in of(cases, "arithmetic", "comparison"):
        if case.program.kind in ("range", *TWO_READINGS):
            num_seen += 1
            assert said(case.path)[:-2] == said(case.exact)[:-2]
            assert (case.flawed.severity, case.flawed.position) == (round(1 / len(case.program.colours), 4), "late")
    assert num_seen > 500


def test_a_premature_path_has_the_severity_of_the_readings_it_lacks(cases: list[Case]) -> None:
    for case in of(cases, "premature"):
        num = len(case.program.colours)
        assert case.flawed.severity == round((num - num // 2) / num, 4)
        assert len(case.path.steps) == num // 2 + 1
        assert case.flawed.position == "late"


def test_severity_is_above_0_and_at_most_1(cases: list[Case]) -> None:
    assert all(0 < case.flawed.severity <= 1 for case in cases)
    assert all(case.flawed.severity == 1 for case in of(cases, "all-wrong"))


def test_the_position_is_where_the_flaw_stands(cases: list[Case]) -> None:
    """Early begins with the first reading, late ends with the last, all spares none."""
    for case in of(cases, "perception", "arithmetic"):
        num, corrupted = len(case.program.colours), round(case.flawed.severity * len(case.program.colours))
        spoilt = spoilt_readings(case)[:corrupted]
        if not spoilt:
            assert case.flawed.position == "late"
            continue
        where = "all" if corrupted == num else "early" if spoilt[0] == 0 else "late" if spoilt[-1] == num - 1 else ""
        assert case.flawed.position == (where or "middle")


def test_the_position_is_as_asked_wherever_a_path_has_room_for_it(cases: list[Case]) -> None:
    for case in of(cases, "perception", "skipped-step", "contradiction", "irrelevant-step"):
        num = len(case.program.colours)
        room = num - round(case.flawed.severity * num)
        if room >= 2:
            assert case.flawed.position == case.asked[1]
        assert (case.flawed.position == "all") == (room == 0)


def test_flaws_that_know_no_position_say_where_they_are(cases: list[Case]) -> None:
    assert {case.flawed.position for case in of(cases, "wrong-final", "premature")} == {"late"}
    assert {case.flawed.position for case in of(cases, "all-wrong")} == {"all"}


def test_a_propagated_misreading_is_worked_out_to_the_end(cases: list[Case]) -> None:
    """Told again from the values that the path claims, it is the same path."""
    for case in of(cases, "perception"):
        claims = [read_claim(case.program, step) for step in case.path.steps[:-1]]
        values = {claim.colour: claim.value for claim in claims if claim.colour}
        steps, answer = tell(case.program, trace(case.program, values))
        assert case.flawed.propagated and render_path(steps, answer) == case.flawed.flawed_path


def test_a_propagated_slip_is_worked_out_to_the_end(cases: list[Case]) -> None:
    """After the last spoilt step every state follows from the one before it, and the conclusion from the last."""
    for case in of(cases, "arithmetic", "comparison"):
        assert case.flawed.propagated
        spoilt = spoilt_readings(case)
        if not spoilt:
            continue
        last = spoilt[0] + round(case.flawed.severity * len(case.program.colours)) - 1
        for index in range(last + 1, len(case.program.colours)):
            _, state = replay(case.program, case.path.steps[:index])
            bare = case.path.steps[index].model_copy(
                update={"reasoning": case.path.steps[index].reasoning.partition(",")[0]}
            )
            _, follows = replay(case.program, [*case.path.steps[:index], bare])
            _, told = replay(case.program, case.path.steps[: index + 1])
            assert told == follows and state is not None
        colours, state = replay(case.program, case.path.steps)
        assert tuple(colours) == case.program.colours
        assert tell(case.program, trace(case.program, case.scene.values))[0][-1].summary == case.path.steps[-1].summary
        assert case.path.answer == str(state[0] if isinstance(state, tuple) else state)


def test_a_path_with_a_gap_is_worked_out_without_the_missing_bars(cases: list[Case]) -> None:
    for case in of(cases, *MISSING):
        colours, _ = replay(case.program, case.path.steps)
        steps, answer = tell(case.program, trace(case.program, case.scene.values, colours))
        assert case.flawed.propagated and render_path(steps, answer) == case.flawed.flawed_path
        assert set(colours) < set(case.program.colours)


def test_an_isolated_flaw_changes_no_other_step(cases: list[Case]) -> None:
    assert ISOLATED == ("contradiction", "irrelevant-step", "wrong-final")
    for case in cases:
        assert case.flawed.propagated == (case.flawed.flaw not in ISOLATED)
    for case in of(cases, "wrong-final"):
        assert case.path.steps == case.exact.steps


def test_irrelevant_step_and_contradiction_keep_the_gold_answer(cases: list[Case]) -> None:
    for case in of(cases, *ADDED):
        assert case.flawed.planted_answer == case.question.answer


def test_a_contradiction_names_one_bar_twice_with_two_values(cases: list[Case]) -> None:
    for case in of(cases, "contradiction"):
        (place,) = case.flawed.error_steps
        before, again = (read_claim(case.program, step) for step in case.path.steps[place - 1 : place + 1])
        assert before.colour == again.colour and before.value != again.value and before.told == again.told


def test_an_irrelevant_step_says_nothing_of_the_values(cases: list[Case]) -> None:
    for case in of(cases, "irrelevant-step"):
        assert case.path.steps[case.flawed.error_steps[0]].reasoning == IRRELEVANT


def test_wrong_final_and_all_wrong_never_keep_the_gold_answer(cases: list[Case]) -> None:
    for case in of(cases, "wrong-final", "all-wrong"):
        question = case.question
        assert not matches(case.flawed.planted_answer, question.answer, question.answer_type)


def test_a_wrong_conclusion_never_keeps_the_gold_answer(cases: list[Case]) -> None:
    for case in of(cases, "arithmetic", "comparison"):
        if case.program.kind in ("range", *TWO_READINGS):
            assert case.flawed.planted_answer != case.question.answer


def test_no_step_of_all_wrong_is_right(cases: list[Case]) -> None:
    for case in of(cases, "all-wrong"):
        assert case.flawed.error_steps == tuple(range(len(case.path.steps) + 1))
        for step in case.path.steps[:-1]:
            claim = read_claim(case.program, step)
            assert claim.colour and abs(claim.value - case.scene.values[claim.colour]) >= 2 and claim.value >= 0


def test_all_wrong_concludes_in_the_words_of_its_kind(cases: list[Case]) -> None:
    """So that the words alone do not give a flawed path away."""
    for case in of(cases, "all-wrong"):
        ours, theirs = case.path.steps[-1].reasoning, case.exact.steps[-1].reasoning
        shapes = ["".join("9" if c.isdigit() else "<" if c in "<=>" else c for c in text) for text in (ours, theirs)]
        if case.program.kind in ("difference", "range"):
            assert [shape.replace("99", "9") for shape in shapes] == ["9 - 9 < 9"] * 2
        elif case.program.kind == "compare":
            assert all(shape.replace("99", "9").startswith("9 < 9, so ") for shape in shapes)
        else:
            assert ours.startswith("the answer is ") and theirs.startswith("the answer is ")


def test_the_oracle_finds_the_first_error_at_the_first_error_step(cases: list[Case]) -> None:
    """Except where a bar is left out, which makes no step untrue before the conclusion (see the next test)."""
    for case in cases:
        if case.flawed.flaw in MISSING:
            continue
        first = case.flawed.error_steps[0]
        assert case.found.first_error == (first if first < len(case.path.steps) else None)
        assert {i for i, right in enumerate(case.found.labels) if not right} == set(case.flawed.error_steps) - {
            len(case.path.steps)
        }


def test_the_oracle_takes_a_gap_for_less_detail_and_for_an_error_where_the_conclusion_is_untrue(
    cases: list[Case],
) -> None:
    for case in of(cases, *MISSING):
        last = len(case.path.steps) - 1
        wrong = case.path.steps[-1] != case.exact.steps[-1]
        assert case.found.first_error == (last if wrong else None)
        assert case.found.score < 100


def test_every_severity_leaves_an_exact_path_behind_in_score(cases: list[Case]) -> None:
    for case in cases:
        assert case.found.score < 100 or case.flawed.flaw == "wrong-final"


def test_the_same_seed_gives_the_same_flaw(questions: list[Question]) -> None:
    for question in questions[:8]:
        assert every_flaw(question, seed=4) == every_flaw(question, seed=4)


def test_another_seed_gives_other_misreadings(questions: list[Question]) -> None:
    one, other = ([c.flawed.flawed_path for q in questions[:8] for c in every_flaw(q, seed)] for seed in (1, 2))
    assert one != other


@pytest.mark.parametrize("flaw", ["perception", "contradiction", "irrelevant-step"])
def test_a_position_of_no_name_is_drawn(questions: list[Question], flaw: FlawType) -> None:
    program, scene = parts(next(q for q in questions if len(parts(q)[0].colours) == 5))
    made = [make_flawed(program, scene, flaw, 0.2, "none", random.Random(seed)) for seed in range(40)]
    assert {one.position for one in made if one} == {"early", "middle", "late"}
