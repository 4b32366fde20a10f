"""The options of a question: their letters, their texts, and which of them a piece names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from .languages import NO, YES
from .plain import plain_text
from .values import bare, number_of, ratio_of

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
MAX_CHARS = 2_000  # a longer piece is no answer

_ARTICLES = frozenset(("a", "an", "the"))
_KEPT_SIGNS = frozenset("#%&@/")
_NO_PUNCTUATION = str.maketrans({"'": "", **dict.fromkeys('!"()*,-.:;?[\\]_{}', " ")})
_FORMULA = re.compile(r"[^\w\s.,;:!?'\"%-]")
_GOES_ON = re.compile(r"[^\W_]|[.,:/]\d")
_ARTICLE = re.compile(r"(?:an?|the)\s+(?=\w{4})")
_CALCULATED = re.compile(r"\s*(?:[-+*/^√×·]|\\)")
_HYPHEN = re.compile(r"(?<=[a-z])-(?=[a-z])")
_DIGIT = re.compile(r"\d")
_OWN_LETTER = re.compile(r"\s*\(?([A-Z])(?:[).:]|\.\))\s+(?=\S)")


class Choice(NamedTuple):
    """One option in the spellings under which a piece may name it."""

    letter: str
    said: str
    """Plain, lower case, one space between words."""
    words: str
    latex: str
    value: float | None
    stem: str = ""
    """As it is looked for in a sentence; empty where it cannot be told from other words."""


def option_texts(options: Sequence[str]) -> list[str]:
    """The options without letters of their own: `(A) blue` is `blue` where every option begins with its letter."""
    matches = [_OWN_LETTER.match(option) for option in options]
    own = all(match and match[1] == letter for match, letter in zip(matches, LETTERS, strict=False))
    return [option[match.end() :] if own and match else option for option, match in zip(options, matches, strict=True)]


def valid_letters(options: Sequence[str]) -> str:
    """The letters that may be answered; A to J where the options are not given."""
    return LETTERS[: len(options)] if options else LETTERS[:10]


@lru_cache(maxsize=1024)
def choices(options: tuple[str, ...]) -> tuple[Choice, ...]:
    each = [
        Choice(
            letter,
            _said(text),
            _words(text),
            latex_key(text) if _FORMULA.search(text) or not text.isascii() else "",
            _value(text),
        )
        for letter, text in zip(LETTERS, option_texts(options), strict=False)
    ]
    return tuple(
        choice._replace(stem=_stem(_ARTICLE.sub("", _HYPHEN.sub(" ", choice.said)))) if _is_telling(choice) else choice
        for choice in each
    )


@lru_cache(maxsize=1024)
def _by_spelling(options: tuple[str, ...]) -> tuple[int, tuple[dict[Any, str | None], ...]]:
    """The characters of the longest option; and by each spelling, the strictest first, its letter, None of two."""
    each = choices(options)
    tables: list[dict[Any, str | None]] = []
    for field in range(1, 5):  # said, words, latex, value
        table: dict[Any, str | None] = {}
        for choice in each:
            if choice[field] not in ("", None):
                table[choice[field]] = None if choice[field] in table else choice.letter
        tables.append(table)
    return max((len(choice.said) for choice in each), default=0), tuple(tables)


@lru_cache(maxsize=1024)
def affirming(options: tuple[str, ...]) -> tuple[str, str] | None:
    """The letters of yes and of no, where the options are these two or mean them: true and false."""
    said = {choice.said: choice.letter for choice in choices(options)}
    yes, no = ([letter for word, letter in said.items() if word in words] for words in (YES, NO))
    return (yes[0], no[0]) if len(said) == 2 and len(yes) == len(no) == 1 else None


@lru_cache(maxsize=1024)
def are_letters(options: tuple[str, ...]) -> bool:
    """Whether the options are letters themselves, as where they stand in a picture."""
    each = choices(options)
    return (
        bool(each)
        and all(len(choice.said.strip("()[]. ")) == 1 for choice in each)
        and (all(choice.said.strip("()[]. ").isalpha() for choice in each))
    )


def _said(text: str) -> str:
    return " ".join(plain_text(text).lower().split()).rstrip(".")


def _words(text: str) -> str:
    exact = "\\" in text or _DIGIT.search(text)
    return " ".join(text.split()).casefold().rstrip(".") if exact else plain_words(text)


def _value(text: str) -> float | None:
    number, ratio = number_of(text), ratio_of(text)
    value = number.value if number else ratio[0] if ratio and len(ratio) == 2 else None
    return None if value is None else float(f"{value:.9g}")


def option_by_text(text: str, options: Sequence[str]) -> str | None:
    """The letter of the one option whose text, or failing that whose value, the piece is."""
    longest, tables = _by_spelling(tuple(options))
    if not longest or len(text) > min(MAX_CHARS, 4 * longest + 60):
        return None
    for spell, table in zip((_said, _words, latex_key, _value), tables, strict=True):
        if table and (spelling := spell(text)) in table:
            return table[spelling]
    return None


def option_letter(text: str, options: Sequence[str]) -> str | None:
    """The option that a whole piece names, by its letter, its text or its value."""
    piece = bare(text)
    if len(piece) == 1 and (letter := single_letter(piece, options)):
        return letter
    return option_by_text(text, options) or (option_by_text(piece, options) if piece != text else None)


def single_letter(piece: str, options: Sequence[str]) -> str | None:
    """A letter of the options; a small one that is an option's own text names that option."""
    if piece.upper() not in valid_letters(options):
        return None
    if piece.islower() and (named := option_by_text(piece, options)) and any(bare(each) == piece for each in options):
        return named
    return piece.upper()


def option_at(low: str, at: int, end: int, options: Sequence[str]) -> tuple[str, int] | None:
    """The option whose text begins at `at`, the longest of them, and where it ends.

    No letter where two options are spelt so.
    """
    best: list[str] = []
    stop = at
    for choice in choices(tuple(options)):
        until = at + len(choice.said)
        if not choice.said or until > end or until < stop or not low.startswith(choice.said, at):
            continue
        if choice.said[-1].isalnum() and _GOES_ON.match(low, until):
            continue
        if choice.said[-1].isdigit() and _CALCULATED.match(low, until, until + 3):
            continue
        best = [*best, choice.letter] if until == stop else [choice.letter]
        stop = until
    return (best[0] if len(best) == 1 else "", stop) if best and stop > at else None


def options_in(low: str, start: int, end: int, options: Sequence[str]) -> list[tuple[str, int, int]]:
    """Where options are said in [start, end), none of them inside a longer one; bare numbers and initials left out."""
    found: list[tuple[str, int, int]] = []
    spaced = _HYPHEN.sub(" ", low) if "-" in low else low
    for choice in choices(tuple(options)):
        said = choice.stem
        if not said:
            continue
        at = spaced.find(said, start, end)
        while at >= 0:
            stop = at + len(said)
            if said[-1].isalpha() and spaced[stop : stop + 1] == "s":
                stop += 1  # one or several of them
            edges = (spaced[at - 1 : at] if at > start else "", spaced[stop : stop + 1])
            if not said.isascii() or not any(
                _joins(edge, char) for edge, char in zip(edges, (said[0], said[-1]), strict=True)
            ):
                found.append((choice.letter, at, stop))
            at = spaced.find(said, stop, end)
    return [
        (letter, at, stop)
        for letter, at, stop in found
        if not any(other[1] <= at and stop <= other[2] and (other[1], other[2]) != (at, stop) for other in found)
    ]


def _stem(said: str) -> str:
    """Without the `s` of several, where the word is long enough to be told."""
    return said[:-1] if len(said) > 5 and said.endswith("s") and not said.endswith("ss") and said.isascii() else said


def _is_telling(choice: Choice) -> bool:
    """Whether an option's text can be told from other text: three letters, or a form such as `5:30` and `[0, 2]`."""
    if not choice.said.isascii():
        return len(choice.said) > 1 and any(char.isalpha() for char in choice.said)
    if sum(char.isalpha() for char in choice.said) >= 3:
        return True
    is_form = choice.value is None or ":" in choice.said
    return is_form and len(choice.said) >= 3 and any(char.isdigit() for char in choice.said)


def _joins(edge: str, char: str) -> bool:
    """Whether a character at an option's edge would make it another word or number."""
    return (edge.isalnum() and char.isalnum()) or (char.isdigit() and edge in ("/", ":"))


def latex_key(text: str) -> str:
    """An expression without its spelling: spaces, dollar signs, sizes of brackets, braces around one character."""
    text = unicode_math(plain_text(text))
    text = re.sub(r"\\[dt]frac", r"\\frac", text)
    text = re.sub(r"\\frac(\d)(\d)", r"\\frac{\1}{\2}", text)
    return re.sub(r"\s+", "", re.sub(r"\{(\w)\}", r"\1", text)).replace("×", "*").replace("·", "*").rstrip(".")


_SUPERSCRIPTS = {**dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789", strict=True)), "⁻": "-", "⁺": "+", "ⁿ": "n"}
_SUPER = re.compile(f"[{''.join(_SUPERSCRIPTS)}]+")
_SUB = re.compile("[₀₁₂₃₄₅₆₇₈₉]+")
_ROOT = re.compile(r"√\s*(?:\{([^{}]*)\}|\(([^()]*)\)|(\d+(?:\.\d+)?|[a-zA-Zπ]))")
_SPELT = {
    "π": r"\pi ",
    "∞": r"\infty ",
    "≤": r"\le ",
    "≥": r"\ge ",
    "÷": "/",
    "∪": r"\cup ",
    "∩": r"\cap ",
    "θ": r"\theta ",
}


def unicode_math(text: str) -> str:
    """Roots, powers, fractions and signs of Unicode as LaTeX: `2√3` is `2\\sqrt{3}`, `x²` is `x^{2}`."""
    if text.isascii():
        return text
    text = _ROOT.sub(lambda match: rf"\sqrt{{{match[1] or match[2] or match[3]}}}", text)
    text = _SUPER.sub(lambda match: "^{" + "".join(_SUPERSCRIPTS[char] for char in match[0]) + "}", text)
    text = _SUB.sub(lambda match: "_{" + "".join(str(ord(char) - 0x2080) for char in match[0]) + "}", text)
    for sign, name in _SPELT.items():
        text = text.replace(sign, name)
    return "".join(_fraction(char) if "VULGAR" in unicodedata.name(char, "") else char for char in text)


def _fraction(char: str) -> str:
    top, _, bottom = unicodedata.normalize("NFKC", char).partition("⁄")
    return rf"\frac{{{top}}}{{{bottom}}}"


def plain_words(text: str) -> str:
    """The words of a text: NFKC, no case, no articles before a word, of punctuation `#%&@/` alone; `+` stays.

    `A` after another word is a name and stays: `vitamin A`.
    """
    if text.isascii() and text.isalnum():
        return text.casefold()
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).replace("’", "")
        text = "".join(char if _is_kept(char) else " " for char in text)
    words = text.translate(_NO_PUNCTUATION).split()
    kept = [word for place, word in enumerate(words) if not _is_article(words, place, text)]
    return " ".join(kept).casefold()


def _is_article(words: Sequence[str], place: int, text: str) -> bool:
    word = words[place]
    if word.casefold() not in _ARTICLES or place + 1 == len(words) or len(words[place + 1]) == 1:
        return False
    return word.islower() or (place == 0 and text.lstrip("\"'*_ ").startswith(f"{word} "))


def _is_kept(char: str) -> bool:
    return char in _KEPT_SIGNS or char == "'" or unicodedata.category(char)[0] not in "PZC"
