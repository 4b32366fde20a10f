"""Flawed versions of a path of the drawn world: type x severity x position, each exact by construction.

A flaw is one operation's result changed and, if propagated, the rest worked out again from it. Severity is the share of
reading steps that are corrupted or left out; a flaw of the conclusion, of the answer or of an added step counts as one.
Severity and position are recorded as they came out, which in a short path may not be as asked. Types are after the
error classes of PRMBench (arXiv 2501.03124) and the interventions of Lanham et al. (2307.13702), reduced to what can
be made exactly.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import NamedTuple

from insightv_bench.protocol import render_path
from insightv_bench.records import FlawType, Position, Step
from insightv_bench.world import Kind, Program, Scene, State, exact_path, tell, tell_reading, trace, update

from .types import FLAWS, Flawed


class Case(NamedTuple):
    """What a flaw is made in."""

    program: Program
    scene: Scene
    severity: float
    position: Position
    single: bool
    random_: random.Random

    def choose(self, first: int = 0) -> range:
        """Which reading steps to corrupt, none before `first`: `severity` of all (one at least), around `position`."""
        num_steps = len(self.program.colours)
        num = min(1 if self.single else max(1, round(self.severity * num_steps)), num_steps - first)
        start = {"early": first, "middle": (num_steps + first - num) // 2, "late": num_steps - num}
        begin = start.get(self.position, self.random_.randint(first, num_steps - num))
        return range(begin, begin + num)


class Draft(NamedTuple):
    """A flawed path, and where it was spoilt."""

    steps: tuple[Step, ...]
    answer: str
    spoilt: range
    """The reading steps that are corrupted, left out or stand beside an added one; empty: the conclusion or answer."""
    first: int = 0
    """The first reading step that this flaw can spoil."""


def make_flawed(
    program: Program, scene: Scene, flaw: FlawType, severity: float, position: Position, random_: random.Random
) -> Flawed | None:
    """A flawed version of the exact path; None where this flaw cannot be made in this program."""
    exact = exact_path(program, scene.values)
    draft = EXACT[flaw](Case(program, scene, severity, position, FLAWS[flaw].spoils == "one", random_))
    if draft is None:
        return None
    num_steps = len(program.colours)
    return Flawed(
        path=render_path(*exact),
        flawed_path=render_path(draft.steps, draft.answer),
        flaw=flaw,
        severity=round(max(1, len(draft.spoilt)) / num_steps, 4),
        position=position_of(draft, num_steps),
        propagated=FLAWS[flaw].inherited,
        error_steps=error_steps(exact, draft, missing=FLAWS[flaw].leaves_out),
        planted_answer=draft.answer,
    )


def position_of(draft: Draft, num_steps: int) -> Position:
    """Where the spoilt reading steps stand among those that could be; a flaw of the conclusion is late."""
    if not draft.spoilt:
        return "late"
    if len(draft.spoilt) == num_steps - draft.first:
        return "all"
    return "early" if draft.spoilt.start == draft.first else "late" if draft.spoilt.stop == num_steps else "middle"


def error_steps(exact: tuple[tuple[Step, ...], str], draft: Draft, missing: bool) -> tuple[int, ...]:
    """0-based steps of the flawed path that the exact path does not hold, and the one before which some are missing.

    The answer line counts as the step after the last.
    """
    right = {step.reasoning for step in exact[0]}
    wrong = {index for index, step in enumerate(draft.steps) if step.reasoning not in right}
    if missing:
        wrong.add(draft.spoilt.start)
    if exact[1] != draft.answer:
        wrong.add(len(draft.steps))
    return tuple(sorted(wrong))


def _perception(case: Case) -> Draft:
    readings, spoilt = dict(case.scene.values), case.choose()
    for index in spoilt:
        colour = case.program.colours[index]
        readings[colour] = _near_miss(case.random_, readings[colour])
    return Draft(*tell(case.program, trace(case.program, readings)), spoilt)


def _arithmetic(case: Case) -> Draft | None:
    """A running sum or count, or a subtraction, that comes out wrong; the readings stay right."""
    if case.program.kind in ("sum", "count"):
        return _with_states(case, case.choose(), lambda old, new, bar: _near_miss(case.random_, new))
    if case.program.kind in ("difference", "range"):
        return _wrong_conclusion(case)
    return None


def _comparison(case: Case) -> Draft | None:
    """The wrong one of two is kept as taller or shorter, or a bar is counted that should not be, or not counted."""
    program = case.program
    if program.kind == "compare":
        return _wrong_conclusion(case)
    if program.kind == "count":
        return _with_states(case, case.choose(), lambda old, new, bar: (old or 0) + (new == (old or 0)))
    if program.kind in ("tallest", "shortest"):  # the first bar is compared with none
        draft = _with_states(case, case.choose(first=1), lambda old, new, bar: bar if new == old else old)
        return draft._replace(first=1)
    return None


def _with_states(case: Case, spoilt: range, slip: Callable[[State, State, tuple[str, int]], State]) -> Draft:
    """The path with `slip(old state, new state, bar)` in place of the state after each spoilt step.

    A slip that would undo an earlier one is left out: the step then inherits the error and is wrong all the same.
    """
    state: State = None
    operations = []
    for index, right in enumerate(trace(case.program, case.scene.values)):
        bar = right.colour, right.value
        new = update(case.program, state, *bar)
        slipped = slip(state, new, bar) if index in spoilt else new
        state = new if slipped == right.state else slipped
        operations.append(right._replace(state=state))
    return Draft(*tell(case.program, operations), spoilt)


def _wrong_conclusion(case: Case) -> Draft:
    """Right readings, and a last step that computes or compares them wrongly."""
    return _concluded(case, *exact_path(case.program, case.scene.values), range(0))


def _concluded(case: Case, steps: tuple[Step, ...], answer: str, spoilt: range) -> Draft:
    """These steps with the last one concluding another answer than `answer`, in the same words."""
    planted, reasoning = _other_answer(case, answer), steps[-1].reasoning
    if case.program.kind == "compare":
        reasoning = reasoning.translate(str.maketrans("<>", "><"))
    last = steps[-1].model_copy(update={"reasoning": reasoning.removesuffix(answer) + planted})
    return Draft((*steps[:-1], last), planted, spoilt)


def _skipped_step(case: Case) -> Draft | None:
    """One bar is never read, and the state does not know it."""
    if case.program.kind in ("read", "compare", "difference"):
        return None
    spoilt = case.choose()
    kept = [colour for index, colour in enumerate(case.program.colours) if index not in spoilt]
    return Draft(*tell(case.program, trace(case.program, case.scene.values, kept)), spoilt)


def _contradiction(case: Case) -> Draft:
    """One bar is named again with another value; the computation goes on as if it were not."""
    (steps, answer), spoilt = exact_path(case.program, case.scene.values), case.choose()
    right = trace(case.program, case.scene.values)[spoilt.start]
    again = tell_reading(case.program, right._replace(value=_near_miss(case.random_, right.value)))
    return Draft((*steps[: spoilt.stop], again, *steps[spoilt.stop :]), answer, spoilt)


def _irrelevant_step(case: Case) -> Draft:
    """A bar is read a second time, rightly, and what another kind of question would make of it is told: true, in words
    that right paths hold, and beside the point."""
    (steps, answer), spoilt = exact_path(case.program, case.scene.values), case.choose()
    again = trace(case.program, case.scene.values)[spoilt.start]
    kind = case.random_.choice([kind for kind in TOLD if kind != case.program.kind])
    other = case.program._replace(kind=kind, colours=(again.colour,))
    added = tell_reading(other, again._replace(state=update(other, None, again.colour, again.value)))
    return Draft((*steps[: spoilt.stop], added, *steps[spoilt.stop :]), answer, spoilt)


TOLD: tuple[Kind, ...] = ("sum", "tallest", "shortest")
"""Kinds of questions that tell where they stand after one bar."""


def _premature(case: Case) -> Draft | None:
    """Concluded after the first half of the readings."""
    num_steps = len(case.program.colours)
    num_read = num_steps // 2
    if case.program.kind in ("read", "compare", "difference") or num_read == 0:
        return None
    steps, answer = tell(case.program, trace(case.program, case.scene.values, case.program.colours[:num_read]))
    return Draft(steps, answer, range(num_read, num_steps))


def _wrong_final(case: Case) -> Draft:
    steps, answer = exact_path(case.program, case.scene.values)
    return Draft(steps, _other_answer(case, answer), range(0))


def _all_wrong(case: Case) -> Draft:
    """Every reading is off by two or more, and so are the states that follow from them."""
    spoilt = range(len(case.program.colours))
    right = exact_path(case.program, case.scene.values)[1]
    far = {colour: (2, 3) if value <= 3 else (-3, -2) for colour, value in case.scene.values.items()}
    readings = {colour: value + case.random_.choice(far[colour]) for colour, value in case.scene.values.items()}
    steps, answer = tell(case.program, trace(case.program, readings))
    return _concluded(case, steps, answer, spoilt) if answer == right else Draft(steps, answer, spoilt)


def _other_answer(case: Case, answer: str) -> str:
    """A wrong answer of the same kind."""
    if answer in ("yes", "no"):
        return "no" if answer == "yes" else "yes"
    if answer.isdigit():
        return str(_near_miss(case.random_, int(answer)))
    return case.random_.choice([colour for colour in case.scene.values if colour != answer])


def _near_miss(random_: random.Random, value: int) -> int:
    return value + 1 if value <= 1 else value + random_.choice((-1, 1))


EXACT: dict[FlawType, Callable[[Case], Draft | None]] = {
    "perception": _perception,
    "arithmetic": _arithmetic,
    "comparison": _comparison,
    "skipped-step": _skipped_step,
    "contradiction": _contradiction,
    "irrelevant-step": _irrelevant_step,
    "premature": _premature,
    "wrong-final": _wrong_final,
    "all-wrong": _all_wrong,
}
