"""Whether an answer is the gold answer, by answer type.

`same` compares two short answers; a sentence is read first (see `matches`). A number's unit, currency and
percent sign are not compared, so that `8 cm` is `8`: questions name the unit.
"""

from __future__ import annotations

import logging
import math
import re
import threading
from collections.abc import Sequence

from insightv_bench.errors import require
from insightv_bench.records import AnswerType, Question, QuestionColumns

from .extract import read
from .normalize import (
    MAX_CHARS,
    latex_key,
    number_value,
    option_by_text,
    plain_words,
    unswallowed,
    unwrapped,
    valid_letters,
    yes_no,
)

RELATIVE_TOLERANCE = 1e-6
MAX_EXPRESSION_CHARS = 400
TIMEOUT_S = 5

_YEAR = re.compile(r"[12]\d{3}")
_WHOLE = re.compile(r"[-+]?\d+")
_BETWEEN_ITEMS = re.compile(r"\s*;\s*|\s*,\s+(?:and\s+)?|,(?!\d{3}(?!\d))|\s+and\s+|\s*\n\s*")
_RANKING = re.compile(r"\s*(?:->|→|>|<|\\to\b)\s*")
_TOWER = re.compile(r"\^\s*\{?[^{}]*\^|\*\*.*\*\*|\^\s*\{?\s*\d{3,}|\d{40,}|!|\\(?:int|sum|prod|lim)\b")


def matches(
    answer: str, gold: str, answer_type: AnswerType, options: Sequence[str] = (), tolerance: float = 0.0
) -> bool:
    """Whether `answer`, short or a sentence, is `gold`.

    `tolerance` is relative and for numbers only (0.05 is ChartQA's); it is not applied where the gold is a year.
    Raises `MissingExtra` where two expressions need `math_verify` and it is not installed.
    """
    if same(answer, gold, answer_type, options, tolerance):
        return True
    reading = read(answer, answer_type, options)
    stated = reading.answer is not None and reading.answer != answer
    return stated and same(reading.answer or "", gold, answer_type, options, tolerance)


def same(answer: str, gold: str, answer_type: AnswerType, options: Sequence[str], tolerance: float) -> bool:
    """Whether two answers of one type are the same; `tolerance` is relative and for numbers only."""
    if answer_type == "option":
        return same_option(answer, gold, options)
    if answer_type == "number":
        return same_number(answer, gold, tolerance)
    if answer_type == "yes_no":
        said = yes_no(answer)
        return said is not None and said == yes_no(gold)
    if answer_type == "list":
        return same_list(answer, gold)
    return same_expression(answer, gold) if answer_type == "expression" else same_text(answer, gold)


def same_option(answer: str, gold: str, options: Sequence[str]) -> bool:
    """By letter, or by the text or value of exactly one option."""
    said, wanted = option_letter(answer, options), option_letter(gold, options)
    return said is not None and said == wanted


def option_letter(text: str, options: Sequence[str]) -> str | None:
    start, end = unwrapped(text, 0, len(text))
    piece = text[start:end]
    if len(piece) == 1 and piece.upper() in valid_letters(options):
        return piece.upper()
    return option_by_text(piece, options)


def same_number(answer: str, gold: str, tolerance: float = 0.0) -> bool:
    """Equal within `RELATIVE_TOLERANCE`, or within `tolerance` where the gold is no year (a bare 1000 to 2999).

    Two whole numbers are equal or not where no tolerance is given. What is no number is compared as text.
    """
    value, wanted = number_value(answer), number_value(gold)
    if value is None or wanted is None:
        return value is wanted and same_words(answer, gold)
    relaxed = 0.0 if _YEAR.fullmatch(gold.strip()) else tolerance
    if not relaxed and _WHOLE.fullmatch(answer.strip()) and _WHOLE.fullmatch(gold.strip()):
        return value == wanted
    return abs(value - wanted) <= max(relaxed, RELATIVE_TOLERANCE) * abs(wanted)


def same_text(answer: str, gold: str) -> bool:
    """The same words; where both are numbers, the same number."""
    value, wanted = number_value(answer), number_value(gold)
    if value is not None and wanted is not None and has_no_unit(answer) and has_no_unit(gold):
        return same_number(answer, gold)
    return same_words(answer, gold)


def has_no_unit(text: str) -> bool:
    return not any(char.isalpha() for char in text)


def same_words(answer: str, gold: str) -> bool:
    said = plain_words(answer)
    return said == plain_words(gold) and (bool(said) or answer.strip() == gold.strip())


def same_list(answer: str, gold: str) -> bool:
    """The same items, each as often; in the same order only where the gold is a ranking `a > b` or a tuple `(a, b)`."""
    if max(len(answer), len(gold)) > MAX_CHARS:
        return same_words(answer, gold)
    wanted, ordered = items_of(gold)
    said, _ = items_of(answer)
    if len(said) != len(wanted):
        return False
    if ordered:
        return all(same_text(one, other) for one, other in zip(said, wanted, strict=True))
    left = list(wanted)
    for item in said:
        match = next((index for index, other in enumerate(left) if same_text(item, other)), None)
        if match is None:
            return False
        left.pop(match)
    return True


def items_of(text: str) -> tuple[list[str], bool]:
    """The items of a list as written, and whether their order counts."""
    text = text.strip()
    ranking = [item for item in _RANKING.split(text) if item]
    if len(ranking) > 1:
        return ranking, True
    ordered = text.startswith("(") and text.endswith(")")
    start, end = unwrapped(text, 0, len(text))
    items = (item.strip(" \"'“”") for item in _BETWEEN_ITEMS.split(text[start:end]))
    return [item for item in items if item], ordered


def same_expression(answer: str, gold: str) -> bool:
    """The same spelling or number; failing that, the same expression by `math_verify`.

    Raises `MissingExtra` where that library is needed and not installed.
    """
    if max(len(answer), len(gold)) > MAX_CHARS:
        return answer.strip() == gold.strip()
    answer, gold = unswallowed(answer), unswallowed(gold)
    value, wanted = number_value(answer), number_value(gold)
    if value is not None and wanted is not None:
        return math.isclose(value, wanted, rel_tol=RELATIVE_TOLERANCE)
    key = latex_key(answer[slice(*unwrapped(answer, 0, len(answer), brackets=False))])
    if key and key == latex_key(gold[slice(*unwrapped(gold, 0, len(gold), brackets=False))]):
        return True
    return _verified(answer, gold)


def _verified(answer: str, gold: str) -> bool:
    """What `math_verify` says. Its clock is a signal, so that off the main thread there is none.

    So an expression that could take for ever, a tower of powers say, is not handed to it: it is then not the same.
    """
    if any(len(text) > MAX_EXPRESSION_CHARS or _TOWER.search(text) for text in (answer, gold)):
        return False
    math_verify = require("math_verify", "eval", "comparing two expressions")
    logging.getLogger("math_verify").setLevel(logging.CRITICAL)  # it warns whenever its clock is off
    clock = TIMEOUT_S if threading.current_thread() is threading.main_thread() else None
    parsed = [math_verify.parse(f"${text.strip().strip('$')}$", parsing_timeout=clock) for text in (gold, answer)]
    return bool(math_verify.verify(*parsed, timeout_seconds=clock))


def is_gold(answer: str, question: QuestionColumns) -> bool:
    """Whether it is the gold answer, as near as the question asks; the columns of a corpus ask for the very answer."""
    tolerance = question.tolerance if isinstance(question, Question) else 0.0
    return matches(answer, question.answer, question.answer_type, question.options, tolerance)
