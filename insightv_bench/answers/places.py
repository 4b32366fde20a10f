"""Places of a plain reply: a piece that says an answer, its edges, sentences, and what is denied or only supposed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from .languages import CLOSERS, ENGLISH, LANGUAGES
from .plain import Place

EDGES = " \t\r\n.,;:!。，、"
_PAIRS = {"(": ")", "[": "]", "{": "}", '"': '"', "'": "'", "$": "$"}
SENTENCE_END = re.compile(r"[.!?;](?=[\s\"')\]]|$)|[。！？；।؟\n]")
SHORT_REASON = re.compile(
    r"\s*(?:[,;(（，。]|[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af\u0900-\u0965]|[-–—]\s|\n|"
    rf"{'|'.join(each.because for each in LANGUAGES)})"
)
_SUPPOSED = re.compile(
    r"\W*(?:so,?\s+|therefore,?\s+|thus,?\s+)?(?:if|when|since|as|because|given\s+that|after|suppose|based\s+on)\b(?:[^,;.]|[.,](?=\d)){0,200},(?!\d)\s*(?:then\s+)?(?!(?:and|or)\b)"
)
_NEGATED = re.compile(
    "|".join(each.negated for each in LANGUAGES if each is not ENGLISH and not each.negated.isascii())
)
_NEGATED_ENGLISH = re.compile(ENGLISH.negated)


class Piece(NamedTuple):
    """An answer, where it stands in the plain text, and whether a strong rule read it; empty where two are named."""

    answer: str
    start: int
    end: int
    sure: bool


def trimmed(text: str, start: int, end: int) -> Place:
    """The place without blanks and punctuation at its edges."""
    while start < end and text[start] in EDGES and not (text[start] == "." and text[start + 1 : start + 2].isdigit()):
        start += 1
    while end > start and text[end - 1] in EDGES:
        if text[end - 1] == "!" and end - 2 >= start and (text[end - 2].isdigit() or text[end - 2] == ")"):
            break  # a factorial
        end -= 1
    return start, end


def unwrapped(text: str, start: int, end: int, brackets: bool = True) -> Place:
    """The place inside quotes, a box and, with `brackets`, brackets that stand around the whole piece."""
    for _ in range(6):
        start, end = trimmed(text, start, end)
        if text.startswith("\\boxed{", start) and end > start + 8 and text[end - 1] == "}":
            start, end = start + 7, end - 1
        elif end - start > 1 and _PAIRS.get(text[start]) == text[end - 1] and (brackets or text[start] not in "([{"):
            inside = text[start + 1 : end - 1]
            if not inside.strip() or text[end - 1] in inside or (text[start] in inside and text[start] in "([{"):
                break
            start, end = start + 1, end - 1
        else:
            break
    return start, end


def sentence_end(text: str, start: int, end: int) -> int:
    """Where the sentence that begins at `start` ends."""
    stop = SENTENCE_END.search(text, start, end)
    return stop.start() if stop else end


def sentences_from_end(text: str, start: int, end: int, most: int) -> Iterator[Place]:
    """The last sentences, the last one first; courtesy and blanks left out."""
    begin = max(start, end - 4_000)
    stops = [match.end() for match in SENTENCE_END.finditer(text, begin, end)]
    bounds = [begin, *stops, end]
    given = 0
    for first, last in zip(reversed(bounds[:-1]), reversed(bounds[1:]), strict=True):
        at, stop = trimmed(text, first, last)
        if at >= stop or not any(char.isalnum() for char in text[at:stop]):
            continue
        if last < end and text[at:stop].isdigit() and text[stop] == ".":
            continue  # `2.` of a list
        if CLOSERS.match(text[at:stop].lower()):
            continue
        yield first, last
        given += 1
        if given == most:
            return


def is_negated(low: str) -> bool:
    """Whether anything in the text is denied or only supposed."""
    return bool(_NEGATED_ENGLISH.search(low) or (not low.isascii() and _NEGATED.search(low)))


def main_clause(low: str, start: int, end: int) -> int:
    """Where a sentence begins that opens with what it only supposes: `If AB is 8, the length is 12`."""
    match = _SUPPOSED.match(low, start, end)
    if not match:
        return start
    return end if re.search(r"\b(?:answer|option|choice)\b", match[0]) else match.end()


def skip(low: str, at: int, end: int) -> int:
    while at < end and low[at] in " \t(\"'":
        at += 1
    return at
