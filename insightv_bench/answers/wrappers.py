"""What of a reply is thought and what is said: to add a model's marks, add a row.

Thought is never an answer. Where a reply marks its answer (`<answer>`, a final channel), only what is marked is said.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from typing import Literal, NamedTuple

from insightv_bench.protocol import objects_in

Place = tuple[int, int]
MAX_MARKS = 200
"""The first and the last of them, in a text that is made of marks."""


class Wrapper(NamedTuple):
    """A pair of marks around thought or around the answer; patterns, matched without case."""

    kind: Literal["thought", "answer"]
    opening: str
    closing: str


def _tags(kind: Literal["thought", "answer"], *names: str) -> list[Wrapper]:
    return [Wrapper(kind, f"<{name}>", f"</{name}>") for name in names]


WRAPPERS = (
    # Tags: DeepSeek-R1, Qwen, GLM, MiMo, Insight-V, Vision-R1, VLM-R1, EXAONE, Reka, Keye, LLaVA-CoT, Seed-OSS ...
    *_tags("thought", "think", "thinking", "thought", "thoughts", "reasoning", "analysis", "reflection", "scratchpad"),
    *_tags("thought", "rationale", "reason", "caption", "cot", "seed:think", "inner_thought", "inner_monologue"),
    *_tags("thought", "tool_call", "observation"),
    Wrapper("thought", "<(?-i:SUMMARY)>", "</(?-i:SUMMARY)>"),  # LLaVA-CoT; `<summary>` is HTML
    *_tags(
        "answer", "answer", "conclusion", "response", "solution", "final_answer", "final", "output", "final_response"
    ),
    Wrapper("answer", r"<\|begin_of_box\|>", r"<\|end_of_box\|>"),  # GLM-4.1V, 4.5V
    # gpt-oss, with its special tokens and without (see `_BARE_CHANNEL`)
    Wrapper("thought", r"<\|channel\|>\s*(?:analysis|commentary)[^<]{0,40}<\|message\|>", r"<\|(?:end|call)\|>"),
    Wrapper("answer", r"<\|channel\|>\s*final[^<]{0,40}<\|message\|>", r"<\|(?:return|end)\|>"),
    Wrapper("thought", r"<\|channel>\s*thought", r"<channel\|>"),  # Gemma 4
    Wrapper("thought", "<unused94>thought", "<unused95>"),  # MedGemma
    Wrapper("thought", r"<\|begin_of_thought\|>", r"<\|end_of_thought\|>"),  # Sky-T1, OpenThinker
    Wrapper("answer", r"<\|begin_of_solution\|>", r"<\|end_of_solution\|>"),
    Wrapper("thought", r"<\|START_THINKING\|>", r"<\|END_THINKING\|>"),  # Cohere
    Wrapper("answer", r"<\|START_RESPONSE\|>", r"<\|END_RESPONSE\|>"),
    Wrapper("thought", r"<\|think_?(?:start|begin)?\|>", r"<\|/?think_?(?:end|/)\|>"),
    Wrapper("thought", r"\[THINK\]", r"\[/THINK\]"),  # Mistral
    Wrapper("answer", r"\[BEGIN FINAL RESPONSE\]", r"\[END FINAL RESPONSE\]"),  # Apriel
    Wrapper("thought", "◁think▷", "◁/think▷"),  # Kimi
)
_BARE_CHANNEL = re.compile(r"\s*(?:assistant)?(?:analysis|commentary)(?=[A-Z\"'])")
_NEVER = re.compile(r"(?!)")  # without its tokens, where the thought ends cannot be told from its text
_SECTIONS = re.compile(r"\s*#{1,4}\s*Image Description:")  # Mulberry
_LAST_SECTION = re.compile(r"#{1,4}\s*The final answer is", re.IGNORECASE)
_PLAIN_THOUGHT = re.compile(r"\s*Here is my (?:thought|thinking) process:", re.IGNORECASE)  # Granite
_PLAIN_REPLY = re.compile(r"Here is my response:", re.IGNORECASE)
UNMARKED = ((_BARE_CHANNEL, _NEVER), (_SECTIONS, _LAST_SECTION), (_PLAIN_THOUGHT, _PLAIN_REPLY))
"""Replies that begin with the first are thought as far as the last of the second."""


class Speech(NamedTuple):
    """The part of a reply that is said."""

    places: tuple[Place, ...]
    marked: bool = False
    """Whether marks of an answer stand around it."""
    whole: bool = False
    """Whether those marks are closed."""


class _Mark(NamedTuple):
    wrapper: int
    opens: bool
    start: int
    end: int


def _compiled() -> re.Pattern[str]:
    """Every mark in one pattern, by its first character, so that other text is passed over quickly."""
    marks: dict[str, list[str]] = {}
    for number, wrapper in enumerate(WRAPPERS):
        for name, pattern in (("o", wrapper.opening), ("c", wrapper.closing)):
            first = pattern[:2] if pattern[0] == "\\" else pattern[0]
            marks.setdefault(first, []).append(f"(?P<{name}{number}>{pattern[len(first) :]})")
    return re.compile("|".join(f"{first}(?i:{'|'.join(rest)})" for first, rest in marks.items()))


_ANY = _compiled()


def speech(text: str, opened: bool = False) -> Speech:
    """What is said outside all thought, or inside the last marks of an answer.

    `opened`: the prompt ended in a thought's opening mark, so that all is thought until one is closed. A closing mark
    alone means the same.
    """
    start = 0 if opened else _after_unmarked(text)
    marks = _marks(text, start)
    if start == 0 and not marks:
        return Speech(()) if opened else Speech(((0, len(text)),) if text else ())
    places, start, thinking = _outside_thought(marks, start, opened)
    if thinking or start > len(text):
        return Speech(())
    places.append((start, len(text)))
    return _marked(text, marks, [place for place in places if place[0] < place[1]])


def _after_unmarked(text: str) -> int:
    """Where speech begins in a reply whose thought has no marks of its own; past the end where it never does."""
    for begins, ends in UNMARKED:
        if begins.match(text):
            last = deque(ends.finditer(text), maxlen=1)
            return (last[0].start() if begins is _SECTIONS else last[0].end()) if last else len(text) + 1
    return 0


def _outside_thought(marks: Sequence[_Mark], at: int, opened: bool) -> tuple[list[Place], int, bool]:
    """The places between thoughts, where the last of them begins, and whether a thought is still open."""
    places: list[Place] = []
    inside = -1 if opened else None
    for mark in marks:
        wrapper = WRAPPERS[mark.wrapper]
        if wrapper.kind == "answer":
            if mark.opens and inside is not None and "channel" in wrapper.opening:
                at, inside = mark.start, None  # the final channel ends any other
        elif mark.opens and inside is None:
            places.append((at, mark.start))
            inside = mark.wrapper
        elif not mark.opens and inside in (-1, mark.wrapper):
            at, inside = mark.end, None
        elif not mark.opens and inside is None and "end|call" not in wrapper.closing:
            places.clear()
            at = mark.end
    return places, at, inside is not None


def _marked(text: str, marks: Sequence[_Mark], places: Sequence[Place]) -> Speech:
    """The last closed marks of an answer, the innermost of them; an open one where it is the last thing said."""
    opening: dict[int, int] = {}
    found: Place | None = None
    for mark in marks:
        if WRAPPERS[mark.wrapper].kind == "thought" or not any(a <= mark.start < b for a, b in places):
            continue
        if mark.opens:
            opening[mark.wrapper] = mark.end
        elif mark.wrapper in opening and (begin := opening.pop(mark.wrapper)) <= mark.start:
            inner = found if found and begin <= found[0] and text[slice(*found)].strip() else None
            found = inner or (begin, mark.start)
    if opening and places:
        begin, end = max(opening.values()), places[-1][1]
        if (found is None or begin > found[1]) and text[begin:end].strip():
            return Speech(((begin, end),), marked=True)
    return Speech((found,), marked=True, whole=True) if found else Speech(tuple(places))


def _marks(text: str, start: int) -> Sequence[_Mark]:
    """The marks from `start` on that do not stand inside a JSON object's text."""
    matches = list(_ANY.finditer(text, min(start, len(text))))
    if len(matches) > MAX_MARKS:
        matches[MAX_MARKS // 2 : -MAX_MARKS // 2] = []
    marks = [
        _Mark(int(match.lastgroup[1:]), match.lastgroup[0] == "o", match.start(), match.end())
        for match in matches
        if match.lastgroup
    ]
    if not marks or "{" not in text:
        return marks
    objects = [(each.start, each.end) for each in objects_in(text).found]
    return [mark for mark in marks if not any(begin < mark.start < stop for begin, stop in objects)]
