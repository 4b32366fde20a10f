"""A question of the drawn world as a small program: bars are read in turn, a running state is kept, then concluded.

The running state is what makes a path checkable: every step says where the computation stands. In `State`, letters
mean: `sum` and `count` an int; `tallest` and `shortest` (colour, value); `range` (highest, lowest); the kinds that
need one or two readings keep the readings themselves.
"""

from __future__ import annotations

import random
import re
from typing import Any, Literal, NamedTuple, get_args

from insightv_bench.records import AnswerType

from .scene import Scene

Kind = Literal["read", "compare", "difference", "sum", "count", "tallest", "shortest", "range"]
KINDS: tuple[Kind, ...] = get_args(Kind)
State = Any

TEXTS = {
    "read": "What is the value of {0}?",
    "compare": "Is {0} taller than {1}?",
    "difference": "What is the difference between {0} and {1}?",
    "sum": "What is the sum of {list}?",
    "count": "How many bars are taller than {threshold}?",
    "tallest": "Which bar is the tallest?",
    "shortest": "Which bar is the shortest?",
    "range": "What is the difference between the tallest and the shortest bar?",
}
CHART_TEXTS = {
    "read": "What is the value of {0}?",
    "compare": "Is {0} higher than {1}?",
    "difference": "What is the difference between {0} and {1}?",
    "sum": "What is the sum of {list}?",
    "count": "How many values are higher than {threshold}?",
    "tallest": "Which one has the highest value?",
    "shortest": "Which one has the lowest value?",
    "range": "What is the difference between the highest and the lowest value?",
}
"""Of charts, where not all that has a value is a bar."""
CHART_WORDS = {"tallest": "highest", "shortest": "lowest"}
NAME, LABEL = "[a-z]+", "[A-Z][a-z]+"
"""What a bar is called by: a colour, or in a chart a label."""
ANSWER_TYPES: dict[str, AnswerType] = {"compare": "yes_no", "tallest": "text", "shortest": "text"}


class Program(NamedTuple):
    kind: Kind
    colours: tuple[str, ...]
    """The bars to read, in the order of reading."""
    threshold: int = 0
    """`count` only: bars taller than this count."""
    chart: bool = False
    """Over a chart with labels; its wording is another."""

    @property
    def name_pattern(self) -> str:
        return LABEL if self.chart else NAME

    def word(self, word: str) -> str:
        """`tallest` or `shortest`, as this program's texts say it."""
        return CHART_WORDS[word] if self.chart else word

    @property
    def answer_type(self) -> AnswerType:
        return ANSWER_TYPES.get(self.kind, "number")


def sample_program(random_: random.Random, scene: Scene, kind: Kind, max_terms: int = 4) -> Program | None:
    """A program of `kind` over `scene`, a sum of at most `max_terms`; None where the answer would not be unique."""
    program = _sample(random_, scene, kind, max_terms)
    return program._replace(chart=bool(scene.chart)) if program else None


def _sample(random_: random.Random, scene: Scene, kind: Kind, max_terms: int) -> Program | None:
    colours = tuple(bar.colour for bar in scene.bars)
    values = sorted(scene.values.values())
    if kind in ("compare", "difference"):
        pair = tuple(random_.sample(colours, 2))
        tied = scene.values[pair[0]] == scene.values[pair[1]]
        return None if tied else Program(kind, pair)
    if kind == "read":
        return Program(kind, (random_.choice(colours),))
    if kind == "sum":
        return Program(kind, tuple(random_.sample(colours, random_.randint(2, min(max_terms, len(colours))))))
    if (kind == "tallest" and values[-1] == values[-2]) or (kind == "shortest" and values[0] == values[1]):
        return None
    return Program(kind, colours, random_.randint(1, max(1, values[-1] - 1)) if kind == "count" else 0)


def question_text(program: Program) -> str:
    *first, last = program.colours
    named = f"{', '.join(first)} and {last}" if first else last
    texts = CHART_TEXTS if program.chart else TEXTS
    return texts[program.kind].format(*program.colours, list=named, threshold=program.threshold)


def parse_question(text: str, scene: Scene) -> Program | None:
    """The program behind a question's text; None where the text is not of this world."""
    everything, chart = tuple(bar.colour for bar in scene.bars), bool(scene.chart)
    for kind, template in (CHART_TEXTS if chart else TEXTS).items():
        name = LABEL if chart else NAME
        found = re.fullmatch(_pattern(template, name), text.strip())
        if found and kind in ("tallest", "shortest", "range", "count"):
            threshold = int(found.groupdict().get("threshold") or 0)
            return Program(kind, everything, threshold, chart)  # type: ignore[arg-type]
        if found:
            colours = tuple(re.findall(name, " ".join(found.groups()).replace(" and ", " ")))
            return Program(kind, colours, chart=chart) if set(colours) <= set(everything) else None  # type: ignore[arg-type]
    return None


def _pattern(template: str, name: str) -> str:
    slots = {
        r"\{0\}": f"({name})",
        r"\{1\}": f"({name})",
        r"\{list\}": "([A-Za-z, ]+)" if name == LABEL else "([a-z, ]+)",
        r"\{threshold\}": r"(?P<threshold>\d+)",
    }
    pattern = re.escape(template)
    for slot, group in slots.items():
        pattern = pattern.replace(slot, group)
    return pattern


def update(program: Program, state: State, colour: str, value: int) -> State:
    """The running state after one more reading; `state` None is the start."""
    match program.kind:
        case "sum":
            return (state or 0) + value
        case "count":
            return (state or 0) + (value > program.threshold)
        case "tallest":
            return state if state and state[1] >= value else (colour, value)
        case "shortest":
            return state if state and state[1] <= value else (colour, value)
        case "range":
            return (max(state[0], value), min(state[1], value)) if state else (value, value)
    return (*(state or ()), value)


def state_text(program: Program, state: State) -> str:
    """The state as a path tells it; empty for the kinds that keep only their readings."""
    match program.kind:
        case "sum" | "count":
            return f"the {program.kind} is {state}"
        case "tallest" | "shortest":
            return f"the {program.word(program.kind)} is {state[0]} with {state[1]}"
        case "range":
            return f"the {program.word('tallest')} is {state[0]} and the {program.word('shortest')} {state[1]}"
    return ""


def parse_state(program: Program, text: str) -> State:
    """The state that a path tells; None where it tells none that can be read."""
    number = r"(\d{1,9})"  # longer is no value of this world, and may be too long for `int`
    if program.kind in ("sum", "count") and (found := re.fullmatch(f"the {program.kind} is {number}", text)):
        return int(found[1])
    if program.kind in ("tallest", "shortest"):
        found = re.fullmatch(f"the {program.word(program.kind)} is ({program.name_pattern}) with {number}", text)
        return (found[1], int(found[2])) if found else None
    high, low = program.word("tallest"), program.word("shortest")
    if program.kind == "range" and (found := re.fullmatch(f"the {high} is {number} and the {low} {number}", text)):
        return int(found[1]), int(found[2])
    return None


def conclude(program: Program, state: State) -> tuple[str, str]:
    """The last step's reasoning, and the answer."""
    match program.kind:
        case "compare":
            answer = "yes" if state[0] > state[1] else "no"
            sign = ">" if state[0] > state[1] else "=" if state[0] == state[1] else "<"
            return f"{state[0]} {sign} {state[1]}, so {answer}", answer
        case "difference" | "range":
            high, low = max(state), min(state)
            return f"{high} - {low} = {high - low}", str(high - low)
    answer = str(state[0]) if isinstance(state, tuple) else str(state)
    return f"the answer is {answer}", answer


def run(program: Program, readings: dict[str, int]) -> str:
    """The program's answer when the bars have the values in `readings`."""
    state: State = None
    for colour in program.colours:
        state = update(program, state, colour, readings[colour])
    return conclude(program, state)[1]
