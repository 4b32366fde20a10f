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
OTHER_TYPES: tuple[AnswerType, ...] = ("number", "text")
"""As what the end of a path is read that answers with none of the options: a path, and wrong."""
_NEXT_TURN = re.compile(NEXT_TURN.pattern, re.IGNORECASE)


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
        if reading.answer is None and answer_type == "option":
            others = (read(text, other, finish=finish, opened=opened) for other in OTHER_TYPES)
            reading = next((other for other in others if _is_declared(other)), reading)
        if reading.answer is None or reading.span is None:
            return None
        turn = _NEXT_TURN.search(text, reading.span[1])
        return End(reading.answer, reading.span, _is_declared(reading), turn.start() if turn else len(text))

    return parse_path(text, reasoning, opened, finish=finish, read_end=read_end)


def _is_declared(reading: Reading) -> bool:
    return reading.answer is not None and reading.method in DECLARED
