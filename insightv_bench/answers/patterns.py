"""Where in a reply an answer is declared: places of text, not yet read as an answer.

Every pattern looks a bounded number of characters ahead, so that finding is linear in the reply.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

MAX_DECLARATIONS = 64  # the last ones; the rest of a longer reply is not looked at
MAX_REGION_CHARS = 400
MAX_BOXED_CHARS = 2_000
MAX_FIRM_GAP_CHARS = 40
MAX_CLAUSE_CHARS = 160

_KIND = r"(?:multiple[- ]choice\s+)?(?:answer|option|choice|statement|solution|result|response|letter|match)s?"
_QUALITY = r"(?:final|correct|right|best|closest|most\s+\w+|likely|appropriate|suitable|nearest)"
_IS = r"(?:[是为]|\bis\b|\bare\b|\b(?:would|should|must|will)\s+be\b|\bbecomes\b|[:：])"
_MARK = re.compile(
    rf"""(?<![\w"'“</])(?:{_QUALITY}\s+{_KIND}|answers?(?:\s+(?:choice|option|letter))?|(?:choice|option)\s+that)\b
    (?P<gap>[^.\n:：=?"]{{0,80}}?)[\s*_]*{_IS}(?:[\s*_]*{_IS})*[ \t*_]*""",
    re.VERBOSE | re.IGNORECASE,
)
_HEADING = re.compile(r"^[#*_ \t]*(?:final\s+)?answer[*_: \t]*$|^####(?=[ \t])", re.MULTILINE | re.IGNORECASE)
_CHINESE = re.compile(r"答案\s*(?:是|为)?\s*[:：]?\s*")
_ALONE = re.compile(r"^[#*_ \t]*(?i:(?:final\s+)?answer)[ \t]+(?=[(\[*]*[A-Z][)\]*.]*[ \t]*$)", re.MULTILINE)
_TAG = re.compile(r"<(/?)answer>", re.IGNORECASE)
_BOXED = re.compile(r"\\f?boxed\s*\{")
_REVERSED = re.compile(
    r"\b(?P<letter>[A-Z])\b[)*_.\]}$]*\s+(?:is|would\s+be|must\s+be)\s+(?:therefore\s+|thus\s+|clearly\s+)?the\s+"
    rf"(?:{_QUALITY}\s+)?(?:answer|option|choice)\b"
)
_SENTENCE_END = re.compile(r"[.!?;](?=\s|$)|\n")
_BREAK = re.compile(r"[.!?;\n](?=\s|$)")
# A clause that reports what another said: the summary agent quoting the path, or a solver quoting a student.
_OTHER = r"(?:path|reasoning|agent|model|trace|chain|student|author|(?:given|provided|previous|original)\s+solution)"
_SAID = (
    r"(?:conclud\w+|claim\w*|stat(?:e[sd]?|ing)|sa(?:ys|id|ying)|g[ai]v(?:es?|ing)|f(?:ound|inds)|ch(?:ose|ooses)|"
    r"answer(?:s|ed)|g[oe]ts?|suggest\w*|thinks?|thought|believe[sd]?|assert\w*|argue[sd]?|arriv\w+|report\w*|"
    r"ends|ended|reach\w*)"
)
_REPORTED = re.compile(
    rf"\b{_OTHER}\b.*\b{_SAID}\b|\b(?:it|they|he|she)\s+(?:\w+\s+)?{_SAID}\s+(?:that\s+)?(?:the\s+)?$", re.IGNORECASE
)
_ACCORDING = re.compile(rf"\b(?:according\s+to|as\s+per)\b.*\b{_OTHER}\b", re.IGNORECASE)
_TURN = re.compile(r"\b(?:but|however|so|therefore|thus|hence|instead|actually)\b", re.IGNORECASE)
_POSSESSIVE = re.compile(rf"(?:\b{_OTHER}['’]s|\b(?:its|their|his|her))\s+(?:\w+\s+)?$", re.IGNORECASE)
_SUPPOSED = re.compile(
    r"\b(?:if|whether|unless|suppose|assume|assuming)\s+(?:that\s+)?(?:the\s+|my\s+)?$", re.IGNORECASE
)
_ANOTHERS = re.compile(rf"\b{_OTHER}\b", re.IGNORECASE)
_NEGATED = re.compile(
    r"\b(?:if|whether|unless|not|no|nor|neither|never|except|rather|instead|unlike|cannot|wrong|incorrect|false|"
    r"ruled\s+out)\b|n['’]t\b",
    re.IGNORECASE,
)
_DENIED = re.compile(r"[\s*_]*(?:not|n['’]t|never|neither)\b", re.IGNORECASE)


class Declared(NamedTuple):
    """A place where an answer is declared."""

    start: int
    end: int
    method: str
    firm: bool = False
    """True: it says "answer", so that where it cannot be read nothing before it may be read instead."""
    denied: bool = False
    """True: it says what the answer is not, or begins so: `The answer is not enough information`."""


def declarations(text: str, start: int, end: int, whole_line: bool) -> list[Declared]:
    """The last declared answers in [start, end), first to last; each place runs to its sentence's or line's end."""
    found = [
        *deque(_marked(text, start, end, whole_line), maxlen=MAX_DECLARATIONS),
        *deque(_boxed(text, start, end), maxlen=MAX_DECLARATIONS),
        *deque(_tagged(text, start, end), maxlen=MAX_DECLARATIONS),
    ]
    if whole_line:
        found += deque(_reversed(text, start, end), maxlen=MAX_DECLARATIONS)
    return sorted(found)


def is_quoted(text: str, start: int, at: int) -> bool:
    """Whether the clause up to `at` reports what another said, or only supposes it."""
    clause = _clause(text, start, at)
    reported = _REPORTED.search(clause) or _ACCORDING.search(clause)
    if reported and not _TURN.search(clause, reported.end()):
        return True
    return bool(_POSSESSIVE.search(clause) or _SUPPOSED.search(clause))


def sentence_end(text: str, start: int, end: int) -> int:
    """Where the sentence that begins at `start` ends."""
    stop = _SENTENCE_END.search(text, start, end)
    return stop.start() if stop else end


def is_stated(text: str, start: int, at: int, end: int) -> bool:
    """Whether a letter in passing is the writer's own and not denied: its sentence names no path and no negation."""
    sentence = _clause(text, start, at) + text[at : sentence_end(text, at, min(end, at + MAX_CLAUSE_CHARS))]
    return not (_ANOTHERS.search(sentence) or is_negated(sentence))


def is_negated(text: str) -> bool:
    """Whether anything in the text is denied or only supposed."""
    return bool(_NEGATED.search(text))


def _clause(text: str, start: int, at: int) -> str:
    """What stands before `at` in its sentence."""
    before = text[max(start, at - MAX_CLAUSE_CHARS) : at]
    breaks = [match.end() for match in _BREAK.finditer(before)]
    return before[breaks[-1] :] if breaks else before


def _marked(text: str, start: int, end: int, whole_line: bool) -> Iterator[Declared]:
    for pattern in (_MARK, _HEADING, _CHINESE, _ALONE):
        marks = deque(pattern.finditer(text, start, end), maxlen=MAX_DECLARATIONS)
        for mark in marks:
            gap = mark.groupdict().get("gap") or ""
            if _ANOTHERS.search(gap) or is_quoted(text, start, mark.start()):
                continue
            denied = bool(_DENIED.match(text, mark.end(), end))
            firm = not denied and "answer" in mark[0].casefold() and len(gap) <= MAX_FIRM_GAP_CHARS
            yield Declared(*_region(text, mark.end(), end, whole_line), "declared", firm, denied)


def _region(text: str, start: int, end: int, whole_line: bool) -> tuple[int, int]:
    """From a mark to the end of its sentence or line; the next line with text where this one has none."""
    end = min(end, start + MAX_REGION_CHARS)
    while start < end and text[start] in " \t\r\n*_":
        start += 1
    if not whole_line:
        return start, sentence_end(text, start, end)
    stop = text.find("\n", start, end)
    return start, stop if stop >= 0 else end


def _boxed(text: str, start: int, end: int) -> Iterator[Declared]:
    for mark in deque(_BOXED.finditer(text, start, end), maxlen=MAX_DECLARATIONS):
        close = _closing(text, mark.end(), min(end, mark.end() + MAX_BOXED_CHARS))
        if close is not None and not is_quoted(text, start, mark.start()):
            yield Declared(mark.end(), close, "boxed")


def _closing(text: str, start: int, end: int) -> int | None:
    depth = 1
    for at in range(start, end):
        depth += (text[at] == "{") - (text[at] == "}")
        if not depth:
            return at
    return None


def _tagged(text: str, start: int, end: int) -> Iterator[Declared]:
    opening = None
    for tag in _TAG.finditer(text, start, end):
        if tag[1] and opening is not None and tag.start() - opening <= MAX_BOXED_CHARS:
            yield Declared(opening, tag.start(), "declared", True)
        opening = None if tag[1] else tag.end()


def _reversed(text: str, start: int, end: int) -> Iterator[Declared]:
    for mark in _REVERSED.finditer(text, start, end):
        if not is_quoted(text, start, mark.start()):
            yield Declared(*mark.span("letter"), "declared")
