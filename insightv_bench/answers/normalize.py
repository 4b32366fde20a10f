"""What a short piece of text means as an answer: an option, a number, yes or no, plain words.

Pure functions that never raise on any `str`. Where in a reply the piece stands is the matter of `answer_patterns`.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

MAX_CHARS = 2_000  # a longer piece is no answer
MAX_NUMBER_CHARS = 120
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

Place = tuple[int, int]

# Openers and closers around an answer that say nothing of it; an opener is tried before any that it begins with.
_MARKUP = (
    *((f"\\{name}{{", "}") for name in ("boxed", "fbox", "textbf", "text", "mathrm", "mathbf", "mbox", "textit")),
    *(("\\(", "\\)"), ("\\[", "\\]"), ("$$", "$$"), ("$", "$"), ("**", "**"), ("__", "__"), ("*", "*"), ("_", "_")),
    *(("`", "`"), ('"', '"'), ("'", "'"), ("“", "”")),
)
_BRACKETS = (("(", ")"), ("[", "]"), ("{", "}"))
# What JSON makes of a LaTeX command whose backslash is not escaped: `"\frac"` is a form feed and `rac`.
_SWALLOWED = re.compile(r"[\f\x08\t\r](?=[A-Za-z])")
_COMMANDS = {"\f": "\\f", "\b": "\\b", "\t": "\\t", "\r": "\\r"}
_EDGES = " \t\r\n.,;:!"

_SIGNS = str.maketrans({"−": "-", "–": "-", "，": ",", "％": "%", "\u00a0": " ", "\u2009": " ", "\u202f": " "})
_LATEX_SPACE = re.compile(r"\\[,;:! ]|\\(?:quad|qquad|left|right)(?![A-Za-z])|[~$]")
_FRACTION = re.compile(r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}")
_NAMED = re.compile(r"\\(?:text|textbf|textit|mathrm|mathbf|mbox|operatorname)\s*\{([^{}]*)\}")
_DEGREES = re.compile(r"\^\s*\{?\s*\\circ\s*\}?|\\circ\b|\\degree\b|°")
_DIGITS = r"(?:(?:\d{1,3}(?:[,'’ ]\d{3})+(?!\d)|\d+)(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d{1,4})?"
_WORD = r"(?!(?:is|are|was|not|or|and|but|if|than|minus|plus|times|to|wrong)\b)[A-Za-zµμΩ²³%/·]+(?:\^\{?-?[23]\}?)?"
_NUMBER = re.compile(
    rf"""(?:[A-Za-z]\w?\s*[=≈]\s*)?(?:[~≈]|about\s|approximately\s|around\s)?\s*
    (?P<sign>[-+]?)\s*(?:US\$|Rs\.?|[€£¥₹])?\s*(?P<inner>[-+]?)
    (?P<top>{_DIGITS})(?:\s*/\s*(?P<bottom>{_DIGITS}))?
    (?:\s*(?P<scale>thousand|million|billion|trillion)\b)?
    \s*%?(?:\s*-?\s*{_WORD}(?:[.\s·]+{_WORD}){{0,3}})?""",
    re.VERBOSE | re.IGNORECASE,
)
_SCALES = {"thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}
_NUMBER_WORDS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"),
)
_YES_NO = {"yes": "yes", "true": "yes", "no": "no", "false": "no"}
_ARTICLES = frozenset(("a", "an", "the"))
_KEPT_SIGNS = frozenset("#%&@/")
_NO_PUNCTUATION = str.maketrans({"'": "", **dict.fromkeys('!"()*,-.:;?[\\]_{}', " ")})
_OWN_LETTER = re.compile(r"\s*\(?([A-Z])(?:[).:]|\.\))\s+(?=\S)")


def unswallowed(text: str) -> str:
    """The text with the backslashes back that JSON took from LaTeX commands as `\\f`, `\\b`, `\\t` or `\\r`."""
    return _SWALLOWED.sub(lambda found: _COMMANDS[found[0]], text) if not text.isprintable() else text


def unwrapped(text: str, start: int, end: int, brackets: bool = True) -> Place:
    """The place inside quotes, bold, LaTeX and, with `brackets`, brackets that stand around the whole piece."""
    wrappers = _MARKUP + _BRACKETS if brackets else _MARKUP
    for _ in range(8):
        start, end = trimmed(text, start, end)
        inner = _peeled(text, start, end, wrappers)
        if inner is None:
            break
        start, end = inner
    return start, end


def trimmed(text: str, start: int, end: int) -> Place:
    """The place without blanks and closing punctuation at its edges."""
    while start < end and text[start] in _EDGES and text[start : start + 2] != ".5" and not _decimal(text, start, end):
        start += 1
    while end > start and text[end - 1] in _EDGES:
        end -= 1
    return start, end


def _decimal(text: str, start: int, end: int) -> bool:
    return text[start] == "." and start + 1 < end and text[start + 1].isdigit()


def _peeled(text: str, start: int, end: int, wrappers: tuple[tuple[str, str], ...]) -> Place | None:
    if start < end and text[start].isalnum():
        return None
    for opener, closer in wrappers:
        inner = (start + len(opener), end - len(closer))
        if text.startswith(opener, start) and text.endswith(closer, start, end) and inner[0] < inner[1]:
            return inner if _pairs(text[inner[0] : inner[1]], opener, closer) else None
    return None


def _pairs(inside: str, opener: str, closer: str) -> bool:
    """Whether the outer opener and closer belong together: `(A) or (B)` opens and closes twice."""
    if closer not in ")]}":
        return closer not in inside
    depth = 0
    for char in inside:
        depth += (char == opener[-1]) - (char == closer)
        if depth < 0:
            return False
    return depth == 0


def number_value(text: str) -> float | None:
    """The number that the whole piece states, without separators, currency, percent sign and unit; finite, or None.

    `5 million` is 5000000; `five` is 5; `3/4` and `\\frac{3}{4}` are 0.75; `50%` is 50.
    """
    if len(text) > MAX_NUMBER_CHARS:
        return None
    piece = plain_math(text)
    start, end = unwrapped(piece, 0, len(piece))
    if piece[start:end].casefold() in _NUMBER_WORDS:
        return float(_NUMBER_WORDS.index(piece[start:end].casefold()))
    match = _NUMBER.fullmatch(piece, start, end)
    if not match or (match["sign"] and match["inner"]):
        return None
    value = _float(match["top"]) / (_float(match["bottom"]) or math.nan) if match["bottom"] else _float(match["top"])
    value *= _SCALES.get((match["scale"] or "").casefold(), 1.0)
    value = -value if "-" in (match["sign"], match["inner"]) else value
    return value if math.isfinite(value) else None


def _float(digits: str) -> float:
    return float(re.sub(r"[,'’ ]", "", digits))


def plain_math(text: str) -> str:
    """LaTeX and typographic spelling of simple numbers as plain characters: `1{,}234\\,\\mathrm{cm}` is `1,234 cm`."""
    text = text.translate(_SIGNS).replace("{,}", ",").replace("\\%", "%").replace("\\$", "")
    text = _NAMED.sub(r" \1 ", _DEGREES.sub("", text))
    text = _FRACTION.sub(r"\1/\2", text)
    return _LATEX_SPACE.sub("", text) if "\\" in text or "$" in text or "~" in text else text


def latex_key(text: str) -> str:
    """An expression without its spelling: spaces, dollar signs, sizes of brackets, braces around one character."""
    text = _NAMED.sub(r"\1", _DEGREES.sub("", text.translate(_SIGNS)))
    text = re.sub(r"\\[dt]frac", r"\\frac", _LATEX_SPACE.sub("", text))
    text = re.sub(r"\\(?:cdot|times)(?![A-Za-z])", "*", text)
    return re.sub(r"\s+", "", re.sub(r"\{(\w)\}", r"\1", text))


def yes_no(text: str) -> str | None:
    """`yes` or `no` where the whole piece says so; `true` and `false` are the same words."""
    start, end = unwrapped(text, 0, len(text))
    return _YES_NO.get(text[start:end].casefold())


def plain_words(text: str) -> str:
    """The words of a text: NFKC, no case, no articles, no punctuation but `#%&@/`; signs such as `+` stay."""
    if text.isascii() and text.isalnum():
        return text.casefold()
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).replace("’", "")
        text = "".join(char if _is_kept(char) else " " for char in text)
    words = text.casefold().translate(_NO_PUNCTUATION).split()
    return " ".join([word for word in words if word not in _ARTICLES] or words)


def _is_kept(char: str) -> bool:
    return char in _KEPT_SIGNS or char == "'" or unicodedata.category(char)[0] not in "PZC"


def option_texts(options: Sequence[str]) -> list[str]:
    """The options without letters of their own: `(A) blue` is `blue` where every option begins with its letter."""
    matches = [_OWN_LETTER.match(option) for option in options]
    own = all(match and match[1] == letter for match, letter in zip(matches, LETTERS, strict=False))
    return [option[match.end() :] if own and match else option for option, match in zip(options, matches, strict=True)]


def valid_letters(options: Sequence[str]) -> str:
    """The letters that may be answered; A to J where the options are not given."""
    return LETTERS[: len(options)] if options else LETTERS[:10]


def option_by_text(text: str, options: Sequence[str]) -> str | None:
    """The letter of the one option whose text, or failing that whose value, the piece is."""
    longest, keys = _option_keys(tuple(options))
    if not keys or len(text) > min(MAX_CHARS, 4 * longest + 40):
        return None
    for said, wanted in zip(_keys(text), zip(*keys, strict=True), strict=True):
        letters = [letter for letter, key in zip(LETTERS, wanted, strict=False) if key and key == said]
        if letters:
            return letters[0] if len(letters) == 1 else None
    return None


@lru_cache(maxsize=1024)
def _option_keys(options: tuple[str, ...]) -> tuple[int, tuple[tuple[str, str, str], ...]]:
    """The characters of the longest option, and the spellings of each."""
    return max(map(len, options), default=0), tuple(_keys(option) for option in option_texts(options))


def _keys(text: str) -> tuple[str, str, str]:
    """Three spellings under which a piece may be an option, the strictest first: its words, its LaTeX, its value."""
    exact = "\\" in text or any(char.isdigit() for char in text)
    words = text.strip().casefold() if exact else plain_words(text)
    value = number_value(text)
    return words, latex_key(text), "" if value is None else f"{value:.9g}"
