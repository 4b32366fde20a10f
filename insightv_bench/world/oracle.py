"""The exact judge of the drawn world: every step of any path, right or wrong.

A step is right when all that it says is true: the bar has the value it names, the state is the true state of the
needed bars read so far, and the conclusion is the true one. A step that cannot be read as one of these, or tells a
state that cannot, is wrong: it says nothing that can be checked. So is a bar's second reading. A step that computes
well from an earlier error is wrong too; `first_error` tells them apart. A bar left out makes no step wrong before the
conclusion; it costs detail.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from insightv_bench.records import Step

from .exact_paths import Claim, Operation, exact_path, read_claim, tell_reading, trace
from .program import Program, State, conclude, parse_question, state_text, update
from .scene import Scene, scene_from_json

DETAIL_SHARE = 0.2
"""Share of the score that is for detail (bars read of those needed); the rest is for right steps."""


class Judgement(NamedTuple):
    labels: tuple[bool, ...]
    score: int  # 1-100
    first_error: int | None
    correction: str
    """What the first wrong step should have said."""


def program_of(question: str, scene_json: str) -> tuple[Program, Scene]:
    """What a question of the drawn world asks, and of which scene. Raises ValueError where it is none of this world."""
    scene = scene_from_json(scene_json)
    program = parse_question(question, scene)
    if program is None:
        raise ValueError(f"not a question of the drawn world: `{question}`")
    return program, scene


def judge(question: str, scene_json: str, steps: Sequence[Step]) -> Judgement:
    """Raises ValueError where the question is not of this world."""
    program, scene = program_of(question, scene_json)
    labels = step_labels(program, scene, steps)
    first_error = labels.index(False) if False in labels else None
    correction = "" if first_error is None else correct_step(program, scene, steps, first_error)
    right, detail = _shares(program, steps, labels)
    score = round(1 + 99 * ((1 - DETAIL_SHARE) * right + DETAIL_SHARE * detail))
    return Judgement(labels, score, first_error, correction)


def rate(question: str, scene_json: str, steps: Sequence[Step]) -> tuple[int, int]:
    """Accuracy and detail, each 1-100: the two parts of the score. Raises ValueError as `judge` does."""
    program, scene = program_of(question, scene_json)
    right, detail = _shares(program, steps, step_labels(program, scene, steps))
    return round(1 + 99 * right), round(1 + 99 * detail)


def step_labels(program: Program, scene: Scene, steps: Sequence[Step]) -> tuple[bool, ...]:
    labels: list[bool] = []
    seen: set[str] = set()
    needed_read: list[str] = []
    for step in steps:
        claim = read_claim(program, step)
        if claim.colour is None:
            conclusion = exact_path(program, scene.values)[0][-1].reasoning
            labels.append(step.action == "summary" and step.reasoning.strip() == conclusion)
            continue
        again = claim.colour in seen
        seen.add(claim.colour)
        if claim.colour in program.colours and not again:
            needed_read.append(claim.colour)
        labels.append(not again and _true_reading(program, scene, claim, needed_read))
    return tuple(labels)


def _true_reading(program: Program, scene: Scene, claim: Claim, colours_read: Sequence[str]) -> bool:
    if scene.values.get(claim.colour or "") != claim.value:
        return False
    state = _true_state(program, scene, colours_read)
    return not claim.told or (state is not None and claim.state == state)


def _true_state(program: Program, scene: Scene, colours_read: Sequence[str]) -> State:
    """Where the computation stands after these readings, once each. Bars that the question does not need count not."""
    needed = [colour for colour in dict.fromkeys(colours_read) if colour in program.colours]
    return trace(program, scene.values, needed)[-1].state if needed else None


def correct_step(program: Program, scene: Scene, steps: Sequence[Step], index: int) -> str:
    """What step `index` should have said: the bar's true value, the true state, the next bar, or the conclusion."""
    claim = read_claim(program, steps[index])
    before = [colour for step in steps[:index] if (colour := read_claim(program, step).colour)]
    if claim.colour in scene.values and scene.values[claim.colour] != claim.value:
        return f"{claim.colour} is {scene.values[claim.colour]}"
    unread = [colour for colour in program.colours if colour not in before]
    if claim.colour in scene.values and claim.colour not in before:
        colour = claim.colour
    elif claim.colour in scene.values and unread:  # a bar that was read before: the path should have gone on
        colour = unread[0]
    else:
        return exact_path(program, scene.values)[0][-1].reasoning
    state = _true_state(program, scene, [*before, colour])
    if state is None:
        return f"{colour} is {scene.values[colour]}"
    return tell_reading(program, Operation(colour, scene.values[colour], state)).reasoning


def reread(scene: Scene, steps: Sequence[Step], program: Program | None = None) -> str:
    """What the bars that the steps read really say, in the path's order: `red is 5, blue is 7`.

    With a program, also the bars that it needs and the steps left out, and what they come to, which an answer can be
    taken from: of a sum or a count where it stands (`red is 5, blue is 7, so the sum is 12`), of a comparison or a
    range the two that it lies between (`red is 5, blue is 7, 5 < 7`).
    """
    named = [step.summary.removeprefix("read ") for step in steps]
    needed = program.colours if program and steps else ()
    parts: list[str] = []
    state: State = None
    for name in dict.fromkeys(name for name in (*named, *needed) if name in scene.values):
        parts.append(f"{name} is {scene.values[name]}")
        if program and name in program.colours:
            state = update(program, state, name, scene.values[name])
            parts += _running(program, state, is_first=len(parts) == 1)
    return ", ".join([*parts, *(_final(program, scene, state) if program and steps else [])])


def _running(program: Program, state: State, is_first: bool) -> list[str]:
    """A sum of one reading is that reading; a count of one says whether it counts."""
    tells = program.kind == "count" or (program.kind == "sum" and not is_first)
    return [f"so {state_text(program, state)}"] if tells else []


def _final(program: Program, scene: Scene, state: State) -> list[str]:
    """Of a range its ends, of a comparison how the two compare, in the question's order."""
    if program.kind == "compare":
        return [conclude(program, tuple(scene.values[colour] for colour in program.colours))[0].partition(", so ")[0]]
    return [f"so {state_text(program, state)}"] if program.kind == "range" else []


def _shares(program: Program, steps: Sequence[Step], labels: Sequence[bool]) -> tuple[float, float]:
    """Of right steps, and of needed bars that are read; 0 and 0 where there are no steps."""
    if not steps:
        return 0.0, 0.0
    named = {read_claim(program, step).colour for step in steps}
    return sum(labels) / len(labels), len(named & set(program.colours)) / len(program.colours)
