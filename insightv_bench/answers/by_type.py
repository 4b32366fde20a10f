"""A declared piece of a reply read as an answer of each type, or None.

The piece is a place [start, end) of the reply. Where the reply declares one is the matter of `answer_patterns`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from insightv_bench.records import AnswerType

from .normalize import (
    LETTERS,
    Place,
    number_value,
    option_by_text,
    option_texts,
    plain_words,
    trimmed,
    unwrapped,
    valid_letters,
    yes_no,
)
from .patterns import is_negated, is_quoted, is_stated, sentence_end

MAX_SHORT_CHARS = 400  # a reply short enough for an option said in words to be the answer

_LED = re.compile(
    r"(?:(?:likely|probably|clearly|therefore|thus|approximately|about)\s+)?(?:(?:option|choice|letter)\s+)?",
    re.IGNORECASE,
)
_SPELT_LETTER = re.compile(
    r"(?:\\\w+\{|[\s*_$`\"'“(\[{]|\\\(|\\\[)*(?P<letter>[A-Z])(?P<after>[.):,\]}*:_$`\"'”]|\\\)|\s|$|[-–—])"
)
_ANOTHER_LETTER = re.compile(
    r"[)\].*}\s]*(?:,|and|or|&|/|\+)\s*(?:option\s+|both\s+)?[(\[*]*[A-Z](?![A-Za-z'’])|[)\]]\s*[(\[][A-Z][)\]]"
)
_REFUTED = re.compile(
    r"[)\]*.\s]*(?:is|are|was|seems?|looks|cannot|can't|isn['’]t)\s+(?:wrong|incorrect|false|not|be)\b"
)
_AFTER_LETTER = re.compile(r"(?:[)\]}*_.:,\s$]|\\[ ;:,)\]])*")
_WORD_AFTER = re.compile(r"\s+[A-Za-z]|['’]")
_BRACKETED = re.compile(r"(?<!\w)\(\**([A-Z])\**\)|\b[Oo]ption\s+(?:\\\(|\\text\{|[\s*$])*([A-Z])\b|(?<!\w)\[([A-Z])\]")
_NUMBER_IN = re.compile(
    r"(?<![\w.])[-−+]?(?:[$€£¥₹]\s*)?(?:\d{1,3}(?:[, ]\d{3})+(?!\d)|\d+)(?:\.\d+)?(?:\s*/\s*\d+)?(?![\w^])\s*%?"
)
_RESULT = re.compile(r"[=≈]|\bapproximately\b|\babout\b")
_NOT_AFTER = re.compile(r"\s*(?:[-+*/^=:]|or\b|and\b|to\b|[-–—]\s*\d)")
# `No two bars are equal` does not answer no.
_YES_NO = re.compile(r"[\W_]*(yes|no|true|false)(?=\W*$|\s*[.,!;:*\n–—-]|\s+(?:because|since|as)\b)", re.IGNORECASE)
_BOTH = re.compile(r"\W*(?:and|or|/)\s*(?:yes|no|true|false)\b", re.IGNORECASE)
_REASON = re.compile(r",?\s+(?:because|since)\b", re.IGNORECASE)


class Piece(NamedTuple):
    """An answer, where it stands, and whether a strong rule read it; the answer is empty where two are named."""

    answer: str
    start: int
    end: int
    sure: bool


def option_piece(text: str, start: int, end: int, options: Sequence[str]) -> Piece | None:
    """The one option that the piece names, by letter or by its text."""
    led = _LED.match(text, start, end)
    begin = led.end() if led else start
    piece = whole_option(text, begin, end, options) or spelt_letter(text, begin, end, options)
    if piece is None:
        end = sentence_end(text, start, end)
        return only_bracketed(text, start, end, options) or said_in_words(text, start, end, options)
    return piece if piece.answer else None


def whole_option(text: str, start: int, end: int, options: Sequence[str]) -> Piece | None:
    """A piece that is nothing but a letter, or nothing but one option's text."""
    inner = unwrapped(text, start, end)
    said = text[slice(*inner)]
    if len(said) == 1 and said.upper() in valid_letters(options):
        return Piece(said.upper(), *inner, True)
    letter = option_by_text(said, options)
    if not letter and inner != (outer := trimmed(text, start, end)):  # an option may be `(2.9, 3.6)`
        letter = option_by_text(text[slice(*outer)], options)
    return Piece(letter, *inner, True) if letter else None


def spelt_letter(text: str, start: int, end: int, options: Sequence[str]) -> Piece | None:
    """A letter with words after it: `C. blue`, `(C) blue`, `B because`."""
    match = _SPELT_LETTER.match(text, start, end)
    if not match or match["letter"] not in valid_letters(options):
        return None
    at = match.end("letter")
    if _ANOTHER_LETTER.match(text, at, end):
        return Piece("", at, at, False)
    if _REFUTED.match(text, at, end):  # `(A) is wrong`
        return None
    rest = text_after_letter(text, at, end)
    named = option_by_text(text[slice(*rest)], options)
    own = named == match["letter"]
    if named and not own:  # `B. red` where red is C
        return Piece("", at, at, False)
    # `A` and `I` are words too: `A triangle` names no option.
    if match["letter"] in "AI" and not own and _WORD_AFTER.match(text, at, end):
        return None
    return Piece(match["letter"], at - 1, at, own or rest[0] == rest[1] or not match["after"].isspace())


def own_text(text: str, start: int, end: int, options: Sequence[str]) -> Piece | None:
    """A letter and the text of its own option, and nothing else."""
    begin, stop = unwrapped(text, start, end)
    match = _SPELT_LETTER.match(text, begin, stop)
    if not match or match["after"].isspace():
        return None
    rest = text_after_letter(text, match.end("letter"), stop)
    own = option_by_text(text[slice(*rest)], options) == match["letter"]
    return Piece(match["letter"], *match.span("letter"), False) if own else None


def text_after_letter(text: str, at: int, end: int) -> Place:
    rest = _AFTER_LETTER.match(text, at, end)
    return unwrapped(text, rest.end() if rest else at, end)


def only_bracketed(text: str, start: int, end: int, options: Sequence[str]) -> Piece | None:
    """The one letter in brackets; those quoted, denied or in a sentence on the path left out."""
    piece: Piece | None = None
    for match in _BRACKETED.finditer(text, start, end):
        place = match.span(match.lastindex or 0)
        letter = text[slice(*place)]
        known = piece is not None and piece.answer == letter
        if known or letter not in valid_letters(options) or is_quoted(text, start, match.start()):
            continue
        if piece:
            return None
        if is_stated(text, start, place[0], end):
            piece = Piece(letter, *place, False)
    return piece


def said_in_words(text: str, start: int, end: int, options: Sequence[str]) -> Piece | None:
    """The one option whose words a short reply says and does not deny."""
    said = text[start:end]
    if len(said) > MAX_SHORT_CHARS or is_negated(said):
        return None
    places = [(letter, place) for letter, place in _places(said, options) if place]
    if len(places) != 1:
        return None
    letter, (begin, stop) = places[0]
    return Piece(letter, start + begin, start + stop, False)


def _places(said: str, options: Sequence[str]) -> list[tuple[str, Place | None]]:
    """Where each option's words are said, if they are; options with fewer than three letters are in too much else."""
    found: list[tuple[str, Place | None]] = []
    folded = said.casefold()
    for letter, option in zip(LETTERS, option_texts(options), strict=False):
        words = option.strip()
        if words.casefold() in folded and sum(char.isalpha() for char in plain_words(words)) >= 3:
            match = re.search(rf"(?<!\w){re.escape(words)}(?!\w)", said, re.IGNORECASE)
            found.append((letter, match.span() if match else None))
    return found


def number_piece(text: str, start: int, end: int, options: Sequence[str]) -> Piece | None:
    """The number that the piece states: what follows its last equals sign, all of it, or its only number."""
    results = [match.end() for match in _RESULT.finditer(text, start, end)]
    for begin in (*results[-1:], start):
        inner = unwrapped(text, begin, end)
        if number_value(text[slice(*inner)]) is not None:
            return Piece(text[slice(*inner)], *inner, True)
    numbers = list(_NUMBER_IN.finditer(text, start, end))
    if len(numbers) != 1 or _NOT_AFTER.match(text, numbers[0].end(), end):
        return None
    inner = trimmed(text, *numbers[0].span())
    return Piece(text[slice(*inner)], *inner, False) if number_value(text[slice(*inner)]) is not None else None


def yes_no_piece(text: str, start: int, end: int, options: Sequence[str]) -> Piece | None:
    """The yes or no that the piece begins with."""
    match = _YES_NO.match(text[start:end])
    if not match or _BOTH.match(text, start + match.end(1), end):
        return None
    at = start + match.end(1)
    alone = unwrapped(text, at, end)
    return Piece(yes_no(match[1]) or "", start + match.start(1), at, alone[0] == alone[1])


def text_piece(text: str, start: int, end: int, options: Sequence[str]) -> Piece | None:
    """The words of the piece, without a reason given after them."""
    reason = _REASON.search(text, start, end)
    inner = unwrapped(text, start, reason.start() if reason else end, brackets=False)
    said = text[slice(*inner)]
    return Piece(said, *inner, reason is None) if any(char.isalnum() for char in said) else None


READERS: dict[AnswerType, Callable[[str, int, int, Sequence[str]], Piece | None]] = {
    "option": option_piece,
    "number": number_piece,
    "yes_no": yes_no_piece,
    "text": text_piece,
    "list": text_piece,
    "expression": text_piece,
}
