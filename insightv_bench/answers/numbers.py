"""The number that a place of a plain reply states, or that a sentence gives."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from .places import SHORT_REASON, Piece, is_negated, main_clause, sentence_end, skip, trimmed, unwrapped
from .plain import Plain
from .units import unit_of
from .values import NUMBER_WORDS, number_of

MAX_LEAD_CHARS = 60  # of a verb and the small words between it and its number
_DIGITS = r"(?:\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d{1,3}(?:\.\d{3}){2,}(?!\d)|\d+(?:[.,]\d+)?|\.\d+)"
_TOKEN = re.compile(
    rf"""(?<![0-9A-Za-z.,^_/\\{{√π∠-])(?P<number>[-+]?\s?(?:us\$|rs\.?\s?|[$€£¥₹₩])?\s?-?
    (?:\d*\s?\\[dt]?frac\s?\{{\d+\}}\s?\{{\d+\}}|\d+\s+\d+/\d+(?![\d/])|\d*[½⅓⅔¼¾⅛⅜⅝⅞]|{_DIGITS}(?:\s?/\s?\d+(?![\d/]))?)
    (?:\s?(?:[×x*]|·)\s?10\s?\^?\s?\{{?-?\d+\}}?|e[-+]?\d+)?
    (?:\s?(?:thousand|million|billion|trillion|万|亿|억|만)(?![a-z]))?(?:\s?%)?)
    (?P<tail>(?:[:/^_!²³√](?!\s)\s?[\w{{(]*|\s?[-–~]\s?\d[\d.,]*|st\b|nd\b|rd\b|th\b|\s*[ap]\.?m\b\.?|-(?=[a-z]))*)""",
    re.VERBOSE,
)
_WORDS = [
    word for word in NUMBER_WORDS if word.isascii() and " " not in word and word not in ("half", "hundred", "none")
]
_WORD = re.compile(rf"(?<![\w-])(?:{'|'.join(sorted(_WORDS, key=len, reverse=True))})(?![\w-])")
# What stands before a number that counts nothing: `more than 7`, `Figure 3`, `to the nearest 10`, `each of the 4`.
_CONDITION = re.compile(
    r"(?:\b(?:than|least|most|nearest|below|above|over|under|exceed(?:s|ing)?|between|figure|fig\.?|table|step|question|option|"
    r"choice|equation|section|part|no\.|number|chapter|row|column|line|station|group|type|class|level|grade|day|week|"
    r"from|into|by|all|these|those|every|other|first|last|next|top|both|per|within|up\s+to|until|after|before|"
    r"problem|page|item|stage|phase|method|model|sample|case|scenario|dataset|algorithm|version)|[#§])\s*(?:the\s+|of\s+|a\s+)?$"
)
_VERB = re.compile(
    r"\b(?:is|are|was|were|equals?|be|becomes?|=)\s+(?:(?:a|an|the|about|approximately|around|roughly|only|exactly|now|also|"
    r"therefore|thus|equal|to|total|of|at|currently|still|just|nearly|almost|simply|then|actually|estimated|number)\s+)*$|[=≈:：是为為]\s*$"
)
_HAS = re.compile(
    r"\b(?:has|have|had|costs?|needs?|spends?|gets?|total(?:s|ed|ing)?|total\s+of|measures?|pays?|paid|spent|got|received?|gives?|got|remain|leaves?|left\s+with)\s+"
    r"(?:(?:a|an|the|about|approximately|around|only|exactly|total|value|of|count|length|width|height|area|score|us|have|is)\s+)*$"
)
_RESULT = re.compile(r"[=≈]|\bapproximately\b|\babout\b")
_NOT_AFTER = re.compile(
    r"\s*(?:[-+*/^=:!√×÷]|or\b(?!\s+so\b)|and\s+[-\d]|to\s+\d|[-–—]\s*\d|,\s*\d|或|到|至|%?\s*(?:or|and)\s+(?:less|more|fewer|above|over|under|older|younger|greater|up)\b)"
)
_LIST_AFTER = re.compile(r"\s*(?:,|and\b|or\b|&)\s*(?:and\s+|or\s+)?[-+$]?\d")
_IN_ALL = re.compile(r"(?:\s+\w+)?\s+(?:in\s+(?:all|total)|altogether|overall)\b")
_LISTED = re.compile(r"\s*(?:[^\s\d,.;=]{1,12})?\s*(?:,|,?\s*\b(?:and|or|to)\b|-|–|&|或|和|到|至)\s*")
_LABELLED = re.compile(r"\s*(?!(?:hay|há|total|count|approximately|about|only|exactly)\b)[^\W\d]+\s+")
_SEVERAL_NAMED = re.compile(r"\b[a-z]\s*=\s*-?[\d.]+\s*(?:,|;|\band\b)\s*(?:and\s+)?[a-z]\s*=")


def number_piece(text: Plain, start: int, end: int) -> Piece | None:
    """The number that a declared place states: after its last equals sign, all of it, its head, its only number."""
    stop = sentence_end(text.text, start, end)
    results = [match.end() for match in _RESULT.finditer(text.low, start, stop)]
    for begin in (*results[-1:], start):
        inner = unwrapped(text.text, begin, stop)
        if number_of(text.text[slice(*inner)]) is not None:
            return Piece(text.text[slice(*inner)], *inner, True)
    if results and (piece := number_at(text, results[-1], stop)):
        return piece
    return number_at(text, start, stop) or _only_number(text, start, stop) or number_in_sentence(text, start, stop)


def number_at(text: Plain, start: int, end: int) -> Piece | None:
    """A number at the head of a place, with a reason or a remark after it."""
    begin = start
    while begin < end and text.text[begin] in " \t\n\"'([:":
        begin += 1
    match = _TOKEN.match(text.low, begin, end)
    if not match or match["tail"] or _LIST_AFTER.match(text.low, match.end(), end):
        return None
    stop = _with_unit(text, match.end("number"), end)
    if _NOT_AFTER.match(text.low, stop, end) or not SHORT_REASON.match(text.low, stop, end):
        return None
    return _as_number(text, match.start("number"), stop, True)


def _only_number(text: Plain, start: int, end: int) -> Piece | None:
    numbers = list(_TOKEN.finditer(text.low, start, end))
    if len(numbers) != 1 or numbers[0]["tail"] or _NOT_AFTER.match(text.low, numbers[0].end(), end):
        if numbers or is_negated(text.low[start:end]):
            return None
        words = list(_WORD.finditer(text.low, start, end))
        return _as_number(text, *words[0].span(), False) if len(words) == 1 else None
    if is_negated(text.low[start : numbers[0].start()]):
        return None
    if _CONDITION.search(text.low, start, numbers[0].start()):
        return None
    stop = _with_unit(text, numbers[0].end("number"), end)
    return None if _NOT_AFTER.match(text.low, stop, end) else _as_number(text, numbers[0].start("number"), stop, False)


def _as_number(text: Plain, start: int, end: int, sure: bool) -> Piece | None:
    start, end = trimmed(text.text, start, end)
    said = text.text[start:end]
    return Piece(said, start, end, sure) if number_of(said) is not None else None


def _with_unit(text: Plain, at: int, end: int) -> int:
    """Where the number that ends at `at` ends with its unit."""
    match = re.match(
        r"(?:\s?[°%$€£]?[^\W\d_]*[²³]?(?:[/·^]\{?[\w²³]+\}?)?)(?:\s[a-z]+)?(?:\s[a-z]+)?",
        text.text[at : min(end, at + 40)],
    )
    said = match[0] if match else ""
    while said:
        if said.strip() and unit_of(said):
            return at + len(said)
        said = said.rpartition(" ")[0] if " " in said.strip() else ""
    return at


def number_in_sentence(text: Plain, start: int, end: int) -> Piece | None:
    """The number that a sentence gives: what follows its last equals sign, its only number, or its verb's."""
    low = text.low
    start = main_clause(low, start, end)
    result = low.rfind("=", start, end)
    if result >= 0 and _SEVERAL_NAMED.search(low, start, end):
        return None  # `x = 3, y = 4`
    if result >= 0:
        match = _TOKEN.match(low, skip(low, result + 1, end), end)
        clean = match and not match["tail"] and _all_say(match["number"], _TOKEN.finditer(low, match.end(), end))
        return (
            _as_number(text, match.start("number"), _with_unit(text, match.end("number"), end), False)
            if match and clean and not _NOT_AFTER.match(low, match.end("number"), end)
            else None
        )
    found = list(_TOKEN.finditer(low, start, end))
    numbers = [match for match in _unpaired(low, found) if not _counts_nothing(low, start, match)]
    total = [match for match in found if _IN_ALL.match(low, match.end("number"), end)]
    if len(total) == 1:
        return _as_number(text, *total[0].span("number"), False)
    if len(numbers) < len(found) and len(_unpaired(low, found)) < len(found) and not numbers:
        return None
    if len(numbers) == 1 and _LABELLED.fullmatch(low, start, numbers[0].start()):
        return None  # `Carriage 12`
    if not found or not numbers:
        words = [
            match
            for match in _WORD.finditer(low, start, end)
            if not _CONDITION.search(low, max(start, match.start() - 24), match.start())
            and low[match.end() : match.end() + 3] != " of"
        ]
        counted = [
            word
            for word in words
            if any(verb.search(low, max(start, word.start() - MAX_LEAD_CHARS), word.start()) for verb in (_VERB, _HAS))
        ]
        words = counted if len(words) > 1 else words
        if len(words) != 1 or (words[0][0] == "one" and not counted):
            return None
        return _as_number(text, *words[0].span(), False)
    if len(numbers) > 1:
        for verb in (_VERB, _HAS):
            said = [
                match
                for match in numbers
                if verb.search(low, max(start, match.start() - MAX_LEAD_CHARS), match.start())
            ]
            if said:
                numbers = said if len(said) == 1 and (verb is _VERB or said[0] is numbers[-1]) else []
                break
        else:
            numbers = []
    if len(numbers) != 1 or numbers[0]["tail"]:
        return None
    stop = _with_unit(text, numbers[0].end("number"), end)
    if (
        _NOT_AFTER.match(low, numbers[0].end("number"), end)
        or _NOT_AFTER.match(low, stop, end)
        or _LIST_AFTER.match(low, stop, end)
    ):
        return None
    return _as_number(text, numbers[0].start("number"), stop, False)


def _all_say(number: str, others: Iterable[re.Match[str]]) -> bool:
    """Whether other numbers only say the same again: `2 + 3 = 5, so there are 5 of them`."""
    value = number_of(number.strip())
    return all(
        value and (other := number_of(match["number"].strip())) and other.value == value.value for match in others
    )


def _unpaired(low: str, found: Sequence[re.Match[str]]) -> list[re.Match[str]]:
    """Those that are not listed with another: `between 8 and 9`, `5 red and 3 blue`."""
    paired: set[int] = set()
    for place in range(len(found) - 1):
        if _LISTED.fullmatch(low, found[place].end(), found[place + 1].start()):
            paired |= {place, place + 1}
    return [match for place, match in enumerate(found) if place not in paired]


def _counts_nothing(low: str, start: int, match: re.Match[str]) -> bool:
    """Whether a number is a condition, a name or a place rather than an amount."""
    if match["tail"].startswith(("st", "nd", "rd", "th", "-")) and not match["tail"][1:2].isdigit():
        return True
    before = low[max(start, match.start() - 24) : match.start()]
    return bool(_CONDITION.search(before)) and not (
        before.rstrip().endswith("number") and before.rstrip().endswith(("the number", "is number"))
    )
