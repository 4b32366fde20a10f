"""What one JSON object of a reply means: a step, an answer, a verdict, or none of them; and the schemas of such
objects, for servers that hold a model to one.

Reading never raises and never fills in what is missing. How objects follow each other is the matter of `path`. A schema
says how a reply is spelt, never what it says; a reply of several lines (a whole path) has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, get_args

from insightv_bench.records import Step, Verdict

from .json_objects import JsonObject, Value

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


def is_step(obj: JsonObject) -> bool:
    """Whether an object means to be a step, readable or not: it has a step's key and is not an answer alone."""
    keys = obj.values.keys()
    return not keys.isdisjoint((*OURS, *OFFICIAL)) and (read_answer(obj) is None or "next_action" in keys)


def read_step(obj: JsonObject) -> Step | None:
    """The object as a step: all three keys of one spelling, each a string, and a known action."""
    keys = dialect_of(obj)
    texts = _strings(obj, keys)
    if texts is None or step_problem(obj):
        return None
    return new_step(texts[0], texts[1], _ACTIONS[keys][_plain(texts[2])])


def step_problem(obj: JsonObject) -> str:
    """Why the object is no step, in words for the model; empty where it is one."""
    keys = dialect_of(obj)
    missing = [key for key in keys if key not in obj.values]
    if obj.repeats:
        return "a key is written twice"
    if "answer" in obj.values or (read_answer(obj) and missing):
        return "the object holds an answer where a step was asked for"
    if missing:
        return f"the key {_listed(missing)} is missing"
    texts = _strings(obj, keys)
    if texts is None:
        return f"the values of {_listed(keys)} must all be strings"
    other = OFFICIAL if keys is OURS else OURS
    if all(key in obj.values for key in other):
        return "the object mixes two ways of spelling a step"
    if _plain(texts[2]) not in _ACTIONS[keys]:
        return f"`{keys[2]}` must be one of {_listed(_ACTIONS[keys])}"
    return "" if all(map(is_unicode, texts)) else "the text holds half a surrogate pair"


def new_step(summary: str, reasoning: str, action: Action) -> Step | None:
    """A step, unless its text cannot be stored."""
    whole = is_unicode(summary) and is_unicode(reasoning)
    return Step(summary=summary, reasoning=reasoning, action=action) if whole else None


def read_answer(obj: JsonObject, offset: int = 0) -> AnswerRead | None:
    """The object as an answer, or None; `offset` is added to its place.

    A number or `true` is read as the characters written, a flat list as its items joined by ", ".
    """
    key = _answer_key(obj)
    if key is None or obj.repeats:
        return None
    value = obj.values[key]
    text = _answer_text(value)
    # A mended value whose place cannot be told has an empty one.
    whole = text.strip() and value.end > value.start and is_unicode(text)
    return AnswerRead(text, (value.start + offset, value.end + offset)) if whole else None


def read_verdict(objects: Sequence[JsonObject]) -> tuple[Verdict, str]:
    """The one verdict among a reply's objects, `none` where unstated or contradictory, and what was read again."""
    judged = [each for each in objects if "verdict" in each.values and not each.repeats]
    verdicts = {_plain(each.values["verdict"].value) for each in judged}
    if verdicts not in ({"right"}, {"wrong"}):
        return "none", ""
    check = judged[-1].values["check"].value if "check" in judged[-1].values else ""
    return ("right" if "right" in verdicts else "wrong"), check if isinstance(check, str) else ""


def read_verdicts(objects: Sequence[JsonObject], num: int) -> tuple[Verdict, ...]:
    """One verdict for each of `num` paths, in order; all `none` where a reply does not state exactly so many, once."""
    none: list[Verdict] = ["none"] * num
    stated = [each for each in objects if "verdicts" in each.values and not each.repeats]
    value = stated[0].values["verdicts"].value if len(stated) == 1 else None
    read = [_plain(each) for each in value] if isinstance(value, list) else []
    if len(read) != num or not set(read) <= {"right", "wrong"}:
        return tuple(none)
    verdicts: list[Verdict] = ["right" if each == "right" else "wrong" for each in read]
    return tuple(verdicts)


def dialect_of(obj: JsonObject) -> tuple[str, ...]:
    """The keys of the spelling that the object uses."""
    return OFFICIAL if "title" in obj.values or "next_action" in obj.values else OURS


def is_unicode(text: str) -> bool:
    """False for half a surrogate pair, which can be neither hashed nor stored."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _answer_key(obj: JsonObject) -> str | None:
    """`answer`; or `content` of an object whose title is "Final answer", as the official code's last call replies.

    With `next_action` it may be a step too; then it is the answer where it is the last object.
    """
    values = obj.values
    if "answer" in values:
        return None if any(key in values for key in (*OURS, *OFFICIAL)) else "answer"
    if "content" not in values or "title" not in values or any(key in values for key in OURS):
        return None
    title = _plain(values["title"].value).strip("*#:.! ")
    last = "next_action" not in values or _plain(values["next_action"].value) == "final_answer"
    return "content" if title == "final answer" and last else None


def _answer_text(value: Value) -> str:
    if isinstance(value.value, str):
        return value.value
    if isinstance(value.value, bool | int | float):
        return value.raw
    flat = isinstance(value.value, list) and all(isinstance(item, str | int | float) for item in value.value)
    return ", ".join(str(item) for item in value.value) if flat else ""


def _strings(obj: JsonObject, keys: Sequence[str]) -> list[str] | None:
    values = [obj.values[key].value if key in obj.values else None for key in keys]
    texts = [value for value in values if isinstance(value, str)]
    return texts if len(texts) == len(keys) else None


def _plain(value: object) -> str:
    return value.strip().casefold() if isinstance(value, str) else ""


def _listed(words: Sequence[str] | dict[str, Action]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def closed_object(**properties: Any) -> dict[str, Any]:
    """An object with these keys and no others, all of them required, as strict servers want it."""
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


TEXT, WHOLE = {"type": "string"}, {"type": "integer"}
VERDICT = {"type": "string", "enum": [verdict for verdict in get_args(Verdict) if verdict != "none"]}
SCHEMAS: dict[str, dict[str, Any]] = {
    "step": closed_object(summary=TEXT, reasoning=TEXT, action={"type": "string", "enum": list(get_args(Action))}),
    "answer": closed_object(answer=TEXT),
    "verdict": closed_object(check=TEXT, verdict=VERDICT, answer=TEXT),
    "verdicts": closed_object(check=TEXT, verdicts={"type": "array", "items": VERDICT}, answer=TEXT),
    "judge_answer": closed_object(verdict={"type": "string", "enum": ["right", "wrong"]}),
    "judge_score": closed_object(
        ratings={"type": "array", "items": closed_object(path=WHOLE, accuracy=WHOLE, detail=WHOLE)}
    ),
    "judge_steps": closed_object(first_wrong_step={"type": ["integer", "null"]}),
    "extract": closed_object(answer={"type": ["string", "null"]}),
}


def response_format(name: str) -> dict[str, Any]:
    """The `response_format` of a chat completion; `name` is one of `SCHEMAS`."""
    return {"type": "json_schema", "json_schema": {"name": name, "strict": True, "schema": SCHEMAS[name]}}
