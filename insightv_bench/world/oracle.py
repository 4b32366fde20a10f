"""The exact judge of the drawn world: every step of any path, right or wrong.

A step is right when all that it says is true: the bar has the value it names, the state is the true state of the bars
read so far, and the conclusion is the true one. A step that cannot be read as one of these is wrong: it says nothing
that can be checked. So a step that computes well from an earlier error is wrong too; `first_error` tells them apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from insightv_bench.records import Step

from .program import Program, State, conclude, parse_question, update
from .scene import Scene, scene_from_json
from .telling import exact_path, read_claim, tell_reading, trace

DETAIL_SHARE = 0.2
"""Share of the score that is for detail (bars read of those needed); the rest is for right steps."""


class Judgement(NamedTuple):
    labels: tuple[bool, ...]
    score: int  # 1-100
    first_error: int | None
    correction: str
    """What the first wrong step should have said."""


def judge(question: str, scene_json: str, steps: Sequence[Step]) -> Judgement:
    """Raises ValueError where the question is not of this world."""
    scene = scene_from_json(scene_json)
    program = parse_question(question, scene)
    if program is None:
        raise ValueError(f"not a question of the drawn world: `{question}`")
    labels = step_labels(program, scene, steps)
    first_error = labels.index(False) if False in labels else None
    correction = "" if first_error is None else correct_step(program, scene, steps, first_error)
    return Judgement(labels, _score(program, steps, labels), first_error, correction)


def step_labels(program: Program, scene: Scene, steps: Sequence[Step]) -> tuple[bool, ...]:
    labels, colours_read, state = [], set(), None
    for step in steps:
        claim = read_claim(program, step)
        if claim.colour is None:
            labels.append(_concludes(program, scene, step))
            continue
        known = claim.colour in scene.values and claim.colour not in colours_read
        if known:
            colours_read.add(claim.colour)
            state = update(program, state, claim.colour, scene.values[claim.colour])
        labels.append(known and _true_reading(program, scene, claim.colour, claim.value, claim.state, state))
    return tuple(labels)


def _true_reading(program: Program, scene: Scene, colour: str, value: int, told: State, true: State) -> bool:
    return scene.values[colour] == value and told in (None, true)


def _concludes(program: Program, scene: Scene, step: Step) -> bool:
    true_state = trace(program, scene.values)[-1].state
    return step.action == "summary" and step.reasoning.strip() == conclude(program, true_state)[0]


def correct_step(program: Program, scene: Scene, steps: Sequence[Step], index: int) -> str:
    """What step `index` should have said: a misread bar's true reading, or else the true conclusion."""
    claim = read_claim(program, steps[index])
    if claim.colour not in scene.values:
        return exact_path(program, scene.values)[0][-1].reasoning
    before = [read_claim(program, step).colour for step in steps[:index]]
    colours = [c for c in (*before, claim.colour) if c in scene.values]
    if scene.values[claim.colour] != claim.value:
        return f"{claim.colour} is {scene.values[claim.colour]}"
    return tell_reading(program, trace(program, scene.values, colours)[-1]).reasoning


def _score(program: Program, steps: Sequence[Step], labels: Sequence[bool]) -> int:
    if not steps:
        return 1
    told = {read_claim(program, step).colour for step in steps}
    detail = len(told & set(program.colours)) / len(program.colours)
    right = sum(labels) / len(labels)
    return round(1 + 99 * ((1 - DETAIL_SHARE) * right + DETAIL_SHARE * detail))
