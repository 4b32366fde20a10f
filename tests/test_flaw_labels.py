"""Flawed paths: answer, error steps, severity and position are exactly what the labels say, for every flaw."""

from __future__ import annotations

from collections import Counter, defaultdict

from flaw_cases import ADDED, MISSING, POSITIONS, SEVERITIES, TWO_READINGS, Case, of, said, spoilt_readings

from insightv_bench.protocol import render_path
from insightv_bench.world import exact_path
from insightv_bench.world.exact_paths import read_claim


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
