"""JSON objects inside a model's text: found, read with the place of each value, and mended where slightly broken.

Linear in the text's length, and never raises on any `str`. It knows nothing of steps and answers (see `protocol`).
"""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import Any, NamedTuple

MAX_MENDED_CHARS = 16_000  # one object; a step of 1,024 tokens has about 5,000
MAX_MENDED_BRACKETS = 120  # the library takes cubic time in brackets outside strings; a step's LaTeX has fewer
MAX_MENDED_OBJECTS = 32  # a text with more of them broken is not "slightly" broken
MAX_OBJECTS = 10_000

_KEYS = "summary|reasoning|action|title|content|next_action|answer|verdict|check"
_OBJECT = rf"""\{{\s*(?:"[^"\n]{{0,64}}"|'[^'\n]{{0,64}}'|“[^”\n]{{0,64}}”|(?:{_KEYS}))\s*:"""
_START = re.compile(_OBJECT)
_LINE_START = re.compile(rf"^[ \t]*[\[,]?[ \t]*(?={_OBJECT})", re.MULTILINE)
# A mended object must end in a quoted value: `{"answer": 8` may have been going to say 80.
_ENDS_QUOTED = re.compile(r"""(?<!\\)["'”]\s*,?\s*\}?\s*$""")
_PUNCTUATION = str.maketrans("", "", "{}[]\"'“”‘’`\\,: \t\n\r\f\v")
_CONTROL = str.maketrans("\n\r\t\f\b", "     ")
# What `json_repair` raises on text that it cannot mend: the first two by design, the others by its own slips.
_LIBRARY_FAILS = (ValueError, RecursionError, AssertionError, LookupError, TypeError, AttributeError)
_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\n\r]*")


class Value(NamedTuple):
    """One value of an object."""

    value: Any
    start: int
    end: int
    """[start, end) of the characters it was read from; a string's, without its quotes."""
    raw: str
    """Those characters as written, escapes included."""


class JsonObject(NamedTuple):
    """One object as written."""

    values: dict[str, Value]
    start: int
    end: int
    """[start, end) of the object's characters in the text."""
    repaired: bool = False
    closed: bool = True
    """False: its last brace is missing."""
    repeats: bool = False
    """True: a key is written twice."""


class Objects(NamedTuple):
    """All objects of a text, in order."""

    found: tuple[JsonObject, ...]
    broken: bool
    """True: something that begins as an object cannot be read."""
    cut: bool
    """True: the last object stops in the middle, as a reply does that runs out of tokens."""


def objects_in(text: str) -> Objects:
    """Every object in `text` that begins with a key; other text is passed over.

    A line that begins an object ends the one before it, closed or not, so that one broken object costs only itself.
    """
    found: list[JsonObject] = []
    broken = cut = False
    num_mended = 0
    line_starts = [match.start() for match in _LINE_START.finditer(text)] if "{" in text else []
    for start, end in pairwise(sorted({0, *line_starts, len(text)})):
        objects, rest = _strict_objects(text[start:end], start)
        found += objects
        if rest is not None:
            num_mended += 1
            mended = _mend(text[rest:end], rest) if num_mended <= MAX_MENDED_OBJECTS else None
            stopped = mended is None and end == len(text) and _is_cut(text[rest:])
            found += [mended] if mended else []
            broken, cut = broken or (mended is None and not stopped), stopped
        if len(found) > MAX_OBJECTS or num_mended > MAX_MENDED_OBJECTS:
            return Objects(tuple(found), True, False)
    return Objects(tuple(found), broken, cut)


def _strict_objects(chunk: str, offset: int) -> tuple[list[JsonObject], int | None]:
    """The valid objects at the head of `chunk`, and where the first broken one begins (in the whole text)."""
    found: list[JsonObject] = []
    at = 0
    while len(found) <= MAX_OBJECTS and (match := _START.search(chunk, at)):
        start = match.start()
        try:
            pairs, at = _pairs(chunk, start, offset)
        except (ValueError, RecursionError):
            return found, offset + start
        values = dict(pairs)
        found.append(JsonObject(values, offset + start, offset + at, repeats=len(values) < len(pairs)))
    return found, None


def _pairs(chunk: str, at: int, offset: int) -> tuple[list[tuple[str, Value]], int]:
    """The keys and values of the valid object at `at`, and its end; `ValueError` where it is not valid JSON."""
    pairs: list[tuple[str, Value]] = []
    at = _skip(chunk, at + 1)
    while True:
        key, at = _DECODER.raw_decode(chunk, at)
        at = _skip(chunk, at)
        if not isinstance(key, str) or chunk[at : at + 1] != ":":
            raise ValueError("a key and a colon are expected")
        start = _skip(chunk, at + 1)
        value, end = _DECODER.raw_decode(chunk, start)
        quote = int(isinstance(value, str))
        start, stop = start + quote, end - quote
        pairs.append((key, Value(value, offset + start, offset + stop, chunk[start:stop])))
        at = _skip(chunk, end)
        if chunk[at : at + 1] == "}":
            return pairs, at + 1
        if chunk[at : at + 1] != ",":
            raise ValueError("a comma or a brace is expected")
        at = _skip(chunk, at + 1)


def _skip(chunk: str, at: int) -> int:
    match = _SPACE.match(chunk, at)
    return match.end() if match else at


def _is_cut(piece: str) -> bool:
    """Whether the piece stops inside a string or before its closing brace."""
    quotes = piece.count('"') - piece.count('\\"')
    return quotes % 2 == 1 or "}" not in piece


def _mend(piece: str, offset: int) -> JsonObject | None:
    """The broken object at the head of `piece`, mended by `json_repair`; None where that would lose or add a word."""
    closed = "}" in piece
    body = piece[: piece.rindex("}") + 1] if closed else piece.rstrip("` \t\r\n]")
    num_brackets = sum(body.count(bracket) for bracket in "{}[")
    if len(body) > MAX_MENDED_CHARS or num_brackets > MAX_MENDED_BRACKETS or not _ENDS_QUOTED.search(body[-64:]):
        return None
    fields = _repair(body)
    if not fields or not _same_words(body, fields):
        return None
    values: dict[str, Value] = {}
    for key, value in fields.items():
        start, end = _place(body, key, value)
        values[key] = Value(value, offset + start, offset + end, body[start:end])
    return JsonObject(values, offset, offset + len(body), repaired=True, closed=closed)


def _repair(body: str) -> dict[str, Any] | None:
    from json_repair import loads

    try:
        fields = json.loads(body + "}")  # cut before its brace: nothing else to mend, and escapes are read exactly
    except (ValueError, RecursionError):
        try:
            fields = loads(body, skip_json_loads=True)
        except _LIBRARY_FAILS:
            return None
    return fields if isinstance(fields, dict) else None


def _same_words(body: str, fields: dict[str, Any]) -> bool:
    """Whether the mended object says what was written: only punctuation of JSON may come, go or move."""
    flat = {key: value.translate(_CONTROL) if isinstance(value, str) else value for key, value in fields.items()}
    written = _words(body)
    spellings = (json.dumps(what, ensure_ascii=ascii_only) for what in (fields, flat) for ascii_only in (False, True))
    return any(_words(spelling) == written for spelling in spellings)


def _words(text: str) -> str:
    return text.translate(_PUNCTUATION).casefold()


def _place(body: str, key: str, value: Any) -> tuple[int, int]:
    """Where a mended value was written; an empty place where it cannot be told."""
    if isinstance(value, str):
        for match in re.finditer(rf"""["'“”]?{re.escape(key)}["'“”]?\s*:\s*["'“”]*""", body):
            for spelling in (value, json.dumps(value, ensure_ascii=False)[1:-1]):
                if body.startswith(spelling, match.end()):
                    return match.end(), match.end() + len(spelling)
    return 0, 0
