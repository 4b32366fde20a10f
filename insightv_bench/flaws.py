"""Flawed versions of a path of the drawn world: type x severity x position.

A flaw is one operation's result changed and, if propagated, the rest worked out again from it. Severity is the share of
reading steps that are corrupted; for the flaws of structure it is one step. Types are after the error classes of
PRMBench (arXiv 2501.03124) and the interventions of Lanham et al. (2307.13702), reduced to what can be made exactly.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

from .protocol import render_path
from .records import FlawType, Position, Step
from .world.program import Program, State, update
from .world.scene import Scene
from .world.telling import Operation, exact_path, tell, tell_reading, trace

IRRELEVANT = "the bars stand on a plain background"
SINGLE = ("skipped-step", "contradiction", "irrelevant-step", "premature", "wrong-final")
"""Flaws of one step, for which a severity is not asked."""
ISOLATED = ("contradiction", "irrelevant-step", "wrong-final")
"""Flaws that the later steps do not inherit."""


class Flawed(NamedTuple):
    """One flawed path and what is wrong with it; the columns of `FlawedRow` that a flaw decides."""

    path: str
    flawed_path: str
    flaw: FlawType
    severity: float
    position: Position
    propagated: bool
    error_steps: tuple[int, ...]
    planted_answer: str


class Case(NamedTuple):
    """What a flaw is made in."""

    program: Program
    scene: Scene
    chosen: tuple[int, ...]
    """0-based indexes of the reading steps to corrupt."""
    random_: random.Random


Steps = tuple[tuple[Step, ...], str]


def make_flawed(
    program: Program, scene: Scene, flaw: FlawType, severity: float, position: Position, random_: random.Random
) -> Flawed | None:
    """A flawed version of the exact path; None where this flaw cannot be made in this program."""
    exact = exact_path(program, scene.values)
    chosen = choose_steps(len(program.colours), severity, position, flaw, random_)
    flawed = FLAWS[flaw](Case(program, scene, chosen, random_))
    if flawed is None or render_path(*flawed) == render_path(*exact):
        return None
    return Flawed(
        path=render_path(*exact),
        flawed_path=render_path(*flawed),
        flaw=flaw,
        severity=severity_of(flaw, chosen, len(program.colours)),
        position="all" if flaw == "all-wrong" else "late" if flaw == "wrong-final" else position,
        propagated=flaw not in ISOLATED,
        error_steps=error_steps(exact, flawed),
        planted_answer=flawed[1],
    )


def choose_steps(
    num_steps: int, severity: float, position: Position, flaw: FlawType, random_: random.Random
) -> tuple[int, ...]:
    """Which reading steps to corrupt: `severity` of them (one at least), around `position`."""
    if flaw == "all-wrong":
        return tuple(range(num_steps))
    num = 1 if flaw in SINGLE else max(1, round(severity * num_steps))
    start = {"early": 0, "middle": (num_steps - num) // 2, "late": num_steps - num}
    first = start.get(position, random_.randint(0, num_steps - num))
    return tuple(range(first, first + num))


def severity_of(flaw: FlawType, chosen: Sequence[int], num_steps: int) -> float:
    return round(len(chosen) / num_steps, 4)


def error_steps(exact: Steps, flawed: Steps) -> tuple[int, ...]:
    """0-based steps of the flawed path that the exact path does not hold at that place or, if shifted, at all.

    The answer line counts as the step after the last.
    """
    told = {step.reasoning for step in exact[0]}
    steps = [index for index, step in enumerate(flawed[0]) if step.reasoning not in told]
    return tuple(steps if exact[1] == flawed[1] else [*steps, len(flawed[0])])


def _perception(case: Case) -> Steps:
    readings = dict(case.scene.values)
    for index in case.chosen:
        colour = case.program.colours[index]
        readings[colour] = _near_miss(case.random_, readings[colour])
    return tell(case.program, trace(case.program, readings))


def _arithmetic(case: Case) -> Steps | None:
    """A running sum or count, or a subtraction, that comes out wrong; the readings stay right."""
    if case.program.kind in ("sum", "count"):
        return _with_states(case, lambda old, new, bar: _near_miss(case.random_, new))
    if case.program.kind in ("difference", "range"):
        return _wrong_conclusion(case)
    return None


def _comparison(case: Case) -> Steps | None:
    """The wrong one of two is kept as taller or shorter, or a bar is counted that should not be, or not counted."""
    program = case.program
    if program.kind == "compare":
        return _wrong_conclusion(case)
    if program.kind == "count":
        return _with_states(case, lambda old, new, bar: (old or 0) + (new == (old or 0)))
    if program.kind in ("tallest", "shortest"):
        return _with_states(case, lambda old, new, bar: bar if old and new == old else old or bar)
    return None


def _with_states(case: Case, slip: Callable[[State, State, tuple[str, int]], State]) -> Steps:
    """The path with `slip(old state, new state, bar)` in place of the state after each chosen step."""
    state: State = None
    operations = []
    for index, colour in enumerate(case.program.colours):
        value = case.scene.values[colour]
        new = update(case.program, state, colour, value)
        state = slip(state, new, (colour, value)) if index in case.chosen else new
        operations.append(Operation(colour, value, state))
    return tell(case.program, operations)


def _wrong_conclusion(case: Case) -> Steps:
    """Right readings, and a last step that computes or compares them wrongly."""
    steps, answer = exact_path(case.program, case.scene.values)
    planted = _other_answer(case, answer)
    if case.program.kind == "compare":
        swapped = steps[-1].reasoning.translate(str.maketrans("<>", "><"))
        reasoning = swapped.removesuffix(answer) + planted
    else:
        reasoning = steps[-1].reasoning.removesuffix(answer) + planted
    return (*steps[:-1], steps[-1].model_copy(update={"reasoning": reasoning})), planted


def _skipped_step(case: Case) -> Steps | None:
    """One bar is never read, and the state does not know it."""
    if case.program.kind in ("read", "compare", "difference"):
        return None
    kept = [colour for index, colour in enumerate(case.program.colours) if index not in case.chosen]
    return tell(case.program, trace(case.program, case.scene.values, kept)) if kept else None


def _contradiction(case: Case) -> Steps:
    """One bar is named again with another value; the computation goes on as if it were not."""
    steps, answer = exact_path(case.program, case.scene.values)
    index = case.chosen[0]
    colour = case.program.colours[index]
    state = trace(case.program, case.scene.values)[index].state
    again = Operation(colour, _near_miss(case.random_, case.scene.values[colour]), state)
    return (*steps[: index + 1], tell_reading(case.program, again), *steps[index + 1 :]), answer


def _irrelevant_step(case: Case) -> Steps:
    steps, answer = exact_path(case.program, case.scene.values)
    index = case.chosen[0]
    return (*steps[:index], Step(summary="look", reasoning=IRRELEVANT, action="continue"), *steps[index:]), answer


def _premature(case: Case) -> Steps | None:
    """Concluded after the first half of the readings."""
    num_read = len(case.program.colours) // 2
    if case.program.kind in ("read", "compare", "difference") or num_read == 0:
        return None
    return tell(case.program, trace(case.program, case.scene.values, case.program.colours[:num_read]))


def _wrong_final(case: Case) -> Steps:
    steps, answer = exact_path(case.program, case.scene.values)
    return steps, _other_answer(case, answer)


def _all_wrong(case: Case) -> Steps | None:
    """Every reading is off by two or more, and so are the states that follow from them."""
    readings = {colour: _far_miss(case.random_, value) for colour, value in case.scene.values.items()}
    steps, answer = tell(case.program, trace(case.program, readings))
    if answer == exact_path(case.program, case.scene.values)[1]:
        answer = _other_answer(case, answer)
        steps = (*steps[:-1], steps[-1].model_copy(update={"reasoning": f"the answer is {answer}"}))
    return steps, answer


def _other_answer(case: Case, answer: str) -> str:
    """A wrong answer of the same kind."""
    if answer in ("yes", "no"):
        return "no" if answer == "yes" else "yes"
    if answer.isdigit():
        return str(_near_miss(case.random_, int(answer)))
    return case.random_.choice([colour for colour in case.scene.values if colour != answer])


def _near_miss(random_: random.Random, value: int) -> int:
    return value + 1 if value <= 1 else value + random_.choice((-1, 1))


def _far_miss(random_: random.Random, value: int) -> int:
    return value + random_.choice((2, 3)) if value <= 3 else value + random_.choice((-3, -2))


FLAWS: dict[FlawType, Callable[[Case], Steps | None]] = {
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
"""Every type but `natural`, which is sampled, not made."""
