"""A program's trace as the steps of a path, and the steps of a path back as readings and state.

A trace is a list of operations. What a path says is exactly what its operations hold, so a flaw is one changed
operation, and a propagated flaw is the rest worked out again from it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from insightv_bench.records import Step

from .program import Program, State, conclude, parse_state, state_text, update

READ = r"({name}) is (\d{{1,9}})(?:, so (.+))?"


class Operation(NamedTuple):
    """One reading, and where the computation stands after it."""

    colour: str
    value: int
    state: State


class Claim(NamedTuple):
    """What one step of a path says. `colour` None: it is no reading; `state` None: it tells none that can be read."""

    colour: str | None
    value: int
    state: State
    told: str = ""
    """The state in the step's words; empty where it tells none."""


def trace(program: Program, readings: Mapping[str, int], colours: Sequence[str] | None = None) -> list[Operation]:
    """Read `colours` (all that the program needs, unless given) and keep the state."""
    operations: list[Operation] = []
    state: State = None
    for colour in program.colours if colours is None else colours:
        state = update(program, state, colour, readings[colour])
        operations.append(Operation(colour, readings[colour], state))
    return operations


def tell_reading(program: Program, operation: Operation) -> Step:
    state = state_text(program, operation.state)
    reasoning = f"{operation.colour} is {operation.value}" + (f", so {state}" if state else "")
    return Step(summary=f"read {operation.colour}", reasoning=reasoning, action="continue")


def tell_conclusion(program: Program, state: State) -> tuple[Step, str]:
    reasoning, answer = conclude(program, state)
    return Step(summary="conclude", reasoning=reasoning, action="summary"), answer


def tell(program: Program, operations: Sequence[Operation]) -> tuple[tuple[Step, ...], str]:
    """The whole path: one step an operation, the conclusion, and the answer."""
    last, answer = tell_conclusion(program, operations[-1].state)
    return (*(tell_reading(program, operation) for operation in operations), last), answer


def exact_path(program: Program, values: Mapping[str, int]) -> tuple[tuple[Step, ...], str]:
    return tell(program, trace(program, values))


def read_claim(program: Program, step: Step) -> Claim:
    """What a step says, as far as it can be read."""
    match = re.fullmatch(READ.format(name=program.name_pattern), step.reasoning.strip())
    if not match:
        return Claim(None, 0, None)
    return Claim(match[1], int(match[2]), parse_state(program, match[3] or ""), match[3] or "")


def replay(program: Program, steps: Sequence[Step]) -> tuple[list[str], State]:
    """The bars read so far and the state *as the steps tell it*, so that whoever goes on inherits their errors."""
    colours: list[str] = []
    state: State = None
    for claim in (read_claim(program, step) for step in steps):
        if claim.colour and (claim.state is not None or not claim.told):  # it tells nothing of another question
            colours.append(claim.colour)
            state = update(program, state, claim.colour, claim.value) if claim.state is None else claim.state
    return colours, state
