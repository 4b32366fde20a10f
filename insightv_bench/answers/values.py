"""What a short piece means: a number with its unit, a date, a time, a range, a ratio; and the type of a gold.

Pure functions that never raise on any `str`. A piece is the whole text; where in a reply it stands is the matter of
`extract`.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

from insightv_bench.records import AnswerType

from .languages import NO, YES
from .plain import plain_text
from .units import CURRENCY, Unit, unit_of

MAX_NUMBER_CHARS = 120

GoldType = Literal[
    "option", "yes_no", "number", "quantity", "date", "time", "range", "ratio", "code", "name", "text", "list", "math"
]
"""`math` is `expression` in a record, and `quantity` a number with a unit; `code` and `name` are compared as words."""
STORED: dict[GoldType, AnswerType] = {
    "option": "option",
    "yes_no": "yes_no",
    "number": "number",
    "quantity": "number",
    "list": "list",
    "date": "date",
    "time": "time",
    "range": "range",
    "ratio": "ratio",
    "math": "expression",
    "code": "text",
    "name": "text",
    "text": "text",
}
"""Each as a record states it."""

_DIGITS = (
    r"(?:\d{1,3}(?:[,' ]\d{3})+(?!\d)(?:\.\d+)?|\d{1,3}(?:\.\d{3}){2,}(?!\d)(?:,\d+)?|\d{1,3}(?:\.\d{3})+,\d+|"
    r"\d+,\d{1,2}(?!\d)|\d+,\d{4,}|\d+(?:\.\d*)?|\.\d+)"
)
_FRACTIONS = "½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞"
_FIGURE = re.compile(rf"[\d{_FRACTIONS}]")
_DECADE = re.compile(r"(?:the\s+)?(?:1[5-9]|20)\d0s")
_NUMBER = re.compile(
    rf"""(?:(?:about|approximately|around|roughly|nearly|almost|exactly|only|circa|约|大约|約)\s*|[~≈=]\s*)*
    (?P<sign>[-+]?)\s*(?P<before>us\$|c\$|rs\.?|usd|eur|gbp|[{"".join(CURRENCY)}])?\s*(?P<inner>[-+]?)
    (?:(?P<whole>\d+)(?:\s+|\s*\+\s*)(?P<top>\d+)\s*/\s*(?P<bottom>\d+)(?![\d.,]*\d)
      |(?P<whole_f>\d+)?\s*\\[dt]?frac\s*(?:\{{\s*(?P<top_f>-?{_DIGITS})\s*\}}\s*\{{\s*(?P<bottom_f>{_DIGITS})\s*\}}|(?P<top_b>\d)(?P<bottom_b>\d))
      |(?P<whole_u>\d+)?\s*(?P<fraction>[{_FRACTIONS}])
      |(?P<number>{_DIGITS})(?:\s*/\s*(?P<under>{_DIGITS}))?)
    (?:\s*(?:[eE](?P<exponent>[-+]?\d{{1,3}})(?!\d)|(?:[×x·*]\s*)10\s*(?:\^\s*\{{?(?P<power>[-+]?\d{{1,3}})\}}?(?!\d)|(?P<raised>[⁻⁰¹²³⁴-⁹]{{1,4}}))))?
    (?:\s*(?P<scale>thousand|million|billion|trillion|mio|mrd|millionen|milliarden|millions|milliards|millones|milhões|万|萬|亿|億|만|억|bn|mn|lakh|crore)(?![a-z])
      |(?P<short>(?-i:[kK](?![a-zA-Z])|\s?[MBT](?![a-zA-Z/]))))?
    \s*(?P<unit>\S.*)?""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_TEN_TO = re.compile(r"([-+]?)\s*10\s*\^\s*\{?\s*([-+]?\d{1,3})\s*\}?")
_SCALES = {
    word: factor
    for factor, words in (
        (1e3, "thousand"),
        (1e6, "million mio millionen millions millones milhões mn"),
        (1e9, "billion mrd milliarden milliards bn"),
        (1e12, "trillion"),
        (1e4, "万 萬 만"),
        (1e8, "亿 億 억"),
        (1e5, "lakh"),
        (1e7, "crore"),
    )
    for word in words.split()
}
_SHORT = {"k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12}
_TO_TWENTY = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"),
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
NUMBER_WORDS: dict[str, float] = {
    **{word: float(value) for value, word in enumerate(_TO_TWENTY)},
    **{word: 10.0 * (place + 2) for place, word in enumerate(_TENS)},
    **{f"{ten}-{_TO_TWENTY[one]}": 10.0 * (place + 2) + one for place, ten in enumerate(_TENS) for one in range(1, 10)},
    **dict.fromkeys(("hundred", "one hundred", "a hundred"), 100.0),
    **dict.fromkeys(("half", "one half", "a half"), 0.5),
    **{char: float(value) for value, char in enumerate("〇一二三四五六七八九十")},
    "none": 0.0,
    "两": 2.0,
    "兩": 2.0,
    "零": 0.0,
}

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|"
    r"oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>\d{4}|'\d{2})"
_WEEKDAY = r"(?:(?:mon|tues?|wednes|thurs?|fri|satur|sun)day,?\s+|on\s+)*"
_DATES = tuple(
    re.compile(_WEEKDAY + pattern, re.IGNORECASE)
    for pattern in (
        r"(?P<year>\d{4})[-/.](?P<number>\d{1,2})[-/.](?P<day>\d{1,2})",
        rf"{_MONTH}\s+{_DAY}(?:,?\s+{_YEAR})?",
        rf"(?:the\s+)?{_DAY}(?:\s+of)?\s+{_MONTH}(?:,?\s+{_YEAR})?",
        rf"{_MONTH},?\s+{_YEAR}",
        r"(?P<number>\d{1,2})[/.](?P<day>\d{1,2})[/.](?P<year>\d{4}|\d{2})",
        r"(?P<year>\d{4})年(?P<number>\d{1,2})月(?:(?P<day>\d{1,2})[日号])?",
    )
)
_TIME = re.compile(
    r"(?P<hour>\d{1,2})(?:[:.](?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d))?)?\s*(?P<half>[ap]\.?\s?m\b\.?|o'clock)?",
    re.IGNORECASE,
)
_RANGE = re.compile(
    r"(?:from|between)?\s*(?P<low>[^\d\s-]{0,3}-?\d[\d,.]*)\s*(?P<unit>[^\d\s,;()\[\]]{0,12}?)\s*(?:-|–|—|~|\bto\b|\band\b|bis|至|到)\s*"
    r"(?P<high>[^\d\s-]{0,3}\d[\d,.]*)\s*(?P<unit2>[^\d]{0,24})",
    re.IGNORECASE,
)
_RATIO = re.compile(r"\d+(?:\.\d+)?(?:\s*:\s*\d+(?:\.\d+)?)+|\d+(?:\.\d+)?\s+to\s+\d+(?:\.\d+)?", re.IGNORECASE)
_CODE = re.compile(
    r"(?=[^\s]*\d)(?=[^\s]*(?:[A-Z]|[a-z]{2}))[A-Za-z0-9][\w.#/-]*|v?\d+(?:\.\d+){2,}|\d+\s*[x×]\s*\d+(?:\s*[x×]\s*\d+)?|[A-Z]{1,5}-\d+\w*"
)
_MATH = re.compile(r"[\\^_=+*/<>{}|√²³π∞∑∫∪∩±≤≥·×÷∠]|[a-z]\([a-z]\)|\d[a-z]\b|[-−]\s*\d|\d\s*[-−]|^[a-z]$")
_ITEM_LIST = re.compile(
    r"[\[{(].*[,;].*[\])}]|[^,;]+(?:[,;]\s[^,;]+){1,}|\d+(?:,\d+)+|\w+\s*(?:->|→|>)\s*\w+.*", re.DOTALL
)
_MAYBE_YES_NO = YES | NO


class Number(NamedTuple):
    """A number as written."""

    value: float
    unit: Unit | None
    """What it measures; None: nothing is said."""

    @property
    def is_share(self) -> bool:
        return self.unit is not None and self.unit[0] == "share"


def number_value(text: str) -> float | None:
    """The number that the whole piece states, its unit, currency or percent sign aside; finite, or None.

    `5 million` is 5000000; `five` is 5; `3/4`, `\\frac{3}{4}` and `¾` are 0.75; `2 1/2` is 2.5; `50%` is 50. `2 PM`,
    `1B`-like codes, `5 or less`, `√5` and `2^{10}` are no numbers.
    """
    number = number_of(text)
    return number.value if number else None


@lru_cache(maxsize=4096)
def number_of(text: str) -> Number | None:
    """The number and its unit; None where the piece is anything else."""
    if len(text) > MAX_NUMBER_CHARS:
        return None
    piece = bare(text)
    if not piece or ("," in piece and text.lstrip(" $\\").startswith(("(", "[", "{"))):
        return None  # `(0,1)` is a pair
    low = piece.casefold()
    if _DECADE.fullmatch(low):
        return None  # `1990s` is no year, and no seconds
    if low in NUMBER_WORDS:
        return Number(NUMBER_WORDS[low], None)
    if not _FIGURE.search(piece):
        head, _, rest = low.partition(" ")
        unit = unit_of(rest) if rest and head in NUMBER_WORDS else None
        if rest in _SCALES and head in NUMBER_WORDS:
            return Number(NUMBER_WORDS[head] * _SCALES[rest], None)
        return Number(NUMBER_WORDS[head], unit) if unit else None
    if power := _TEN_TO.fullmatch(piece):
        return _number(-1.0 if power[1] == "-" else 1.0, int(power[2]), None)
    named = re.fullmatch(r"[A-Za-z∠]{1,4}\s*[=≈]\s*(?P<rest>[^=]+)", piece)
    match = _NUMBER.fullmatch(named["rest"] if named else piece)
    if not match or (match["sign"] and match["inner"]):
        return None
    value = _value(match)
    if value is None:
        return None
    unit = unit_of(match["before"]) if match["before"] else None
    if match["unit"]:
        after = unit_of(match["unit"])
        if after is None or (unit and after[0] != unit[0]):
            return None
        unit = after
    scale = _SCALES.get((match["scale"] or "").lower(), 1.0)
    if match["short"]:
        letter = match["short"].strip()
        if letter in "mbt" or (match["short"] != letter and letter in "kK"):
            return None  # `5 m` is a length, and `1b` a code
        if letter in "BT" and match["before"] is None and match["short"] == letter and len(match["number"] or "") == 1:
            return None  # `1B` is a code
        scale = _SHORT[letter.lower()]
    return _number((-value if "-" in (match["sign"], match["inner"]) else value) * scale, 0, unit)


def _number(value: float, exponent: int, unit: Unit | None) -> Number | None:
    value = value * 10.0**exponent
    return Number(value, unit) if math.isfinite(value) else None


def _value(match: re.Match[str]) -> float | None:
    over = next(((match[a], match[b], match[c]) for a, b, c in _MIXED if match[b]), None)
    if over:
        whole, top, bottom = (digits_value(part) if part else 0.0 for part in over)
        return whole + top / bottom if bottom else None
    if match["fraction"]:
        return float(match["whole_u"] or 0) + unicodedata.numeric(match["fraction"])
    value = digits_value(match["number"])
    if match["under"]:
        bottom = digits_value(match["under"])
        value = value / bottom if bottom else math.nan
    exponent = match["exponent"] or match["power"] or (match["raised"] or "").translate(_LOWERED)
    return value * 10.0 ** int(exponent) if exponent and abs(int(exponent)) < 300 else math.inf if exponent else value


_LOWERED = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
_MIXED = (("whole", "top", "bottom"), ("whole_f", "top_f", "bottom_f"), ("whole_f", "top_b", "bottom_b"))


def digits_value(digits: str) -> float:
    """`1,234.5`, `1.234,5`, `1 234,5` and `3,5` as a number; `1,234` has a thousands separator."""
    digits = re.sub(r"[' ]", "", digits)
    comma, dot = digits.rfind(","), digits.rfind(".")
    groups = re.fullmatch(r"-?\d{1,3}(?:,\d{3})+(?:\.\d+)?", digits)
    if comma >= 0 and not groups and (comma > dot):
        digits = digits.replace(".", "").replace(",", ".")
    elif digits.count(".") > 1:
        digits = digits.replace(".", "")
    return float(digits.replace(",", ""))


_OUTER = {"(": ")", "[": "]", "{": "}", '"': '"', "'": "'", "$": "$"}
_FACTORIAL = re.compile(r"[\d)]!\s*$")
_EDGES = " \t\r\n.,;:!。"


def bare(text: str, brackets: bool = True) -> str:
    """The piece in plain characters, without the quotes, brackets, boxes and full stops around it."""
    piece = plain_text(text)
    for _ in range(6):
        piece = _trimmed(piece)
        if piece.startswith(("\\boxed{", "\\fbox{")) and piece.endswith("}"):
            piece = piece[piece.index("{") + 1 : -1]
        elif len(piece) > 1 and _OUTER.get(piece[0]) == piece[-1] and (brackets or piece[0] not in "([{"):
            if piece[0] in "([{" and not _is_pair(piece):
                break
            piece = piece[1:-1]
        else:
            break
    return piece


def _trimmed(piece: str) -> str:
    piece = piece.rstrip(_EDGES if not _FACTORIAL.search(piece) else " ")
    stripped = piece.lstrip(_EDGES)
    if stripped[:1].isdigit() and piece[: len(piece) - len(stripped)].endswith("."):
        stripped = "." + stripped  # `.5`
    return stripped


def _is_pair(piece: str) -> bool:
    """Whether the outer brackets belong together: `(A) or (B)` opens and closes twice."""
    depth = 0
    for place, char in enumerate(piece):
        depth += (char == piece[0]) - (char == piece[-1])
        if depth == 0:
            return place == len(piece) - 1
    return False


def yes_no(text: str) -> str | None:
    """`yes` or `no` where the whole piece says so; `true` and `false` are the same words."""
    if len(text) > 80:
        return None
    piece = bare(text).casefold()
    return "yes" if piece in YES else "no" if piece in NO else None


Date = tuple[int | None, int, int | None]


def date_of(text: str) -> Date | None:
    """Year, month and day; the month comes first in `1/2/2020` unless it cannot."""
    piece = bare(text) if len(text) <= 80 else ""
    for pattern in _DATES if piece else ():
        match = pattern.fullmatch(piece)
        if not match:
            continue
        named = match.groupdict()
        month = _MONTHS.index(named["month"][:3].lower()) + 1 if named.get("month") else int(named["number"])
        day = int(named["day"]) if named.get("day") else None
        if "number" in named and month > 12 and day and day <= 12 and pattern is _DATES[4]:
            month, day = day, month
        year = named.get("year")
        value = None if not year else int(year.lstrip("'")) + (2000 if len(year.lstrip("'")) == 2 else 0)
        return (value, month, day) if 1 <= month <= 12 and (day is None or 1 <= day <= 31) else None
    return None


Time = tuple[int, int, int, str]


def time_of(text: str) -> Time | None:
    """Hour (of 12 where AM or PM is said), minute, second and `a`, `p` or nothing."""
    piece = bare(text) if len(text) <= 40 else ""
    if piece.lower() in ("noon", "midnight"):
        return 12, 0, 0, "p" if piece.lower() == "noon" else "a"
    match = _TIME.fullmatch(piece + ("." if piece[-2:].lower() == ".m" else ""))
    if not match or not (match["minute"] or match["half"]) or ("." in piece[:3] and not match["half"]):
        return None
    hour, minute, second = (int(match[name] or 0) for name in ("hour", "minute", "second"))
    half = (match["half"] or "")[:1].lower().replace("o", "")
    if hour > 24 or (half and not 1 <= hour <= 12):
        return None
    return hour, minute, second, half


def same_time(answer: Time, gold: Time) -> bool:
    """The gold's AM or PM must be said, by word or on a clock of 24 hours."""
    if answer[1:3] != gold[1:3]:
        return False
    if answer[3] and gold[3] or not (answer[3] or gold[3]):
        return (answer[0], answer[3]) == (gold[0], gold[3])
    if gold[3]:
        return answer[0] > 12 and gold[3] == "p" and answer[0] - 12 == gold[0]
    return answer[0] == gold[0] or (answer[3] == "p" and answer[0] + 12 == gold[0])


class Range(NamedTuple):
    low: float
    high: float
    unit: str


def range_of(text: str) -> Range | None:
    """Two ends, and a unit that both share; `2019-20` is a season, whose ends are not measured."""
    piece = bare(text, brackets=False) if len(text) <= 80 else ""
    match = _RANGE.fullmatch(piece) if piece else None
    if not match:
        return None
    low, high = number_of(match["low"].rstrip(".,")), number_of(match["high"].rstrip(".,"))
    if low is None or high is None:
        return None
    unit = (match["unit2"] or match["unit"]).strip().lower().rstrip(".")
    return Range(low.value, high.value, unit)


def same_range(answer: Range, gold: Range) -> bool:
    return answer[:2] == gold[:2] and (not answer.unit or not gold.unit or answer.unit == gold.unit)


def ratio_of(text: str) -> tuple[float, ...] | None:
    """The parts of `6:5`, of which the last is one."""
    piece = bare(text) if len(text) <= 60 else ""
    if not piece or not _RATIO.fullmatch(piece):
        return None
    parts = [float(part) for part in re.findall(r"\d+(?:\.\d+)?", piece)]
    return tuple(part / parts[-1] for part in parts) if parts[-1] else None


def type_of(gold: str, options: Sequence[str] = (), stated: AnswerType | None = None) -> GoldType:
    """The type that a gold answer deserves; a stated one wins, and options make it one."""
    if options:
        return "option"
    if stated is not None:
        return "math" if stated == "expression" else stated
    said = bare(gold, brackets=False)
    if yes_no(gold) and said.isascii():
        return "yes_no"
    if _DECADE.fullmatch(said.casefold()):
        return "text"
    number = number_of(gold)
    if number:
        return "quantity" if number.unit else "number"
    if date_of(gold):
        return "date"
    if time_of(gold):
        return "time"
    if ratio_of(gold) and " to " not in said:
        return "ratio"
    if range_of(gold):
        return "range"
    if _CODE.fullmatch(said) and not re.fullmatch(r"\d+[a-z]|\d+/\d+|[a-z]\d?", said):
        return "code"
    if _MATH.search(said) and not re.search(r"[A-Za-z]{4,}\s+[A-Za-z]{3,}", re.sub(r"\\[A-Za-z]+", "", said)):
        return "list" if re.fullmatch(r"\[[^\\^]*\]", said) else "math"
    if _ITEM_LIST.fullmatch(said) and not re.search(r"[.!?]\s", said):
        return "list" if re.match(r"[\[\d]", said) else "text"
    words = said.split()
    return "name" if words and all(word[:1].isupper() for word in words) else "text"
