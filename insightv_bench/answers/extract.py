"""Read the answer in a reply, with the characters it came from, or say that none can be read.

The order: our protocol's JSON, then a declared answer (the last one), then for options a letter or an option's text,
then a reply that is nothing but the answer. What is thought aloud (`<think>`) is never read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from insightv_bench.protocol import AnswerRead, is_step, objects_in, read_answer, rest_of
from insightv_bench.records import AnswerType

from .by_type import READERS, Piece, only_bracketed, own_text, said_in_words, spelt_letter, whole_option, yes_no_piece
from .normalize import Place, number_value, trimmed, unswallowed, unwrapped, valid_letters
from .patterns import Declared, declarations

MAX_LOOKED_CHARS = 100_000  # at the end of a reply, where anything but our protocol's answer is looked for
MAX_BARE_CHARS = 120
MAX_BARE_WORDS = 6

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


UNREAD = Reading(None, None, "unread", False)


def read(response: str, answer_type: AnswerType, options: Sequence[str] = ()) -> Reading:
    """The answer in `response`, read as its type; `UNREAD` where a reading would be a guess."""
    start = rest_of(response) if "<" in response else 0
    if "{" in response and (spoken := _protocol(response, start)) is not None:
        return _of_protocol(response, spoken, answer_type, options) if spoken else UNREAD
    start = max(start, len(response) - MAX_LOOKED_CHARS)
    places = declarations(response, start, len(response), answer_type == "option")
    declared = _last_declared(response, places, answer_type, options)
    if declared:
        return declared
    if answer_type == "option":
        after = max((place.end for place in places), default=start)
        return _reading(_lone_option(response, after, options, any(place.firm for place in places)), "option")
    return UNREAD if places else _reading(_bare(response, start, answer_type), "bare")


def _reading(piece: Piece | None, method: str) -> Reading:
    return Reading(piece.answer, (piece.start, piece.end), method, piece.sure) if piece else UNREAD


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
    stated = unswallowed(said.text)
    plain = response[slice(*said.span)] == stated
    text, start = (response, said.span[0]) if plain else (stated, 0)
    piece = READERS[answer_type](text, start, start + len(stated), options)
    inner = read(stated, answer_type, options) if piece is None and "{" not in stated else UNREAD
    if inner.answer is not None and inner.span is not None:
        piece = Piece(inner.answer, start + inner.span[0], start + inner.span[1], inner.sure)
    if piece is None:
        return UNREAD
    # Characters written as escapes cannot be told apart, so that then the place is the whole answer's.
    return Reading(piece.answer, (piece.start, piece.end) if plain else said.span, "protocol", piece.sure)


def _last_declared(
    response: str, places: Sequence[Declared], answer_type: AnswerType, options: Sequence[str]
) -> Reading | None:
    for place in reversed(places):
        if not place.denied:
            piece = READERS[answer_type](response, place.start, place.end, options)
        else:  # an option may be spelt so: `not enough information`
            piece = whole_option(response, place.start, place.end, options) if answer_type == "option" else None
        if piece:
            return _reading(piece, place.method)
        if place.firm:
            return None
    return None


def _lone_option(text: str, start: int, options: Sequence[str], declared: bool) -> Piece | None:
    """An option where none is declared: the whole reply, the last line, one letter in brackets, an option's words."""
    begin, end = trimmed(text, start, len(text))
    last = text.rfind("\n", begin, end) + 1
    piece = _last_line(text, begin, last, end, options) if last else _one_line(text, begin, end, options)
    if piece or declared:  # what is declared and cannot be read is not replaced by a letter in passing
        return piece if piece and piece.answer else None
    return only_bracketed(text, begin, end, options) or said_in_words(text, begin, end, options)


def _one_line(text: str, start: int, end: int, options: Sequence[str]) -> Piece | None:
    """A reply of one line that is an option, or begins with a letter and punctuation."""
    piece = whole_option(text, start, end, options) or spelt_letter(text, start, end, options)
    return piece if piece and (piece.sure or not piece.answer) else None


def _last_line(text: str, start: int, last: int, end: int, options: Sequence[str]) -> Piece | None:
    """A last line that is a letter, or writes out one option where the line before does not: that would be a list."""
    inner = unwrapped(text, last, end)
    if inner[1] - inner[0] == 1 and text[inner[0]] in valid_letters(options):
        return Piece(text[inner[0]], *inner, False)
    piece = own_text(text, last, end, options)
    before = text[start:last].rstrip()
    listed = own_text(before, before.rfind("\n") + 1, len(before), options)
    return piece if piece and not listed else None


def _bare(text: str, start: int, answer_type: AnswerType) -> Piece | None:
    """A reply that is nothing but the answer."""
    begin, end = unwrapped(text, start, len(text), brackets=answer_type in ("number", "yes_no"))
    said = text[begin:end]
    if answer_type == "number":
        return Piece(said, begin, end, True) if number_value(said) is not None else None
    if answer_type == "yes_no":
        return yes_no_piece(text, begin, end, ())
    short = len(said) <= MAX_BARE_CHARS and "\n" not in said and len(said.split()) <= MAX_BARE_WORDS
    return Piece(said, begin, end, False) if short and any(char.isalnum() for char in said) else None
