"""What the values of a path mean as it is read, so that a changed one is carried on to what follows from it alone.

A path is walked from left to right. A value that is said first is seen there; the result of an equation follows from
what stands on its left. So a later mention of `8` means one of several things that came to 8: the one beside the same
word (`car: 8`, `the car's 8`), else the last that was worked out, else the one that was seen, where the number is
telling enough to mean no other. What is not clear is never guessed: `Unclear` is raised, and the flaw is planted
elsewhere.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import combinations
from typing import NamedTuple

from .arithmetic import NUMBER, Equation, equations, num_decimals, number, work_out, write_number
from .edits import IN_WORDS, Spot, cased, has_sense, near_misses

CONSTANTS = {Fraction(1), Fraction(2)}
"""In a sum they are as likely part of the formula as a value that was read."""
TELLING = 10
"""Smaller whole numbers turn up by chance."""
MAX_DECIMALS = 3
_VALUE = re.compile(rf"(?<![\d.^_\\])(?<!\^\{{)(?<!_\{{){NUMBER}(?!\d|\.\d|,\d{{3}})|[^\W\d_]+")
_ARITHMETIC = re.compile(
    r"\b(?:sum(?:s|ming)?|add(?:s|ed|ing)?|plus|minus|subtract\w*|differ\w*|product|multipl\w*|times|divid\w*|half"
    r"|halv\w*|doubl\w*|twice|tripl\w*|total\w*|average|mean|altogether|remain\w*|percent\w*|ratio|squared|cubed)\b",
    re.IGNORECASE,
)
_ORDERED = re.compile(
    r"[<>≤≥]|\b(?:than|\w{2,}est|most|least|maximum|minimum|between|at least|at most)\b", re.IGNORECASE
)
SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+")
_SKIPPED = {"is", "are", "was", "were", "of", "the", "a", "an", "and", "or", "so", "be", "to", "equals", "has", "have"}
_SKIPPED |= {"that", "it", "we", "get", "gives", "makes", "there", "with", "in", "which", "where", "about", "only"}


Edit = tuple[int, int, str]
"""[start, end) of a text, and what is written there."""


class Unclear(Exception):
    """What a changed value means for the rest of the path cannot be told."""


class Meaning(NamedTuple):
    """One thing that came to a value."""

    labels: frozenset[str]
    """The words on either side of it."""
    new: Fraction | str | None
    """What it has become; None: it is as it was."""
    derived: bool
    """The result of an equation."""
    step: int


class Values:
    """The meanings of every value said so far."""

    def __init__(self, known: str, carries: bool) -> None:
        """`known`: text whose values are given, the question's. `carries`: what cannot be told is refused; else, in the
        one step that is changed, an equal value that is not clearly the same is left as it is."""
        self._carries = carries
        self._meanings: defaultdict[str, list[Meaning]] = defaultdict(list)
        self._step = -1
        for found in _tokens(known):
            self._meanings[_key(found[0])].append(Meaning(_labels(known, found.span()), None, False, -1))

    def is_new(self, written: str) -> bool:
        return not self._meanings.get(_key(written))

    def is_changed(self, written: str) -> bool:
        return any(meaning.new is not None for meaning in self._meanings.get(_key(written), ()))

    def news(self) -> set[str]:
        """What was written in place of other values."""
        return {_key(str(m.new)) for meanings in self._meanings.values() for m in meanings if m.new is not None}

    def say(self, text: str, step: int, spot: Spot | None = None, new: str = "") -> str:
        """The text as it reads now; at `spot`, `new` is written. Raises Unclear."""
        self._step = step
        sums = list(equations(text))
        alone = [found for found in _tokens(text) if not any(e.left[0] <= found.start() < e.right[1] for e in sums)]
        places: list[tuple[int, Equation | re.Match[str]]] = [(each.left[0], each) for each in sums]
        places += [(found.start(), found) for found in alone]
        edits = (
            [] if spot is None or any(spot.start == each.right[0] for each in sums) else [(spot.start, spot.end, new)]
        )
        for _, place in sorted(places, key=lambda pair: pair[0]):
            if isinstance(place, Equation):
                edits += self._sum(text, place, spot, new)
            elif spot and spot.start <= place.start() < spot.end:
                self._define(text, place.span(), _value(new), derived=False)
            else:
                edits += self._mention(text, place, spot)
        said = _written(text, edits)
        if said != text:
            self._check_sentences(text, spot)
        return said

    def sum_up(self, summary: str, step: int) -> str:
        """A step's few words, which say again what the step says."""
        edits: list[Edit] = []
        for found in _tokens(summary):
            meanings = self._meanings.get(_key(found[0]), [])
            meanings = [each for each in meanings if each.step == step] or meanings
            meaning = self._choose(meanings, _labels(summary, found.span()))
            if meaning and meaning.new is not None:
                edits.append((*found.span(), _spelt(meaning.new, found[0])))
        return _written(summary, edits)

    def answer(self, written: str) -> str:
        """An answer or an option's text as it reads now: its values are the last that the path came to."""
        edits: list[Edit] = []
        for found in _tokens(written):
            meanings = self._meanings.get(_key(found[0]))
            if meanings and meanings[-1].new is not None:
                edits.append((*found.span(), _spelt(meanings[-1].new, found[0])))
        return _written(written, edits)

    def _sum(self, text: str, each: Equation, spot: Spot | None, new: str) -> list[Edit]:
        """Both sides of an equation, and what it comes to from now on."""
        old, written = text[slice(*each.left)], text[slice(*each.right)]
        left, result = self._operands(old), written
        if left != old:
            value = work_out(left)
            if value is None:
                raise Unclear("a sum cannot be worked out again")
            result = _result(value, written, each)
        if spot and spot.start == each.right[0]:
            result = new if left == old else near_misses(result)[0]
        if result != written and _is_named_before(text, each):
            raise Unclear("a result is named before it is worked out")
        self._define(text, each.right, _value(result) if result != written else None, derived=True)
        return [(*each.left, left), (*each.right, result)]

    def _operands(self, left: str) -> str:
        edits: list[Edit] = []
        for found in _tokens(left):
            meanings = self._meanings[_key(found[0])]
            if not meanings:
                meanings.append(Meaning(frozenset(), None, False, self._step))
            news = {meaning.new for meaning in meanings}
            if news == {None}:
                continue
            if number(found[0]) in CONSTANTS or len(news) > 1:
                raise Unclear("a value in a sum may be another that is equal")
            edits.append((*found.span(), _spelt(meanings[-1].new, found[0])))
        return _written(left, edits)

    def _mention(self, text: str, found: re.Match[str], spot: Spot | None) -> list[Edit]:
        """A value outside of equations."""
        cell = spot is not None and not self._carries and _in_one_list(text, spot.start, found.start())
        meaning = None if cell else self._meaning(text, found)
        if meaning is None or meaning.new is None:
            if not self._meanings.get(_key(found[0])):
                self._define(text, found.span(), None, derived=False)
            return []
        if _in_formula(text, found.span()):
            raise Unclear("a changed value stands in a formula")
        return [(*found.span(), _spelt(meaning.new, found[0]))]

    def _meaning(self, text: str, found: re.Match[str]) -> Meaning | None:
        """What a mention means; None: nothing that was said before."""
        key = _key(found[0])
        meanings = self._meanings.get(key, [])
        if all(meaning.new is None for meaning in meanings):
            return meanings[-1] if meanings else None
        labels = _labels(text, found.span())
        chosen = self._choose(meanings, labels)
        if chosen is None or chosen.labels & labels or not key[0].isdecimal():
            return chosen
        earlier = any(not meaning.derived and meaning.step < chosen.step for meaning in meanings)
        if chosen.derived and not (earlier and Fraction(key) < TELLING):
            return chosen
        if not self._carries:
            return None
        if Fraction(key) >= TELLING or Fraction(key).denominator != 1:
            return chosen
        raise Unclear("a value is said again that may be another")

    def _choose(self, meanings: list[Meaning], labels: frozenset[str]) -> Meaning | None:
        """That beside the same word, else the last that was worked out, else the last."""
        beside = [meaning for meaning in meanings if meaning.labels & labels]
        derived = [meaning for meaning in meanings if meaning.derived]
        return next(iter([*beside[::-1], *derived[::-1], *meanings[::-1]]), None)

    def _define(self, text: str, span: tuple[int, int], new: Fraction | str | None, derived: bool) -> None:
        key = _key(text[slice(*span)])
        self._meanings[key].append(Meaning(_labels(text, span), new, derived, self._step))

    def _check_sentences(self, text: str, spot: Spot | None) -> None:
        """No sentence may work out or compare values that are changed in part."""
        ends = [0, *(match.end() for match in SENTENCE_END.finditer(text)), len(text)]
        for start, end in zip(ends, ends[1:], strict=False):
            sentence = text[start:end]
            if spot and start <= spot.start < end:
                continue
            olds = [found for found in _tokens(_blank_sums(sentence)) if found[0][0].isdecimal()]
            news = [self._choose(self._meanings[_key(f[0])], _labels(sentence, f.span())) for f in olds]
            changed = [meaning for meaning in news if meaning and meaning.new is not None]
            if not changed:
                continue
            if _ARITHMETIC.search(sentence) and len(olds) > 1 and not all(m.derived for m in changed):
                raise Unclear("a changed value enters a sum in words")
            if _ORDERED.search(sentence):
                _check_order(olds, news)


def _check_order(olds: Sequence[re.Match[str]], news: Sequence[Meaning | None]) -> None:
    was = [number(found[0]) for found in olds]
    now = [m.new if m and isinstance(m.new, Fraction) else old for m, old in zip(news, was, strict=True)]
    for one, other in combinations(range(len(was)), 2):
        if (was[one] > was[other], was[one] < was[other]) != (now[one] > now[other], now[one] < now[other]):
            raise Unclear("a comparison would come out otherwise")


def value_words(text: str) -> set[str]:
    """Every value that a text names, in one spelling."""
    return {_key(found[0]) for found in _tokens(text)}


def _tokens(text: str) -> Iterator[re.Match[str]]:
    """Numbers, in figures or words, and words of the closed sets (colours, sizes, shapes)."""
    for found in _VALUE.finditer(text):
        if found[0][0].isdecimal() or has_sense(text, found.span()):
            yield found


def _key(written: str) -> str:
    word = written.casefold()
    if word[:1].isdecimal() or word[:1] == "-":
        return str(number(word.lstrip("-")))
    if word in IN_WORDS:
        return str(IN_WORDS.index(word) + 2)
    return word.removesuffix("s").replace("grey", "gray")


def _value(written: str) -> Fraction | str:
    word = written.lstrip("-").casefold()
    return number(word) if word[:1].isdecimal() else Fraction(_key(word)) if word in IN_WORDS else word


def _spelt(new: Fraction | str | None, like: str) -> str:
    """A new value as the old one was spelt: in figures or words, with its decimals, commas, plural."""
    assert new is not None
    if isinstance(new, str):
        plural = "s" if like.casefold().endswith("s") and not new.endswith("s") else ""
        return cased(new + plural, like)
    if not like[0].isdecimal():
        words = new.denominator == 1 and 2 <= new <= len(IN_WORDS) + 1
        return cased(IN_WORDS[int(new) - 2], like) if words else write_number(new, _decimals(new))
    written = write_number(new, max(num_decimals(like), _decimals(new)))
    whole, dot, rest = written.partition(".")
    return f"{int(whole):,}{dot}{rest}" if "," in like else written


def _decimals(value: Fraction) -> int:
    """As many as it needs, up to MAX_DECIMALS."""
    return next((num for num in range(MAX_DECIMALS) if (value * 10**num).denominator == 1), MAX_DECIMALS)


def _result(value: Fraction, written: str, each: Equation) -> str:
    """What a sum comes to, spelt as its old result; it was rounded only where the old one was."""
    was_rounded = each.value != number(written)
    if (value < 0) != written.startswith("-") and value != 0:
        raise Unclear("a sum would change its sign")
    decimals = each.decimals if was_rounded else max(each.decimals, _decimals(abs(value)))
    if not was_rounded and (value * 10**decimals).denominator != 1:
        raise Unclear("a sum would not come out even")
    sign = "-" if value < 0 else ""
    new = write_number(abs(value), decimals)
    whole, dot, rest = new.partition(".")
    return sign + (f"{int(whole):,}{dot}{rest}" if "," in written else new)


def _written(text: str, edits: list[Edit]) -> str:
    parts, end = [], 0
    for start, stop, words in sorted(edits):
        parts += [text[end:start], words]
        end = stop
    return "".join([*parts, text[end:]])


def _is_named_before(text: str, each: Equation) -> bool:
    """Whether a sentence says what an equation comes to before it works it out, and means no value of the sum."""
    key = _key(text[slice(*each.right)])
    start = max((match.end() for match in SENTENCE_END.finditer(text, 0, each.left[0])), default=0)
    said = {_key(found[0]) for found in _tokens(_blank_sums(text[start : each.left[0]]))}
    return key in said and key not in {_key(found[0]) for found in _tokens(text[slice(*each.left)])}


def _in_one_list(text: str, one: int, other: int) -> bool:
    """Whether both are members of the same list in brackets."""
    start = text.rfind("[", 0, one)
    return start != -1 and start < other < text.find("]", start) and one < text.find("]", start)


def _labels(text: str, span: tuple[int, int]) -> frozenset[str]:
    """The nearest telling word on either side, within the clause and with no other value between."""
    before = re.split(r"[;.!?\n]\s|,|\d", text[max(0, span[0] - 60) : span[0]])[-1]
    after = re.split(r"[;.!?\n,\d]", text[span[1] : span[1] + 40])[0]
    left = [word for word in re.findall(r"[^\W\d_]{2,}", before.casefold()) if word not in _SKIPPED]
    right = [word for word in re.findall(r"[^\W\d_]{2,}", after.casefold()) if word not in _SKIPPED]
    near = re.match(r"\W*([^\W\d_]{2,})", after)
    return frozenset(word.removesuffix("s") for word in (*left[-1:], *(right[:1] if near else [])))


def _in_formula(text: str, span: tuple[int, int]) -> bool:
    before, after = text[max(0, span[0] - 40) : span[0]], text[span[1] : span[1] + 12]
    if re.match(r"\s*(?:[+−*/×·÷^=\\|≈]|-\s*[\d(\\])", after):
        return True
    if re.search(r"[\w)}]\s*=\s*[$\\]*$", before) and not re.search(r"\d\s*=\s*[$\\]*$|[+−*/×÷-][^=]*=\s*$", before):
        return False  # `h = 12`
    return bool(re.search(r"(?:[+−*/×·÷^=\\]|[\d)}]\s*-)\s*[$({]*$", before))


def _blank_sums(text: str) -> str:
    """Equations as blanks of their length."""
    for each in list(equations(text)):
        start, end = each.left[0], each.right[1]
        text = text[:start] + " " * (end - start) + text[end:]
    return text
