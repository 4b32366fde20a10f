"""The ways in which models lay out a path: one row each. To add one that has marks or headings of its own, add its row.

A path in JSON is told by its objects (`json_objects`), one between marks of thought by those (`wrappers`), one in
sections by the table here; what is left is prose, cut as `prose` says.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from .steps import Span

Role = Literal["step", "steps", "answer"]
"""Of a section: one step, text that is cut into steps, or the answer."""
MAX_SECTIONS = 10_000
MAX_CHARS_BEFORE = 400
"""Before the first section; after more than that, the sections are part of something else."""


class Sections(NamedTuple):
    """Marks or headings that a path's sections begin with; patterns, whose `title` names the section."""

    opening: str
    closing: str = ""
    """Where a section ends; empty: where the next begins."""
    steps: str = ""
    """Titles whose text is cut into steps; every other section is one."""
    answer: str = ""
    """Titles of the answer."""
    least: int = 2
    """Sections of different titles without which it is another dialect."""
    sign: str = ""
    """Titles of which one must be there; empty: any."""


class Dialect(NamedTuple):
    """One way of laying out a path."""

    name: str
    sentence: str
    is_words: bool = False
    """Whether a path is shown and kept in its own words; else it is written anew as JSON steps."""
    sections: Sections | None = None


_BLOCKS = "SUMMARY|CAPTION|REASONING|DESCRIPTION|IMAGE_DESCRIPTION|PERCEPTION|OBSERVATION|PLAN|INFO|THINK|RATIONALE"
_ENDS = "CONCLUSION|ANSWER|FINAL_ANSWER"
DIALECTS = (
    Dialect("json", 'steps as `{"summary", "reasoning", "action"}`, then `{"answer"}`'),
    Dialect("official", "Insight-V's JSON: `title`, `content`, `next_action`"),
    Dialect("thoughts", "lines `Title: content` between `<thoughts>` and `</thoughts>`, then the answer"),
    Dialect("think", "`<think>` ... `</think>`, or what a server sends apart as its reasoning, then the answer"),
    Dialect("tags", "any other marks of thought (`wrappers`): `[THINK]`, Kimi's, Cohere's ..., then the answer"),
    Dialect("channels", "an analysis channel, then a final one (gpt-oss, Gemma 4)"),
    Dialect(
        "sections",
        "LLaVA-CoT's `<SUMMARY> <CAPTION> <REASONING> <CONCLUSION>` and kin: two sections or more, and the answer's",
        is_words=True,
        sections=Sections(
            # Lower case too (Vision-SR1, Visionary-R1), but for `<summary>`, which is HTML.
            opening=rf"<(?P<title>(?-i:SUMMARY)|(?!summary){_BLOCKS}|STEP[ _]?\d{{0,3}}|{_ENDS})>",
            closing=r"</(?:[A-Z_ ]{3,20}\d{0,3})>",
            steps="REASONING|THINK|RATIONALE",
            answer=_ENDS,
        ),
    ),
    Dialect(
        "rationale",
        "Mulberry's headings: `### Image Description:`, `### Rationales:`, `### Step N:`, `### The final answer is:`",
        is_words=True,
        sections=Sections(
            opening=r"^#{1,4}[ \t]*(?P<title>Image Description|Rationales?|Let's think step by step|Step \d{1,3}"
            r"|The final answer is|Reflection)\b[ \t]*[:.]?",
            steps="Rationales?",
            answer="The final answer is",
            sign="Image Description|Rationales?",
        ),
    ),
    Dialect(
        "prose", "numbered steps, headings, paragraphs, lines or sentences; the answer as `answers` reads it", True
    ),
)
BY_NAME = {dialect.name: dialect for dialect in DIALECTS}


class Section(NamedTuple):
    """One section as found."""

    title: str
    role: Role
    place: Span
    """[start, end) of its text, without marks."""


class Sectioned(NamedTuple):
    """A text laid out in sections."""

    dialect: Dialect
    sections: tuple[Section, ...]
    """Those that say something, in order."""
    closed: bool
    """Whether its answer's section is there and ended."""


def sections_in(text: str, start: int = 0) -> Sectioned | None:
    """The sections of `text` from `start` on, by the first dialect that has them; None where none has."""
    for dialect in DIALECTS:
        if dialect.sections and (found := _sections(text, start, dialect.sections)):
            return Sectioned(dialect, *found)
    return None


def _sections(text: str, start: int, sections: Sections) -> tuple[tuple[Section, ...], bool] | None:
    opening, closing = _pattern(sections.opening), _pattern(sections.closing) if sections.closing else None
    marks = list(opening.finditer(text, start))[: MAX_SECTIONS + 1]
    titles = {mark["title"].casefold() for mark in marks if _role(mark["title"], sections) != "answer"}
    known = not sections.sign or any(re.fullmatch(sections.sign, title, re.IGNORECASE) for title in titles)
    if len(titles) < sections.least or not known or len(marks) > MAX_SECTIONS:
        return None
    if marks[0].start() - start > MAX_CHARS_BEFORE:
        return None
    found: list[Section] = []
    closed = False
    for mark, following in zip(marks, [*marks[1:], None], strict=True):
        begin, stop = mark.end(), following.start() if following else len(text)
        end = closing.search(text, begin, stop) if closing else None
        role = _role(mark["title"], sections)
        closed |= role == "answer" and (end is not None or closing is None)
        place = (begin, end.start() if end else stop)
        if text[slice(*place)].strip():
            found.append(Section(mark["title"], role, place))
    return tuple(found), closed


def _role(title: str, sections: Sections) -> Role:
    if sections.answer and re.fullmatch(sections.answer, title, re.IGNORECASE):
        return "answer"
    return "steps" if sections.steps and re.fullmatch(sections.steps, title, re.IGNORECASE) else "step"


def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE | re.MULTILINE)
