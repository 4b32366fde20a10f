"""Read the answer in a reply, with the characters it came from, or say that none can be read.

The order: our protocol's JSON, then a declared answer (the last one), then for options a letter or an option's text,
then a reply that is nothing but the answer. What is thought aloud (`<think>`) is never read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from insightv_bench.answer_forms import (
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
from insightv_bench.answer_patterns import clause_before, declarations, is_quoted
from insightv_bench.protocol_blocks import rest_of
from insightv_bench.protocol_objects import objects_in
from insightv_bench.protocol_reading import AnswerRead, is_step, read_answer
from insightv_bench.records import AnswerType

MAX_SHORT_CHARS = 400  # a reply short enough for an option said in words to be the answer

_LED = re.compile(
    r"(?:(?:likely|probably|clearly|therefore|thus|approximately|about)\s+)?(?:(?:option|choice|letter)\s+)?"
)
_SPELT_LETTER = re.compile(
    r"(?:\\\w+\{|[\s*_$`\"'“(\[{]|\\\(|\\\[)*(?P<letter>[A-Z])(?P<after>[.):,\]}*:_$`\"'”]|\\\)|\s|$|[-–—])"
)
_ANOTHER_LETTER = re.compile(r"[)\].*}\s]*(?:,|and|or|&|/|\+)\s*(?:option\s+|both\s+)?[(\[*]*[A-Z](?![A-Za-z'’])")
_AFTER_LETTER = re.compile(r"(?:[)\]}*_.:,\s$]|\\[ ;:,)\]])*")
_WORD_AFTER = re.compile(r"\s+[A-Za-z]|['’]")
_BRACKETED = re.compile(r"\(\**([A-Z])\**\)|\b[Oo]ption\s+(?:\\\(|\\text\{|[\s*$])*([A-Z])\b|\[([A-Z])\]")
_NUMBER_IN = re.compile(
    r"(?<![\w.])[-−+]?(?:[$€£¥₹]\s*)?(?:\d{1,3}(?:[, ]\d{3})+(?!\d)|\d+)(?:\.\d+)?(?:\s*/\s*\d+)?\s*%?"
)
_RESULT = re.compile(r"[=≈]|\bapproximately\b|\babout\b")
_NOT_AFTER = re.compile(r"\s*(?:[-+*/^=]|or\b|and\b|to\b|[-–—]\s*\d)")
_FIRST_YES_NO = re.compile(
    r"[\W_]*(yes|no|true|false)\b(?!\s*(?:,\s*)?(?:and|or|/)\s*(?:yes|no|true|false)\b)", re.IGNORECASE
)
_NEGATED = re.compile(r"\b(?:not|no|nor|neither|never|except|rather|instead|unlike|cannot)\b|n['’]t\b", re.IGNORECASE)
_ANSWER_KEY = re.compile(r"""["'“]answer["'”]\s*:""")


class Reading(NamedTuple):
    """What a reply answers."""

    answer: str | None
    """For `option` the letter, for `yes_no` `yes` or `no`, else the characters as written; None: nothing readable."""
    span: Place | None
    """[start, end) of the characters it was read from."""
    method: str
    """`protocol`, `declared`, `boxed`, `option`, `bare`, `unread`."""
    sure: bool
    """False where a weaker rule read it."""


class _Piece(NamedTuple):
    answer: str
    start: int
    end: int
    sure: bool


_Reader = Callable[[str, int, int, Sequence[str]], _Piece | None]

UNREAD = Reading(None, None, "unread", False)


def read(response: str, answer_type: AnswerType, options: Sequence[str] = ()) -> Reading:
    """The answer in `response`, read as its type; `UNREAD` where a reading would be a guess."""
    start = rest_of(response) if "<" in response else 0
    if "{" in response and (spoken := _protocol(response, start)) is not None:
        return _of_protocol(response, spoken, answer_type, options) if spoken else UNREAD
    places = declarations(response, start, len(response), answer_type == "option")
    for place in reversed(places):
        piece = _READERS[answer_type](response, place.start, place.end, options)
        if piece:
            return _reading(piece, place.method)
        if place.firm:
            break
    after = max((place.end for place in places), default=start)
    if answer_type == "option":
        piece = _lone_option(response, after, options, declared=any(place.firm for place in places))
        return _reading(piece, "option") if piece else UNREAD
    piece = None if places else _bare(response, start, answer_type)
    return _reading(piece, "bare") if piece else UNREAD


def _reading(piece: _Piece, method: str) -> Reading:
    return Reading(piece.answer, (piece.start, piece.end), method, piece.sure)


def _protocol(response: str, start: int) -> AnswerRead | tuple[()] | None:
    """The answer of our protocol; () where the reply speaks it without one clear answer; None where it does not."""
    objects = objects_in(response[start:])
    answers = [answer for answer in (read_answer(found, start) for found in objects.found) if answer]
    if len({answer.text for answer in answers}) == 1:
        return answers[-1]
    spoken = answers or any(is_step(found) for found in objects.found) or _ANSWER_KEY.search(response, start)
    return () if spoken else None


def _of_protocol(response: str, said: AnswerRead, answer_type: AnswerType, options: Sequence[str]) -> Reading:
    """The stated answer read as its type; a sentence in it is read as a reply is."""
    start, end = said.span
    plain = response[start:end] == said.text
    text, offset = (response, start) if plain else (said.text, 0)
    stop = offset + len(said.text)
    piece = _READERS[answer_type](text, offset, stop, options)
    if piece is None:
        inner = read(said.text, answer_type, options) if "{" not in said.text else UNREAD
        if inner.answer is None or inner.span is None:
            return UNREAD
        piece = _Piece(inner.answer, offset + inner.span[0], offset + inner.span[1], inner.sure)
    place = (piece.start, piece.end) if plain else said.span
    return Reading(piece.answer, place, "protocol", piece.sure)


def _option(text: str, start: int, end: int, options: Sequence[str]) -> _Piece | None:
    """The one option that a declared piece names."""
    led = _LED.match(text, start, end)
    begin, stop = unwrapped(text, led.end() if led else start, end)
    said = text[begin:stop]
    if len(said) == 1 and said.upper() in valid_letters(options):
        return _Piece(said.upper(), begin, stop, True)
    letter = option_by_text(said, options)
    if letter:
        return _Piece(letter, begin, stop, True)
    piece = _spelt_letter(text, led.end() if led else start, end, options)
    if piece is None:
        return _only_bracketed(text, start, end, options)
    return piece if piece.answer else None


def _spelt_letter(text: str, start: int, end: int, options: Sequence[str]) -> _Piece | None:
    """A letter with words after it: `C. blue`, `(C) blue`, `B because ...`; one without an answer where two are named."""
    match = _SPELT_LETTER.match(text, start, end)
    if not match or match["letter"] not in valid_letters(options):
        return None
    at = match.end("letter")
    if _ANOTHER_LETTER.match(text, at, end):
        return _Piece("", at, at, False)
    rest = _AFTER_LETTER.match(text, at, end)
    begin, stop = unwrapped(text, rest.end() if rest else at, end)
    named = option_by_text(text[begin:stop], options)
    own = named == match["letter"]
    if named and not own:  # `B. red` where red is C
        return _Piece("", at, at, False)
    # `A` and `I` are words too: `A triangle` names no option.
    if match["letter"] in "AI" and not own and _WORD_AFTER.match(text, at, end):
        return None
    return _Piece(match["letter"], match.start("letter"), at, own or begin == stop or not match["after"].isspace())


def _only_bracketed(text: str, start: int, end: int, options: Sequence[str]) -> _Piece | None:
    """The one letter in brackets, quoted ones left out."""
    piece: _Piece | None = None
    for match in _BRACKETED.finditer(text, start, end):
        letter = match[match.lastindex or 0]
        if letter not in valid_letters(options) or is_quoted(text, start, match.start()):
            continue
        if piece and piece.answer != letter:
            return None
        if not _NEGATED.search(clause_before(text, start, match.start())):
            piece = _Piece(letter, *match.span(match.lastindex or 0), False)
    return piece


def _number(text: str, start: int, end: int, options: Sequence[str]) -> _Piece | None:
    """The number that a declared piece states: all of it, what follows its last equals sign, or its only number."""
    results = [match.end() for match in _RESULT.finditer(text, start, end)]
    for begin in (start, *results[-1:]):
        inner = unwrapped(text, begin, end)
        if number_value(text[slice(*inner)]) is not None:
            return _Piece(text[slice(*inner)], *inner, True)
    numbers = list(_NUMBER_IN.finditer(text, start, end))
    if len(numbers) != 1 or _NOT_AFTER.match(text, numbers[0].end(), end):
        return None
    inner = trimmed(text, *numbers[0].span())
    return _Piece(text[slice(*inner)], *inner, False)


def _yes_no(text: str, start: int, end: int, options: Sequence[str]) -> _Piece | None:
    match = _FIRST_YES_NO.match(text, start, end)
    if not match:
        return None
    alone = trimmed(text, match.end(1), end)
    return _Piece(yes_no(match[1]) or "", *match.span(1), alone[0] == alone[1])


def _text(text: str, start: int, end: int, options: Sequence[str]) -> _Piece | None:
    inner = unwrapped(text, start, end)
    said = text[slice(*inner)]
    return _Piece(said, *inner, True) if said and any(char.isalnum() for char in said) else None


_READERS: dict[AnswerType, _Reader] = {
    "option": _option,
    "number": _number,
    "yes_no": _yes_no,
    "text": _text,
    "list": _text,
    "expression": _text,
}


def _lone_option(text: str, start: int, options: Sequence[str], declared: bool) -> _Piece | None:
    """An option where none is declared: the whole reply, the last line, one letter in brackets, an option's words."""
    begin, end = trimmed(text, start, len(text))
    one_line = "\n" not in text[begin:end]
    if one_line and (piece := _letter_first(text, begin, end, options)):
        return piece
    last = text.rfind("\n", begin, end) + 1
    inner = unwrapped(text, max(begin, last), end)
    if inner[1] - inner[0] == 1 and text[inner[0]] in valid_letters(options):
        return _Piece(text[inner[0]], *inner, False)
    if (piece := _option_line(text, begin, max(begin, last), end, options)) is not None:
        return piece
    if declared:  # and could not be read: a letter in passing is not the answer instead
        return None
    return _only_bracketed(text, begin, end, options) or _said_in_words(text, begin, end, options)


def _letter_first(text: str, start: int, end: int, options: Sequence[str]) -> _Piece | None:
    """A reply of one line that begins with a letter and punctuation, or is an option."""
    inner = unwrapped(text, start, end)
    said = text[slice(*inner)]
    if len(said) == 1 and said.upper() in valid_letters(options):
        return _Piece(said.upper(), *inner, True)
    if letter := option_by_text(said, options):
        return _Piece(letter, *inner, True)
    piece = _spelt_letter(text, start, end, options)
    return piece if piece and piece.answer and piece.sure else None


def _option_line(text: str, start: int, last: int, end: int, options: Sequence[str]) -> _Piece | None:
    """A last line that writes out one option, `**C. blue**`, unless the line before it does so too: that is a list."""
    piece = _own_text(text, last, end, options)
    before = text[start:last].rstrip()
    listed = _own_text(before, before.rfind("\n") + 1, len(before), options)
    return piece if piece and not listed else None


def _own_text(text: str, start: int, end: int, options: Sequence[str]) -> _Piece | None:
    """A letter and the text of its own option, and nothing else."""
    begin, stop = unwrapped(text, start, end)
    match = _SPELT_LETTER.match(text, begin, stop)
    if not match or match["after"].isspace():
        return None
    rest = _AFTER_LETTER.match(text, match.end("letter"), stop)
    inner = unwrapped(text, rest.end() if rest else stop, stop)
    own = option_by_text(text[slice(*inner)], options) == match["letter"]
    return _Piece(match["letter"], *match.span("letter"), False) if own else None


def _said_in_words(text: str, start: int, end: int, options: Sequence[str]) -> _Piece | None:
    """The one option whose words a short reply says."""
    said = text[start:end]
    if len(said) > MAX_SHORT_CHARS or _NEGATED.search(said):
        return None
    places = {}
    folded = said.casefold()
    for letter, option in zip(LETTERS, option_texts(options), strict=False):
        if option.strip().casefold() in folded and sum(char.isalpha() for char in plain_words(option)) >= 3:
            match = re.search(rf"(?<!\w){re.escape(option.strip())}(?!\w)", said, re.IGNORECASE)
            if match:
                places[letter] = match.span()
    if len(places) != 1:
        return None
    letter, place = next(iter(places.items()))
    return _Piece(letter, start + place[0], start + place[1], False)


def _bare(text: str, start: int, answer_type: AnswerType) -> _Piece | None:
    """A reply that is nothing but the answer."""
    begin, end = unwrapped(text, start, len(text))
    said = text[begin:end]
    if answer_type == "number":
        return _Piece(said, begin, end, True) if number_value(said) is not None else None
    if answer_type == "yes_no":
        return _yes_no(text, begin, end, ())
    short = said and "\n" not in said and len(said.split()) <= 6 and len(said) <= 120
    return _Piece(said, begin, end, False) if short and any(char.isalnum() for char in said) else None
