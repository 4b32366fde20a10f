"""What of a reply is thought and what is said: to add a model's marks, add a row.

Thought is never an answer. Where a reply marks its answer (`<answer>`, a final channel), only what is marked is said.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from typing import Literal, NamedTuple

from .json_objects import objects_in

Place = tuple[int, int]
MAX_MARK_CHARS = 200
MAX_MARKS = 200
"""The first and the last of them, in a text that is made of marks."""


Kind = Literal["thought", "aside", "answer"]


class Wrapper(NamedTuple):
    """A pair of marks around thought, around what is neither thought nor answer, or around the answer."""

    kind: Kind
    opening: str
    """A pattern, matched without case, as the closing one is."""
    closing: str
    titled: bool = False
    """Whether the thought is written in lines `Title: content`."""
    alone: bool = True
    """Whether its closing mark alone ends a thought that began in the prompt; other uses of the mark forbid it."""
    to_the_end: bool = False
    """Whether it may stay open to the end of the reply: its closing mark is a token that servers strip."""
    dialect: str = "tags"
    """Of a path whose thought stands in it: a name of `DIALECTS`."""


def _tags(kind: Kind, *names: str) -> list[Wrapper]:
    return [Wrapper(kind, f"<{name}>", f"</{name}>") for name in names]


WRAPPERS = (
    # Tags: DeepSeek-R1, Qwen, GLM, MiMo, Insight-V, Vision-R1, VLM-R1, EXAONE, Reka, Keye, LLaVA-CoT, Seed-OSS ...
    Wrapper("thought", "<think>", "</think>", dialect="think"),
    *_tags("thought", "thinking", "thought", "reasoning", "analysis", "reflection", "scratchpad"),
    *_tags("thought", "rationale", "reason", "cot", "seed:think", "inner_thought", "inner_monologue"),
    Wrapper("thought", "<thoughts>", "</thoughts>", titled=True, dialect="thoughts"),
    *_tags("aside", "caption", "tool_call", "observation"),
    Wrapper("aside", "<(?-i:SUMMARY)>", "</(?-i:SUMMARY)>"),  # LLaVA-CoT, as its caption; `<summary>` is HTML
    *_tags(
        "answer", "answer", "conclusion", "response", "solution", "final_answer", "final", "output", "final_response"
    ),
    Wrapper("answer", r"<\|begin_of_box\|>", r"<\|end_of_box\|>"),  # GLM-4.1V, 4.5V
    # gpt-oss, with its special tokens and without (see `_BARE_CHANNEL`)
    Wrapper(
        "thought",
        r"<\|channel\|>\s*(?:analysis|commentary)[^<]{0,40}<\|message\|>",
        r"<\|(?:end|call)\|>",
        alone=False,
        dialect="channels",
    ),
    Wrapper(
        "answer",
        r"<\|channel\|>\s*final[^<]{0,40}<\|message\|>",
        r"<\|(?:return|end)\|>",
        to_the_end=True,
        dialect="channels",
    ),
    Wrapper("thought", r"<\|channel>\s*thought", r"<channel\|>", dialect="channels"),  # Gemma 4
    Wrapper("thought", "<unused94>thought", "<unused95>"),  # MedGemma
    Wrapper("thought", r"<\|begin_of_thought\|>", r"<\|end_of_thought\|>"),  # Sky-T1, OpenThinker
    Wrapper("answer", r"<\|begin_of_solution\|>", r"<\|end_of_solution\|>", to_the_end=True),
    Wrapper("thought", r"<\|START_THINKING\|>", r"<\|END_THINKING\|>"),  # Cohere
    Wrapper("answer", r"<\|START_RESPONSE\|>", r"<\|END_RESPONSE\|>", to_the_end=True),
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


class Mark(NamedTuple):
    """One mark where it stands."""

    wrapper: Wrapper
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
    marks = marks_in(text, start)
    if start == 0 and not marks:
        return Speech(()) if opened else Speech(((0, len(text)),) if text else ())
    places, start, thinking = _outside_thought(marks, start, opened)
    if thinking or start > len(text):
        return Speech(())
    places.append((start, len(text)))
    return _marked(text, marks, [place for place in places if place[0] < place[1]])


def cut_in(text: str, finish: str, opened: bool = False) -> Literal["", "thought", "answer"]:
    """Where a reply stopped that ended at its token cap: in its thought, or in what it said; empty: it did not."""
    if finish != "length":
        return ""
    said = any(text[start:end].strip() for start, end in speech(text, opened).places)
    return "answer" if said else "thought"


def _after_unmarked(text: str) -> int:
    """Where speech begins in a reply whose thought has no marks of its own; past the end where it never does."""
    for begins, ends in UNMARKED:
        if begins.match(text):
            last = deque(ends.finditer(text), maxlen=1)
            return (last[0].start() if begins is _SECTIONS else last[0].end()) if last else len(text) + 1
    return 0


def _outside_thought(marks: Sequence[Mark], at: int, opened: bool) -> tuple[list[Place], int, bool]:
    """The places between thoughts, where the last of them begins, and whether a thought is still open."""
    places: list[Place] = []
    inside: Wrapper | None = None
    for mark in marks:
        wrapper = mark.wrapper
        if wrapper.kind == "answer":
            if mark.opens and (inside or opened) and "channel" in wrapper.opening:
                at, inside, opened = mark.start, None, False  # the final channel ends any other
        elif mark.opens and not inside and not opened:
            places.append((at, mark.start))
            inside = wrapper
        elif not mark.opens and (opened or inside is wrapper):
            at, inside, opened = mark.end, None, False
        elif not mark.opens and not inside and wrapper.alone:
            places.clear()
            at = mark.end
    return places, at, bool(inside or opened)


def _marked(text: str, marks: Sequence[Mark], places: Sequence[Place]) -> Speech:
    """The last closed marks of an answer, the innermost of them; an open one where it is the last thing said."""
    opening: dict[Wrapper, int] = {}
    found: Place | None = None
    for mark in marks:
        if mark.wrapper.kind != "answer" or not any(a <= mark.start < b for a, b in places):
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


def opens_thought(prompt: str) -> bool:
    """Whether a rendered prompt ends in a thought's opening mark, so that the reply begins inside the thought."""
    tail = prompt[-MAX_MARK_CHARS:].rstrip()
    last = deque(_ANY.finditer(tail), maxlen=1)
    if not last or last[0].end() != len(tail) or not (name := last[0].lastgroup):
        return False
    return name[0] == "o" and WRAPPERS[int(name[1:])].kind == "thought"


def marks_in(text: str, start: int = 0) -> list[Mark]:
    """The marks from `start` on that do not stand inside a JSON object's text."""
    matches = list(_ANY.finditer(text, min(start, len(text))))
    if len(matches) > MAX_MARKS:
        matches[MAX_MARKS // 2 : -MAX_MARKS // 2] = []
    marks: list[Mark] = []
    for match in matches:
        name = match.lastgroup or ""
        mark = Mark(WRAPPERS[int(name[1:])], name[0] == "o", match.start(), match.end())
        if not mark.opens and not mark.wrapper.alone and marks and _closes(match[0], marks[-1]):
            mark = mark._replace(wrapper=marks[-1].wrapper)
        marks.append(mark)
    if not marks or "{" not in text:
        return marks
    objects = [(each.start, each.end) for each in objects_in(text).found]
    return [mark for mark in marks if not any(begin < mark.start < stop for begin, stop in objects)]


def _closes(text: str, mark: Mark) -> bool:
    """Whether a mark that closes several wrappers closes the one that is open."""
    return mark.opens and bool(re.fullmatch(mark.wrapper.closing, text, re.IGNORECASE))
