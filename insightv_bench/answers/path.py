"""A path read with its question: what `protocol` takes apart, and the answer at its end as any reply's is read."""

from __future__ import annotations

import re
from collections.abc import Sequence

from insightv_bench.protocol import End, ParsedPath, parse_path
from insightv_bench.records import AnswerType

from .extract import Reading, read
from .languages import NEXT_TURN

DECLARED = ("declared", "boxed", "option", "bare", "protocol")
"""Readings of a text that says which its answer is."""
OTHER_TYPES: dict[AnswerType, tuple[AnswerType, ...]] = {"option": ("number", "text")}
"""As what an end is read that is none of the options, or nothing of its type (else as text): a path, and wrong."""
_CONCLUDES = re.compile(r"\b(?:therefore|thus|hence|so)\b|所以|因此", re.IGNORECASE)
CONCLUSION_CHARS = 300
_NEXT_TURN = re.compile(NEXT_TURN.pattern + r"|\n\s*hint\s*:", re.IGNORECASE)


def read_path(
    text: str,
    answer_type: AnswerType,
    options: Sequence[str] = (),
    *,
    reasoning: str = "",
    finish: str = "",
    opened: bool = False,
) -> ParsedPath:
    """The path in a reply in any dialect. `reasoning`: what a server sent apart; `finish`, `opened`: as of `read`."""

    def read_end(text: str) -> End | None:
        reading = read(text, answer_type, options, finish=finish, opened=opened)
        if reading.answer is None:
            others = (
                read(text, other, finish=finish, opened=opened) for other in OTHER_TYPES.get(answer_type, ("text",))
            )
            reading = next((other for other in others if _is_end(text, other)), reading)
        if reading.answer is None or reading.span is None:
            return None
        turn = _NEXT_TURN.search(text, reading.span[1])
        return End(reading.answer, reading.span, _is_declared(reading), turn.start() if turn else len(text))

    return parse_path(text, reasoning, opened, finish=finish, read_end=read_end)


def _is_end(text: str, reading: Reading) -> bool:
    """Whether a reading of another type is what the text ends in: declared, or concluded in its last words."""
    if reading.answer is None or reading.span is None:
        return False
    concluded = reading.span[1] > len(text) - CONCLUSION_CHARS and _CONCLUDES.search(text[-CONCLUSION_CHARS:])
    return _is_declared(reading) or bool(concluded)


def _is_declared(reading: Reading) -> bool:
    return reading.answer is not None and reading.method in DECLARED
