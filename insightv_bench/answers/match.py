"""Whether an answer is the gold answer, by the type that the gold deserves.

Two short answers are compared; a sentence is read first (see `matches`). A unit that only one of two numbers states
is not compared, so that `8 cm` is `8`: questions name the unit.
"""

from __future__ import annotations

import logging
import math
import re
import threading
from collections.abc import Sequence

from insightv_bench.errors import require
from insightv_bench.records import AnswerType, Question, QuestionColumns

from .choices import MAX_CHARS, latex_key, option_letter, plain_words, unicode_math
from .extract import read, unswallowed
from .plain import plain_text
from .units import unit_of
from .values import (
    Number,
    bare,
    date_of,
    number_of,
    range_of,
    ratio_of,
    same_range,
    same_time,
    time_of,
    type_of,
    yes_no,
)

RELATIVE_TOLERANCE = 1e-6
MAX_EXPRESSION_CHARS = 400
TIMEOUT_S = 5
MAX_CLOSED_ITEMS = 20

_YEAR = re.compile(r"[12]\d{3}")
_WHOLE = re.compile(r"[-+]?\d+")
_BETWEEN_ITEMS = re.compile(r"\s*;\s*|\s*,\s+(?:and\s+)?|,(?!\d{3}(?!\d))|\s+and\s+|\s*\n\s*")
_RANKING = re.compile(r"\s*(?:->|→|>|<|\\to\b)\s*")
_TOWER = re.compile(r"\^\s*\{?[^{}]*\^|\*\*.*\*\*|\^\s*\{?\s*\d{3,}|\d{40,}|!|\\(?:int|sum|prod|lim)\b")
_INTERVAL = re.compile(r"[\[(][^()\[\]]*,[^()\[\]]*[\])]")
_COUNTED = re.compile(r"(\S+)\s+([a-z]{3,})")
_UNIT_AT_END = re.compile(r"(?:\\ |\s|(?<=\w|\}|\)))([a-zA-Z°µμΩ%][a-zA-Z°/·]*(?:\^\{?[23]\}?|[²³])?)\s*$")


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


def same_number(answer: str, gold: str, tolerance: float = 0.0) -> bool:
    """Equal within `RELATIVE_TOLERANCE`, or within `tolerance` where the gold is no year (a bare 1000 to 2999).

    Two whole numbers are equal or not where no tolerance is given. Two units must measure the same, and are
    converted; a percentage is also its hundredth. What is no number is compared as text.
    """
    said, wanted = number_of(answer), number_of(gold)
    if said is None or wanted is None:
        return said is wanted and same_text(answer, gold)
    relaxed = 0.0 if _YEAR.fullmatch(gold.strip()) else tolerance
    if not relaxed and _WHOLE.fullmatch(answer.strip()) and _WHOLE.fullmatch(gold.strip()):
        return said.value == wanted.value
    return any(
        abs(one - other) <= max(relaxed, RELATIVE_TOLERANCE) * abs(other) for one, other in _comparable(said, wanted)
    )


def _comparable(said: Number, wanted: Number) -> list[tuple[float, float]]:
    """The values as they may be compared; none where the units measure different things."""
    if said.unit and wanted.unit:
        same_measure = said.unit[0] == wanted.unit[0]
        return [(said.value * said.unit[1], wanted.value * wanted.unit[1])] if same_measure else []
    pairs = [(said.value, wanted.value)]
    if said.is_share:
        pairs.append((said.value / 100, wanted.value))
    if wanted.is_share:
        pairs.append((said.value, wanted.value / 100))
    return pairs


def same_text(answer: str, gold: str) -> bool:
    """The same words; where the gold is a number, a date, a time, a range or a ratio, the same one."""
    kind = type_of(gold)
    if kind in ("number", "quantity") and number_of(answer):
        return _same_stated_number(answer, gold)
    if same_words(answer, gold):
        return True
    if kind == "date":
        return date_of(answer) is not None and date_of(answer) == date_of(gold)
    if kind == "time":
        said_time, gold_time = time_of(answer), time_of(gold)
        return said_time is not None and gold_time is not None and same_time(said_time, gold_time)
    if kind == "range":
        said_range, gold_range = range_of(answer), range_of(gold)
        return said_range is not None and gold_range is not None and same_range(said_range, gold_range)
    if kind == "ratio":
        said, wanted = ratio_of(answer), ratio_of(gold)
        return (
            said is not None
            and wanted is not None
            and len(said) == len(wanted)
            and all(map(math.isclose, said, wanted))
        )
    if kind == "code":
        return _code_key(answer) == _code_key(gold)
    if kind == "math":
        return bool(key := latex_key(bare(answer, brackets=False))) and key == latex_key(bare(gold, brackets=False))
    return _same_count(answer, gold)


def _same_stated_number(answer: str, gold: str) -> bool:
    """Two numbers as words: the same value, and a unit in both or in neither."""
    said, wanted = number_of(answer), number_of(gold)
    if said is None or wanted is None or (said.unit is None) != (wanted.unit is None):
        return False
    return same_number(answer, gold)


def _same_count(answer: str, gold: str) -> bool:
    """`5` and `five` for `5 apples`: the bare number of a gold that counts things."""
    counted = _COUNTED.fullmatch(gold.strip())
    said = number_of(answer)
    if not counted or not said or said.unit:
        return False
    wanted = number_of(counted[1])
    return wanted is not None and wanted.unit is None and wanted.value == said.value and counted[2] not in ("or", "and")


def _code_key(text: str) -> str:
    piece = (
        unicode_math(plain_text(text))
        .replace("_{", "")
        .replace("^{", "")
        .replace("}", "")
        .replace("_", "")
        .strip(" .\"'")
    )
    return re.sub(r"\s*[x×]\s*(?=\d)", "x", piece).casefold().removeprefix("version ").strip()


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
    items = (item.strip(" \"'“”") for item in _BETWEEN_ITEMS.split(bare(text)))
    return [item for item in items if item], ordered


def same_expression(answer: str, gold: str) -> bool:
    """The same spelling or number; failing that, the same expression by `math_verify`.

    Raises `MissingExtra` where that library is needed and not installed.
    """
    if max(len(answer), len(gold)) > MAX_CHARS:
        return answer.strip() == gold.strip()
    answer, gold = unswallowed(answer), unswallowed(gold)
    if number_of(answer) is not None and number_of(gold) is not None:
        return same_number(answer, gold)
    if ratio_of(gold) or ratio_of(answer):
        return same_text(answer, gold)
    said, wanted = (_expression(text) for text in (answer, gold))
    if _INTERVAL.fullmatch(wanted) and (said[:1], said[-1:]) != (wanted[0], wanted[-1]):
        return False  # `[0,1]` holds its ends
    if latex_key(said) and latex_key(said) == latex_key(wanted):
        return True
    return _verified(said, wanted)


def _expression(text: str) -> str:
    """In LaTeX alone, without a unit at its end: `9πcm²` is `9\\pi`."""
    piece = unicode_math(bare(text, brackets=False))
    match = _UNIT_AT_END.search(piece)
    if match and match.start() > 0 and len(match[1]) > 1 and unit_of(match[1].replace("{", "").replace("}", "")):
        piece = piece[: match.start(1)].rstrip("\\ ")
    return piece.replace("×", r"\times ").replace("·", r"\cdot ").replace("°", "").replace("≈", "=")


def _verified(answer: str, gold: str) -> bool:
    """What `math_verify` says. Its clock is a signal, so that off the main thread there is none.

    So an expression that could take for ever, a tower of powers say, is not handed to it: it is then not the same.
    """
    if not answer or any(len(text) > MAX_EXPRESSION_CHARS or _TOWER.search(text) for text in (answer, gold)):
        return False
    math_verify = require("math_verify", "eval", "comparing two expressions")
    logging.getLogger("math_verify").setLevel(logging.CRITICAL)  # it warns whenever its clock is off
    clock = TIMEOUT_S if threading.current_thread() is threading.main_thread() else None
    whole = [math_verify.LatexExtractionConfig()]  # its other readers take the first number that they find
    parsed = [
        math_verify.parse(f"${text.strip().strip('$')}$", extraction_config=whole, parsing_timeout=clock)
        for text in (gold, answer)
    ]
    return all(parsed) and bool(math_verify.verify(*parsed, timeout_seconds=clock))


def is_gold(answer: str, question: QuestionColumns) -> bool:
    """Whether it is the gold answer, as near as the question asks; the columns of a corpus ask for the very answer."""
    tolerance = question.tolerance if isinstance(question, Question) else 0.0
    return matches(answer, question.answer, question.answer_type, question.options, tolerance)


CLOSED = ("number", "quantity", "date", "time", "range", "ratio", "yes_no")
"""Types of which one answer is another or not, whatever words are chosen."""


def both_closed(answer: str, gold: str) -> bool:
    """Whether two answers are of types that a rule can settle: numbers, dates, yes or no, lists of numbers."""
    items = [_BETWEEN_ITEMS.split(bare(each)) for each in (answer, gold)]
    return all(len(each) <= MAX_CLOSED_ITEMS and all(type_of(item) in CLOSED for item in each) for each in items)
