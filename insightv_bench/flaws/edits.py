"""Places in free text that can be changed so that what was said becomes false, and what to write there instead.

    equation    the result of an equation that holds           12 -> 13
    number      a number that no equation explains, or one in words
    colour, size, shape, side, row   one word of a small closed set for another
    unit        the unit after a number                        cm -> mm
    comparison  a comparing word or sign for its opposite      greater than -> less than

A rule knows words, not images: an edit of an equation is false for certain, the others where the text was right.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from typing import NamedTuple

from .arithmetic import NUMBER, equations, num_decimals, number, write_number

COLOURS = ["red", "blue", "green", "yellow", "purple", "orange", "cyan", "gray", "grey", "pink", "brown", "black"]
COLOURS += ["white", "violet", "magenta"]
SIZES = (["small", "medium", "large"], ["short", "medium", "long"])
SHAPES = ["circle", "triangle", "square", "pentagon", "hexagon", "rectangle", "star"]
ROWS = ["first", "second", "third", "fourth"]
IN_WORDS = ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
SIDES: tuple[tuple[str, str], ...] = (
    ("left", "right"),
    ("top", "bottom"),
    ("upper", "lower"),
    ("clockwise", "counterclockwise"),
)
SIDES += (("horizontal", "vertical"), ("horizontally", "vertically"), ("x-axis", "y-axis"))
UNITS = {"cm": "mm", "mm": "cm", "m": "cm", "km": "m", "kg": "g", "g": "kg", "kW": "W", "W": "kW", "kJ": "J", "J": "kJ"}
UNITS |= {"seconds": "minutes", "minutes": "hours", "hours": "minutes", "degrees": "radians", "inches": "feet"}
UNITS |= {"feet": "inches", "ft": "in", "s": "min", "mL": "L", "Hz": "kHz", "kHz": "Hz", "kPa": "Pa", "MPa": "kPa"}
OPPOSITES = (
    ("greater than", "less than"),
    ("more than", "fewer than"),
    ("at most", "at least"),
    ("larger", "smaller"),
    ("bigger", "smaller"),
    ("taller", "shorter"),
    ("longer", "shorter"),
    ("higher", "lower"),
    ("highest", "lowest"),
    ("largest", "smallest"),
    ("biggest", "smallest"),
    ("tallest", "shortest"),
    ("longest", "shortest"),
    ("maximum", "minimum"),
    ("increases", "decreases"),
    ("increase", "decrease"),
    ("increased", "decreased"),
    ("increasing", "decreasing"),
    ("above", "below"),
    ("older", "younger"),
    ("newer", "older"),
    ("faster", "slower"),
    ("stronger", "weaker"),
    ("\\geq", "\\leq"),
    ("\\gt", "\\lt"),
    ("≥", "≤"),
)
_ONE_WAY = (("the same", "different"), ("equal to", "not equal to"))
"""The other way round they make no sentence."""
_SIGNS = re.compile(r"(?<=[\w)}$ ])(?<![-=<>])([<>])(?=[\w({$\\ -])(?![=<>/])")
_NUMBER = re.compile(rf"(?<![\w.^\\_{{-])(?<!\d,)(?<!\d, )-?{NUMBER}(?![\w^]|\.\d|\s*/)")
_LABELS = (
    "step|figure|fig|diagram|image|picture|graph|chart|option|answer|choice|case|part|equation|eq|problem|question"
)
_LABELS += "|table|page|line|chapter|rule|section|method|solution|item|point|note|theorem|lemma|exercise|example|no|#"
_LABELLED = re.compile(rf"(?:{_LABELS})s?\.?\s*[(:]?(?:[\d\s,&]|and\b|or\b|to\b|-)*$", re.IGNORECASE)
"""`Step 2`, and also the last number of `steps 1, 2 and 3`."""
_ORDINAL = re.compile(r"(?:^|[.!?:;]\s+|\n\s*)[\s*#(]*$")
"""What stands before the number of a list, be it in a line of its own or in running text."""
_IN_FORMULA = re.compile(r"[-+−*/×·÷^=<>\\|≈]")
_CODE = re.compile(
    r"</?[a-z]{1,12}>|\[asy\].*?(?:\[/asy\]|$)|```.*?(?:```|$)|\\begin\{.*?\\end\{\w+\*?\}|!\[[^\]]*\]\([^)]*\)",
    re.DOTALL,
)

_NO_SHAPE = re.compile(r"\s+(?:root|of\b|unit|cm|m\b|inch|feet|number)")
_NO_SIDE = r"(?!\s+(?:angle|triangle|answer|option|choice|order|place))"

NEAR = 60
"""Characters before a number that are looked at: a line may be as long as the whole text."""
LONG = 2
"""Significant digits; a slip in the last of more would hardly matter."""


class Spot(NamedTuple):
    """One place in a text and what may stand there instead, the likeliest slip first."""

    start: int
    end: int
    others: tuple[str, ...]
    kind: str


def observation_spots(text: str) -> list[Spot]:
    """What a text says that it sees or was given: values, counts, colours, sizes, shapes, sides, units."""
    finders: list[Callable[[str], Iterable[Spot]]] = [_numbers, _colours, _sizes, _shapes, _sides, _rows, _units]
    return _outside_code(text, [spot for find in finders for spot in find(text)])


def equation_spots(text: str) -> list[Spot]:
    """Results of equations that hold."""
    spots = [Spot(*each.right, near_misses(text[slice(*each.right)]), "equation") for each in equations(text)]
    return _outside_code(text, spots)


def comparison_spots(text: str) -> list[Spot]:
    """Comparing words and signs."""
    signs = [Spot(m.start(1), m.end(1), ("<" if m[1] == ">" else ">",), "comparison") for m in _SIGNS.finditer(text)]
    return _outside_code(text, [*_comparing_words(text), *signs])


def near_misses(written: str) -> tuple[str, ...]:
    """Slips that matter, in the same spelling: one or two off in a short number, one digit of the first two in a long
    one. Never below zero or past it."""
    digits = [place for place, char in enumerate(written) if char.isdecimal()]
    significant = [place for place in digits if any(char in "123456789" for char in written[: place + 1])]
    if len(significant) > LONG:
        return tuple(other for place in (significant[1], significant[0]) for other in _digit_slips(written, place))
    value, decimals = number(written), num_decimals(written)
    step = Fraction(1, 10**decimals)
    near = [value + times * step for times in (1, -1, 2, -2)]
    others = [other for other in near if (other < 0 if value < 0 else other > 0)]
    return tuple(write_number(other, decimals) for other in others or [value - step])


def _digit_slips(written: str, place: int) -> list[str]:
    digit = int(written[place])
    first = not any(char in "123456789" for char in written[:place])
    return [
        f"{written[:place]}{other}{written[place + 1 :]}" for other in (digit + 1, digit - 1) if first <= other <= 9
    ]


def words_of(text: str) -> set[str]:
    """Every value that a text names: numbers in one spelling, and its words."""
    numbers = {str(number(match[0])) for match in re.finditer(rf"(?<![\d.]){NUMBER}", text)}
    words = {word.casefold() for word in re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)*", text)}
    return numbers | words | {word.removesuffix("s") for word in words}


def word_of(written: str) -> str:
    """One value as `words_of` has it."""
    return str(abs(number(written.lstrip("-")))) if re.fullmatch(rf"-?{NUMBER}", written) else written.casefold()


def _numbers(text: str) -> Iterator[Spot]:
    explained = {place for each in equations(text) for place in range(each.left[0], each.right[1])}
    for match in _NUMBER.finditer(text):
        if match.start() not in explained and _states_a_value(text, match):
            yield Spot(match.start(), match.end(), near_misses(match[0]), "number")
    for match in re.finditer(
        rf"(?<!the )(?<!these )(?<!those )(?<!both )(?<!of )\b({'|'.join(IN_WORDS)})\b(?!-)", text
    ):
        place = IN_WORDS.index(match[0])
        others = [IN_WORDS[other] for other in (place + 1, place - 1) if 0 <= other < len(IN_WORDS)]
        yield Spot(match.start(), match.end(), tuple(others), "number")


def _states_a_value(text: str, match: re.Match[str]) -> bool:
    """Not a list's number, a label such as `Step 2`, or part of a formula."""
    line = max(text.rfind("\n", 0, match.start()) + 1, match.start() - NEAR)
    before, after = text[line : match.start()], text[match.end() : match.end() + 12]
    if _ORDINAL.search(before) and re.match(r"[)\]:](?=\D|$)|\.(?=\s|$)|\*\*", after):
        return False
    if after.startswith(")") and len(match[0]) < 3 and (before.endswith("(") or before.count("(") <= before.count(")")):
        return False  # a reference, as to equation (2), or an item: `1) the left 2) the top`
    if _LABELLED.search(before) or _IN_FORMULA.match(after.lstrip()):
        return False
    # `h = 12`, but not `3 + 4 = 12`, which does not hold or cannot be worked out
    assigned = re.search(r"[^\W\d][\d_]*\s*=\s*$", before) and not re.search(
        r"[+−*/×÷^][^=]*=\s*$|\d\s*-[^=]*=\s*$", before
    )
    return bool(assigned) or not re.search(r"[-+−*/×·÷^_=<>({\\]\s*$", before)


def _colours(text: str) -> Iterator[Spot]:
    """Colours that the text names itself come first: a mix-up is likelier than a new one."""
    pattern = rf"\b({'|'.join(COLOURS)})\b"
    named = list(dict.fromkeys(match[0].lower() for match in re.finditer(pattern, text, re.IGNORECASE)))
    yield from _one_of(text, [*named, *COLOURS], "colour")


def _sizes(text: str) -> Iterator[Spot]:
    """Of sizes or of lengths, whichever the text speaks of: `medium` is both."""
    num_words = [sum(bool(re.search(rf"\b{word}\b", text, re.IGNORECASE)) for word in words) for words in SIZES]
    if any(num_words):
        yield from _one_of(text, SIZES[num_words[1] > num_words[0]], "size", need=2)


def _shapes(text: str) -> Iterator[Spot]:
    for match in re.finditer(rf"\b({'|'.join(SHAPES)})(s?)\b(?!{_NO_SHAPE.pattern})", text, re.I):
        others = [shape for shape in SHAPES if shape != match[1].lower()]
        near = [shape for shape in others if re.search(rf"\b{shape}", text, re.IGNORECASE)]
        yield Spot(match.start(1), match.end(1), tuple(cased(each, match[1]) for each in [*near, *others]), "shape")


def _sides(text: str) -> Iterator[Spot]:
    for one, other in SIDES:
        for word, opposite in ((one, other), (other, one)):
            # `right` and `left` mean much else: only after `on the` and its like.
            place = r"\b(?:on|to|at|from|in) the " if word in ("left", "right") else r"\b"
            for match in re.finditer(rf"{place}({word})\b{_NO_SIDE}", text, re.IGNORECASE):
                yield Spot(*match.span(1), (cased(opposite, match[1]),), "side")


def _rows(text: str) -> Iterator[Spot]:
    for match in re.finditer(
        rf"\b({'|'.join(ROWS)})(?=\s+(?:row|column|arm|circle|bar|figure|line|quadrant)\b)", text, re.I
    ):
        place = ROWS.index(match[1].lower())
        others = [ROWS[other] for other in (place + 1, place - 1) if 0 <= other < len(ROWS)]
        yield Spot(match.start(), match.end(), tuple(cased(other, match[1]) for other in others), "row")


def _units(text: str) -> Iterator[Spot]:
    units = "|".join(sorted(UNITS, key=len, reverse=True))
    pattern = rf"(?<=\d)(?:\s|~|\\,|\\\s|\s*\\(?:text|mathrm)\{{\s*)*({units})(?![\w^²³/·-]|\s*[=/*^]|\.\w|\s*\()"
    for match in re.finditer(pattern, text):
        if match[1] not in ("m", "s", "g", "W", "J") or match.start() < match.start(1):
            yield Spot(match.start(1), match.end(1), (UNITS[match[1]],), "unit")


def _comparing_words(text: str) -> Iterator[Spot]:
    """Not where a word tells a place on the page (`the diagram below`, `as shown above`)."""
    seen: set[int] = set()
    for word, opposite in (*OPPOSITES, *(pair[::-1] for pair in OPPOSITES), *_ONE_WAY):
        pattern = rf"{re.escape(word)}(?![a-zA-Z])" if not word[0].isalpha() else rf"(?<!not )\b{word}\b"
        for match in re.finditer(pattern, text, re.IGNORECASE):
            if match.start() not in seen and (word not in ("above", "below") or _compares(text, match)):
                seen.add(match.start())
                yield Spot(match.start(), match.end(), (cased(opposite, match[0]),), "comparison")


def _compares(text: str, match: re.Match[str]) -> bool:
    """Whether `above` or `below` sets two things side by side."""
    before, after = text[max(0, match.start() - NEAR) : match.start()], text[match.end() :]
    on_page = (
        rf"(?:{_LABELS}|drawing|map|list|text|shown|given|seen|see|listed|described|drawn|mentioned|stated|as|the)"
    )
    said_of = re.match(
        r"\s+(?:the|a|an|it|its|this|that|them|each|all|zero|\$?-?\d|\w+ (?:line|bar|axis|point))\b", after
    )
    return bool(said_of) and not re.search(rf"\b{on_page}s?\s+(?:is\s+)?$", before, re.IGNORECASE)


def has_sense(text: str, span: tuple[int, int]) -> bool:
    """Whether the word there is one of a closed set of values, in the sense of it: no `square root`."""
    word = text[slice(*span)].casefold()
    plain = word.removesuffix("s")
    if plain in SHAPES:
        return not _NO_SHAPE.match(text, span[1])
    return word in IN_WORDS or plain in COLOURS or word in SIZES[0] or word in SIZES[1]


def _one_of(text: str, words: list[str], kind: str, need: int = 1) -> Iterator[Spot]:
    """Words of one closed set; `need`: so many different ones must be there, since one alone may mean anything."""
    matches = list(re.finditer(rf"\b({'|'.join(dict.fromkeys(words))})\b(?!-)", text, re.IGNORECASE))
    if len({match[0].lower() for match in matches}) < need:
        return
    for match in matches:
        others = [
            word for word in dict.fromkeys(words) if word != match[0].lower() and {word, match[0]} != {"gray", "grey"}
        ]
        yield Spot(match.start(), match.end(), tuple(cased(other, match[0]) for other in others), kind)


def cased(word: str, like: str) -> str:
    return word.upper() if like.isupper() and len(like) > 1 else word.capitalize() if like[:1].isupper() else word


def _outside_code(text: str, spots: Iterable[Spot]) -> list[Spot]:
    """In order, none inside a drawing's source, a table or a link, and no two in one place."""
    code = [match.span() for match in _CODE.finditer(text)]
    kept: list[Spot] = []
    for spot in sorted(spots, key=lambda spot: (spot.start, -spot.end)):
        inside = any(start <= spot.start < end for start, end in code)
        if spot.others and not inside and (not kept or kept[-1].end <= spot.start):
            kept.append(spot)
    return kept
