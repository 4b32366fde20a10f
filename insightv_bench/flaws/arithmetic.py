"""Equations in free text: found, worked out exactly, and told whether they hold.

Read are sums of numbers with + - * / ^ and brackets, in plain signs, Unicode or LaTeX, up to an `=` or `\\approx` and
one plain number. What cannot be worked out is left alone: no equation is better than a guess.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

MAX_CHARS, MAX_POWER, MAX_DIGITS = 120, 6, 15
NUMBER = r"\d+(?:,\d{3})*(?:\.\d+)?"
_EQUALS = re.compile(r"=|≈|\\approx\b")
_RESULT = re.compile(rf"\s*(?:\\boxed\{{|\\?\$)?(-?{NUMBER})(?![\d.]*\d)")
_DEGREES = r"(?:\^\{?\\circ\}?|°)"
_FOLLOWED = re.compile(rf"{_DEGREES}?+\s*+(?:[-+*/×·÷^(=]|\\(?:times|cdot|div|frac|sqrt|pi)\b|[a-zA-Zπ√](?![a-zA-Z]))")
_LEFT = re.compile(
    rf"(?:{_DEGREES}|\\(?:times|cdot|div|[dt]?frac|left|right)(?![a-zA-Z])|\\?[$%]|[\d\s.,+\-−–*/×·÷^(){{}}])+$"
)
_TOKEN = re.compile(rf"{NUMBER}|[-+*/^()]")
_BINARY = re.compile(r"[\d)]\s*[-+*/^]\s*[-(]?\s*[\d(]")
_FRACTION = re.compile(r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}")
_SPELT = {"\\times": "*", "\\cdot": "*", "\\div": "/", "\\left": "", "\\right": "", "−": "-", "–": "-"}
_SPELT |= {"×": "*", "·": "*", "÷": "/", "{": "(", "}": ")"}


class Equation(NamedTuple):
    """One equation of a text whose two sides are equal, the right one perhaps rounded."""

    left: tuple[int, int]
    """[start, end) of the sum to be worked out."""
    right: tuple[int, int]
    """[start, end) of the number that it comes to."""
    value: Fraction
    """Of the left side, exactly."""
    decimals: int
    """Of the right side as written."""


def equations(text: str) -> Iterator[Equation]:
    """Those that hold, in order."""
    for sign in _EQUALS.finditer(text):
        result = _RESULT.match(text, sign.end())
        if not result or _FOLLOWED.match(text, result.end()):
            continue
        left = _left_side(text, sign.start())
        if left is None:
            continue
        start, value = left
        decimals, off = num_decimals(result[1]), abs(value - number(result[1]))
        if off == 0 or ("." in result[1] and off < Fraction(1, 10**decimals)):  # it may be rounded, or cut
            yield Equation((start, sign.start()), result.span(1), value, decimals)


def sums_in(text: str) -> list[str]:
    """Equations that hold, as they stand in the text."""
    return [text[each.left[0] : each.right[1]].strip() for each in equations(text)]


def work_out(expression: str) -> Fraction | None:
    """The value of a sum; None where it is no sum of numbers alone, or too large."""
    plain = _plain(expression)
    tokens = _TOKEN.findall(plain)
    if not tokens or "".join(tokens) != plain.replace(" ", "") or re.search(r"[\d.]\s+[\d.]", plain):
        return None
    try:
        value, rest = _sum(tokens)
    except (ArithmeticError, ValueError, IndexError):
        return None
    return value if not rest else None


def number(written: str) -> Fraction:
    return Fraction(written.replace(",", ""))


def num_decimals(written: str) -> int:
    return len(written.partition(".")[2])


def write_number(value: Fraction, decimals: int) -> str:
    """Rounded to so many decimals; a whole number as one."""
    scaled = round(value * 10**decimals)
    sign, digits = "-" * (scaled < 0), str(abs(scaled)).rjust(decimals + 1, "0")
    return sign + (f"{digits[:-decimals]}.{digits[-decimals:]}" if decimals else digits)


def _left_side(text: str, end: int) -> tuple[int, Fraction] | None:
    """The longest sum that ends at `end`: its start and value."""
    match = _LEFT.search(text, max(0, end - MAX_CHARS), end)
    if not match:
        return None
    # The longest first: at the start, after a blank or after an opening bracket.
    for start in (at for at in range(match.start(), end) if at == match.start() or text[at - 1] in " \n\t({,"):
        part = text[start:end]
        value = work_out(part) if _BINARY.search(_plain(part)) else None
        if value is not None and _begins_a_sum(text, start):
            return start, value
    return None


def _begins_a_sum(text: str, start: int) -> bool:
    """Not in the middle of something longer, as in `x + 3 * 2`."""
    begin = start + len(text[start:]) - len(text[start:].lstrip())
    before = text[:begin].rstrip()
    if not before:
        return True
    if text[begin] in "+-−–*/×·÷^" and (before[-1].isalnum() or before[-1] in ")]}$'"):
        return False
    return not (before[-1] in "+-−–*/×·÷^_\\" or text[begin - 1].isalnum())


def _plain(expression: str) -> str:
    expression = re.sub(rf"{_DEGREES}|\\?[$%]", "", expression)
    for _ in range(3):
        expression = _FRACTION.sub(r"((\1)/(\2))", expression)
    for spelt, sign in _SPELT.items():
        expression = expression.replace(spelt, sign)
    return expression.strip()


def _sum(tokens: list[str]) -> tuple[Fraction, list[str]]:
    value, tokens = _product(tokens)
    while tokens and tokens[0] in "+-":
        sign, (other, tokens) = tokens[0], _product(tokens[1:])
        value = value + other if sign == "+" else value - other
    return value, tokens


def _product(tokens: list[str]) -> tuple[Fraction, list[str]]:
    value, tokens = _power(tokens)
    while tokens and (tokens[0] in "*/" or tokens[0] == "("):
        sign = tokens[0]
        other, tokens = _power(tokens if sign == "(" else tokens[1:])
        value = value / other if sign == "/" else value * other
    return value, tokens


def _power(tokens: list[str]) -> tuple[Fraction, list[str]]:
    if tokens[0] == "-":
        value, tokens = _power(tokens[1:])
        return -value, tokens
    value, tokens = _atom(tokens)
    if tokens and tokens[0] == "^":
        power, tokens = _atom(tokens[1:])
        if power.denominator != 1 or abs(power) > MAX_POWER or abs(value) > 10**MAX_DIGITS:
            raise ValueError("too large a power")
        value = value ** int(power)
    return value, tokens


def _atom(tokens: list[str]) -> tuple[Fraction, list[str]]:
    if tokens[0] == "(":
        value, rest = _sum(tokens[1:])
        if rest[0] != ")":
            raise ValueError("a bracket is open")
        return value, rest[1:]
    if len(tokens[0]) > MAX_DIGITS:
        raise ValueError("too long a number")
    return number(tokens[0]), tokens[1:]
