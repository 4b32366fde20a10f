"""What one JSON object of a path means: a step, an answer, a verdict, or none of them.

It never raises and never fills in what is missing. How objects follow each other is the matter of `protocol`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from insightv_bench.records import Step

from .json_objects import Found, Value

Verdict = Literal["right", "wrong", "none"]
Span = tuple[int, int]
Action = Literal["continue", "summary"]

OURS = ("summary", "reasoning", "action")
OFFICIAL = ("title", "content", "next_action")
_ACTIONS: dict[tuple[str, ...], dict[str, Action]] = {
    OURS: {"continue": "continue", "summary": "summary"},
    OFFICIAL: {"continue": "continue", "final_answer": "summary"},
}


class AnswerRead(NamedTuple):
    """An answer with its place."""

    text: str
    span: Span


def is_step(found: Found) -> bool:
    """Whether an object means to be a step, readable or not: it has a step's key and is not an answer alone."""
    keys = found.values.keys()
    return not keys.isdisjoint((*OURS, *OFFICIAL)) and (read_answer(found) is None or "next_action" in keys)


def read_step(found: Found) -> Step | None:
    """The object as a step: all three keys of one spelling, each a string, and a known action."""
    keys = dialect_of(found)
    said = _strings(found, keys)
    if said is None or step_problem(found):
        return None
    return new_step(said[0], said[1], _ACTIONS[keys][_plain(said[2])])


def step_problem(found: Found) -> str:
    """Why the object is no step, in words for the model; empty where it is one."""
    keys = dialect_of(found)
    missing = [key for key in keys if key not in found.values]
    if found.repeats:
        return "a key is written twice"
    if "answer" in found.values or (read_answer(found) and missing):
        return "the object holds an answer where a step was asked for"
    if missing:
        return f"the key {_listed(missing)} is missing"
    return _value_problem(found, keys)


def _value_problem(found: Found, keys: tuple[str, ...]) -> str:
    said = _strings(found, keys)
    if said is None:
        return f"the values of {_listed(keys)} must all be strings"
    other = OFFICIAL if keys is OURS else OURS
    if all(key in found.values for key in other):
        return "the object mixes two ways of spelling a step"
    if _plain(said[2]) not in _ACTIONS[keys]:
        return f"`{keys[2]}` must be one of {_listed(_ACTIONS[keys])}"
    return "" if all(map(is_unicode, said)) else "the text holds half a surrogate pair"


def new_step(summary: str, reasoning: str, action: Action) -> Step | None:
    """A step, unless its text cannot be stored."""
    whole = is_unicode(summary) and is_unicode(reasoning)
    return Step(summary=summary, reasoning=reasoning, action=action) if whole else None


def read_answer(found: Found, offset: int = 0) -> AnswerRead | None:
    """The object as an answer, or None; `offset` is added to its place.

    A number or `true` is read as the characters written, a flat list as its items joined by ", ".
    """
    key = _answer_key(found)
    if key is None or found.repeats:
        return None
    said = found.values[key]
    text = _answer_text(said)
    # A mended value whose place cannot be told has an empty one.
    whole = text.strip() and said.end > said.start and is_unicode(text)
    return AnswerRead(text, (said.start + offset, said.end + offset)) if whole else None


def read_verdict(found: Sequence[Found]) -> tuple[Verdict, str]:
    """The one verdict among a reply's objects, `none` where unstated or contradictory, and what was read again."""
    said = [each for each in found if "verdict" in each.values and not each.repeats]
    verdicts = {_plain(each.values["verdict"].value) for each in said}
    if verdicts not in ({"right"}, {"wrong"}):
        return "none", ""
    check = said[-1].values["check"].value if "check" in said[-1].values else ""
    return ("right" if "right" in verdicts else "wrong"), check if isinstance(check, str) else ""


def dialect_of(found: Found) -> tuple[str, ...]:
    """The keys of the spelling that the object uses."""
    return OFFICIAL if "title" in found.values or "next_action" in found.values else OURS


def is_unicode(text: str) -> bool:
    """False for half a surrogate pair, which can be neither hashed nor stored."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _answer_key(found: Found) -> str | None:
    """`answer`; or `content` of an object whose title is "Final answer", as the official code's last call replies.

    With `next_action` it may be a step too; then it is the answer where it is the last object.
    """
    values = found.values
    if "answer" in values:
        return None if any(key in values for key in (*OURS, *OFFICIAL)) else "answer"
    if "content" not in values or "title" not in values or any(key in values for key in OURS):
        return None
    title = _plain(values["title"].value).strip("*#:.! ")
    last = "next_action" not in values or _plain(values["next_action"].value) == "final_answer"
    return "content" if title == "final answer" and last else None


def _answer_text(said: Value) -> str:
    if isinstance(said.value, str):
        return said.value
    if isinstance(said.value, bool | int | float):
        return said.raw
    flat = isinstance(said.value, list) and all(isinstance(item, str | int | float) for item in said.value)
    return ", ".join(str(item) for item in said.value) if flat else ""


def _strings(found: Found, keys: Sequence[str]) -> list[str] | None:
    values = [found.values[key].value if key in found.values else None for key in keys]
    texts = [value for value in values if isinstance(value, str)]
    return texts if len(texts) == len(keys) else None


def _plain(value: object) -> str:
    return value.strip().casefold() if isinstance(value, str) else ""


def _listed(words: Sequence[str] | dict[str, Action]) -> str:
    return ", ".join(f"`{word}`" for word in words)
