"""Controls for the flawed paths: what a changed text does that plants no flaw.

    paraphrased   the same steps, values and answer in other words; by rule for the drawn world, by a model for any text
    irrelevant    as many steps and words, about nothing; no answer
    shuffled      the path of another question of the same kind

Each is a transform of a path's text, given a source of chance; nothing here asks a model or writes a row.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from insightv_bench.protocol import parse_path, render_path
from insightv_bench.records import Step
from insightv_bench.world import READ

from .text_path import split_prose

NOTHING = (
    "People have kept records of the weather for a long time.",
    "A good walk begins with comfortable shoes.",
    "Many gardens have a bench near the gate.",
    "Letters used to travel by ship and took weeks.",
    "Bread tastes best on the day it is baked.",
    "Some libraries lend tools as well as books.",
    "The sound of rain helps many people to sleep.",
    "Old maps often show rivers that have moved since.",
    "Most bridges are painted again every few years.",
    "A choir sings in tune when its members listen.",
)
"""Sentences about nothing that a question here asks: no number, colour, shape or comparison."""
READINGS = (
    "the bar in {colour} stands at {value}",
    "{value} is the value of {colour}",
    "for {colour} one reads {value}",
)
STATES = (", which makes it that {state}", "; with it {state}", ", and now {state}")
CONCLUSIONS = ("all in all, {conclusion}", "from these readings: {conclusion}", "this gives: {conclusion}")
SUMMARIES = {"read": "look at", "conclude": "sum up"}
VALUE = re.compile(r"-?\d+(?:[.,]\d+)*")


class Shown(NamedTuple):
    """A question's path, as far as `shuffled` needs it."""

    question_id: str
    kind: str
    path: str


def paraphrased(text: str, random_: random.Random) -> str | None:
    """A path of the drawn world in other words, the same values in the same order; None for any other path."""
    parsed = parse_path(text)
    if not parsed.steps:
        return None
    steps = [_reworded(step, random_) for step in parsed.steps]
    return None if None in steps else render_path([step for step in steps if step], parsed.answer)


def _reworded(step: Step, random_: random.Random) -> Step | None:
    verb, _, rest = step.summary.partition(" ")
    summary = " ".join(filter(None, (SUMMARIES.get(verb, verb), rest)))
    if step.action == "summary":
        reasoning = random_.choice(CONCLUSIONS).format(conclusion=step.reasoning)
        return step.model_copy(update={"summary": summary, "reasoning": reasoning})
    match = re.fullmatch(READ.format(name=re.escape(rest)), step.reasoning)
    if not match:
        return None
    state = random_.choice(STATES).format(state=match[3]) if match[3] else ""
    reasoning = random_.choice(READINGS).format(colour=match[1], value=match[2]) + state
    return step.model_copy(update={"summary": summary, "reasoning": reasoning})


def keeps_content(before: str, after: str) -> str:
    """Why `after` is no paraphrase of the path `before`; empty where it may be one: as many steps, the same numbers and
    the same answer, in other words."""
    old, new = parse_path(before), parse_path(after)
    if new.status != old.status or new.answer != old.answer:
        return "the answer must stay as it is"
    if len(new.steps) != len(old.steps):
        return f"there must be {len(old.steps)} steps, and there are {len(new.steps)}"
    for place, (one, other) in enumerate(zip(old.steps, new.steps, strict=True)):
        if sorted(VALUE.findall(one.reasoning)) != sorted(VALUE.findall(other.reasoning)):
            return f"step {place} must hold the same numbers as before"
    same = [one.reasoning == other.reasoning for one, other in zip(old.steps, new.steps, strict=True)]
    return "every step must be put in other words" if any(same) else ""


def irrelevant(text: str, random_: random.Random) -> str:
    """Text about nothing, with as many steps and, within a sentence's end, as many words a step; it has no answer."""
    parsed = parse_path(text)
    if not parsed.steps:
        return "\n\n".join(nothing(len(piece.split()), random_) for piece in split_prose(text))
    steps = [
        Step(summary="think", reasoning=nothing(len(step.reasoning.split()), random_), action=step.action)
        for step in parsed.steps
    ]
    return render_path(steps, None)


def nothing(num_words: int, random_: random.Random) -> str:
    """Exactly so many words: whole sentences, the last one cut."""
    words: list[str] = []
    order: list[str] = []
    while len(words) < num_words:
        order = order or random_.sample(NOTHING, len(NOTHING))
        words += order.pop().split()
    return " ".join(words[: max(1, num_words)]).rstrip(".") + "."


def shuffled(rows: Iterable[Shown], random_: random.Random) -> dict[str, str]:
    """By question id: the path of another question of the same kind, each given away once. A kind with one question
    alone has none to give, so that question is left out."""
    kinds: dict[str, list[Shown]] = defaultdict(list)
    for row in {row.question_id: row for row in rows}.values():
        kinds[row.kind].append(row)
    given: dict[str, str] = {}
    for kind in sorted(kinds):
        group = sorted(kinds[kind])
        random_.shuffle(group)
        others = group[1:] + group[:1]  # a shuffled ring: nobody gets their own
        given |= {row.question_id: other.path for row, other in zip(group, others, strict=True) if row is not other}
    return given
