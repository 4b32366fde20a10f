"""Flawed paths: what each flaw spoils and what it leaves, what follows from it, and how the oracle takes it."""

from __future__ import annotations

import random
from typing import get_args

import pytest
from flaw_cases import ADDED, MISSING, TWO_READINGS, Case, every_flaw, of, parts, spoilt_readings

from insightv_bench.answers import matches
from insightv_bench.flaws import FLAWS, make_flawed, planted_by
from insightv_bench.flaws.by_rule import BY_RULE
from insightv_bench.flaws.exact import EXACT
from insightv_bench.protocol import render_path
from insightv_bench.records import FlawType, Question
from insightv_bench.settings import FlawsSettings
from insightv_bench.world import replay, tell, trace
from insightv_bench.world.exact_paths import read_claim


@pytest.mark.slow
def test_a_propagated_misreading_is_worked_out_to_the_end(cases: list[Case]) -> None:
    """Told again from the values that the path claims, it is the same path."""
    for case in of(cases, "perception"):
        claims = [read_claim(case.program, step) for step in case.path.steps[:-1]]
        values = {claim.colour: claim.value for claim in claims if claim.colour}
        steps, answer = tell(case.program, trace(case.program, values))
        assert case.flawed.propagated and render_path(steps, answer) == case.flawed.flawed_path


@pytest.mark.slow
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
    isolated = ("contradiction", "irrelevant-step", "wrong-final")
    assert [name for name in planted_by("exact") if not FLAWS[name].inherited] == list(isolated)
    for case in cases:
        assert case.flawed.propagated == (case.flawed.flaw not in isolated)
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


def test_an_irrelevant_step_is_true_and_of_another_kind_of_question(cases: list[Case]) -> None:
    """In words that right paths of that kind hold: no phrase tells that the path is flawed."""
    for case in of(cases, "irrelevant-step"):
        (place,) = case.flawed.error_steps
        before, again = (read_claim(case.program, step) for step in case.path.steps[place - 1 : place + 1])
        assert before.colour == again.colour and before.value == again.value
        assert again.told and again.state is None  # nothing that this question's state could be


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


def test_the_same_seed_gives_the_same_flaw(flaw_questions: list[Question]) -> None:
    for question in flaw_questions[:8]:
        assert every_flaw(question, seed=4) == every_flaw(question, seed=4)


def test_another_seed_gives_other_misreadings(flaw_questions: list[Question]) -> None:
    one, other = ([c.flawed.flawed_path for q in flaw_questions[:8] for c in every_flaw(q, seed)] for seed in (1, 2))
    assert one != other


@pytest.mark.parametrize("flaw", ["perception", "contradiction", "irrelevant-step"])
def test_a_position_of_no_name_is_drawn(flaw_questions: list[Question], flaw: FlawType) -> None:
    program, scene = parts(next(q for q in flaw_questions if len(parts(q)[0].colours) == 5))
    made = [make_flawed(program, scene, flaw, 0.2, "none", random.Random(seed)) for seed in range(40)]
    assert {one.position for one in made if one} == {"early", "middle", "late"}


def test_every_type_has_a_row_and_a_function_in_each_maker_that_it_names() -> None:
    assert list(FLAWS) == list(get_args(FlawType)) and all(name == flaw.name for name, flaw in FLAWS.items())
    assert set(EXACT) == set(planted_by("exact")) and set(BY_RULE) == set(planted_by("rule"))
    planted = tuple(name for name, flaw in FLAWS.items() if flaw.makers and flaw.family == "reasoning")
    assert FlawsSettings().flaws == planted  # attacks only where they are named
