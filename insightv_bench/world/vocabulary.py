"""The fixed wording of prompts, paths and questions, for a tokenizer that gives each piece one token.

A model of a million parameters should spend its tokens on what varies: colours, values, states.
"""

from __future__ import annotations

import re

from insightv_bench.chat import SLOT, load_prompt

from .lessons import LIST, LIST_ANY_ORDER
from .level import COLOURS
from .program import TEXTS

PROMPTS = ("direct", "reason", "summary")
PROTOCOL = (
    '{"summary": "read ',
    '{"summary": "conclude',
    '", "reasoning": "',
    '", "action": "continue"}\n',
    '", "action": "summary"}\n',
    '{"answer": "',
    '"}',
    '{"check": "',
    '", "verdict": "right", "answer": "',
    '", "verdict": "wrong", "answer": "',
    '{"verdict": "right", "answer": "',
    '{"verdict": "wrong", "answer": "',
)
MAX_SEVERAL = 9
VERDICTS = ('", "verdicts": [', '{"verdicts": [', '"right"', '"wrong"', '], "answer": "')
STATES = (
    " is ",
    ", so the sum is ",
    ", so the count is ",
    ", so the tallest is ",
    ", so the shortest is ",
    " and the shortest ",
    " with ",
    " not ",
    "the answer is ",
    " - ",
    " = ",
    " > ",
    " < ",
    ", so ",
    "yes",
    "no",
    ", ",
    " and ",
    "Read ",
)


def phrases() -> list[str]:
    """Every piece once, in a fixed order."""
    # Without the newlines around it: the end of a path's line would take the first.
    prompts = [piece.strip("\n") for name in PROMPTS for piece in SLOT.split(load_prompt(name).template)[::2]]
    # The colour and " is " in one token: the place that must say a value then knows by itself which bar to look at.
    readings = [f"{before}{colour} is " for before in ("", ", ") for colour in COLOURS]
    questions = [piece for text in TEXTS.values() for piece in re.split(r"\{\w+\}", text)]
    pieces = [*PROTOCOL, *readings, *STATES, LIST, LIST_ANY_ORDER, *prompts, *questions]
    return list(dict.fromkeys(piece for piece in pieces if len(piece) > 1))


def several_phrases() -> list[str]:
    """Those of rows that show several paths, each once, in a fixed order. No model from nothing has them from the
    first: its vocabulary, and with it its weights, would be another."""
    prompt = [piece.strip("\n") for piece in SLOT.split(load_prompt("more/summary_of_k").template)[::2]]
    numbers = [f"Path {number}:" for number in range(1, MAX_SEVERAL + 1)]
    return [*filter(None, prompt), *numbers, *VERDICTS]


def words(max_number: int = 99) -> list[str]:
    """Text to learn merges from: the colours and numbers that the phrases leave out."""
    return [*COLOURS, *(str(number) for number in range(max_number + 1))]
