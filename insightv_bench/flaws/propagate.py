"""Spoil chosen steps of a text path, and write what follows from it, if it is to follow; state another answer.

A flaw is planted in what a step means: its words and its summary change together. Whether anything later follows is
decided value by value (see `values`); what cannot be told for certain is planted elsewhere, or not at all.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from insightv_bench.answers import is_gold, yes_no
from insightv_bench.chat import LETTERS
from insightv_bench.records import FlawType, Position, QuestionColumns, Step

from .arithmetic import NUMBER, equations
from .edits import Spot, near_misses, observation_spots
from .text_path import TextPath
from .types import FLAWS
from .values import Unclear, Values, value_words

TRIES = 12
"""Other places and values, where the first cannot be spoilt or nothing follows from it."""
CARRIED = ("number", "equation", "colour", "size", "shape")
"""Kinds of places whose value means the same wherever it is said; a side or a unit belongs to its place."""
Finder = Callable[[str], list[Spot]]
_SAYS = (
    r"\b[Oo]ption\s+(?:is\s+)?",
    r"\b[Aa]nswer\s*(?:is)?:?\**:?\s*(?:\*\*|\\\(\s*)?",
    r"\b[Cc]hoice\s+",
    r"\(",
    r"\*\*",
)
_SAYS_LETTER = rf"(?:{'|'.join(_SAYS)}|\\boxed\{{{{)({{letter}})(?=[)\s.,;:}}}}*\\]|$)"
_ALONE = r"^\s*({letter})(?=[.):]\s|[.):]?\s*$)"


class Case(NamedTuple):
    """What a flaw is made in."""

    question: QuestionColumns
    text: str
    path: TextPath
    flaw: FlawType
    severity: float
    position: Position
    propagate: bool
    random_: random.Random
    donors: tuple[Step, ...] = ()
    """Steps of other questions' right paths, for a step that is beside the point."""


class Draft(NamedTuple):
    """A spoilt path before it is text."""

    steps: tuple[str, ...]
    summaries: tuple[str, ...]
    origins: tuple[int | None, ...]
    """Which old step each new one stands for; None: it was added."""
    answer: str
    spoilt: tuple[int, ...]
    """0-based new steps that are wrong in themselves, or before which some are missing."""
    places: tuple[int, ...]
    """0-based old steps that were spoilt, left out or stand before an added one."""
    what: str
    correction: str
    propagated: bool = False


def choose(case: Case, eligible: Sequence[int]) -> list[int]:
    """Neighbouring steps among `eligible`: `severity` of all steps (one at least), as near to `position` as can be."""
    wanted = 1 if FLAWS[case.flaw].spoils == "one" else max(1, round(case.severity * len(case.path.steps)))
    num = min(len(eligible), wanted)
    starts = range(len(eligible) - num + 1)
    aim = {"early": 0.0, "middle": 0.5, "late": 1.0}.get(case.position, case.random_.random())
    last = max(1, len(case.path.steps) - 1)
    best = min(starts, key=lambda start: abs((eligible[start] + eligible[start + num - 1]) / 2 / last - aim))
    return list(eligible[best : best + num])


def spoil(case: Case, find: Finder) -> Draft | str:
    """Chosen steps each with one place made false; the rest as it was, or following from it."""
    eligible = [index for index in range(len(case.path.steps)) if _places(case, find, index)]
    if not eligible:
        return "no step holds anything to spoil"
    all_steps = FLAWS[case.flaw].spoils == "all"
    chosen = eligible if all_steps else choose(case, eligible)
    problem = ""
    for attempt in range(TRIES):
        if attempt > 1 and not all_steps:  # elsewhere, then, whatever position was asked for
            chosen = sorted(case.random_.sample(eligible, len(chosen)))
        try:
            draft = _spoilt(case, find, chosen)
        except Unclear as unclear:
            problem = str(unclear)
            continue
        if draft.propagated or not case.propagate:
            return draft
    return problem or "nothing later in the path follows from what can be spoilt"


def _spoilt(case: Case, find: Finder, chosen: Sequence[int]) -> Draft:
    """One run over the path. Raises Unclear where what follows cannot be told."""
    steps, summaries, notes = list(case.path.steps), list(case.path.summaries), []
    values = Values(case.question.question, carries=True)
    for index, old in enumerate(case.path.steps):
        if not case.propagate and index not in chosen:
            continue
        at_hand = values if case.propagate else Values("", carries=False)
        spot = _spot(case, find, index, at_hand) if index in chosen else None
        new = _other(case, spot, old[spot.start : spot.end], at_hand) if spot else ""
        carried = spot is None or spot.kind in CARRIED
        steps[index] = at_hand.say(old, index, spot, new) if carried else _at(old, spot, new)
        summaries[index] = at_hand.sum_up(case.path.summaries[index], index)
        if spot:
            was = old[spot.start : spot.end]
            summaries[index] = summaries[index] if carried else _same_word(summaries[index], find, spot, was, new)
            notes.append(f"step {index}: `{was}` became `{new}`")
    chosen = tuple(chosen)
    answer = changed_answer(case.question, case.path.answer, values) if case.propagate else case.path.answer
    if answer is None:
        raise Unclear("the answer would become nothing that can be answered")
    if answer != case.path.answer and case.question.answer_type == "option":  # a number's mentions were carried on
        steps, summaries = restate(steps, summaries, case.path.answer, answer, case.question)
    others = [index for index in range(len(steps)) if index not in chosen]
    spread = answer != case.path.answer or any(
        (steps[index], summaries[index]) != (case.path.steps[index], case.path.summaries[index]) for index in others
    )
    return Draft(
        tuple(steps),
        tuple(summaries),
        tuple(range(len(steps))),
        answer,
        chosen,
        chosen,
        "; ".join(notes),
        case.path.steps[chosen[0]],
        case.propagate and spread,
    )


def _places(case: Case, find: Finder, index: int) -> list[Spot]:
    """What can be spoilt in a step: in the last not the answer itself, unless the path is to answer what follows."""
    step, question, answer = case.path.steps[index], case.question, case.path.answer
    if case.propagate or index < len(case.path.steps) - 1:
        return find(step)
    is_option = question.answer_type == "option" and bool(question.options)
    said = value_words(question.options[LETTERS.index(answer)] if is_option else answer)
    return [spot for spot in find(step) if not value_words(step[spot.start : spot.end]) & said]


def _spot(case: Case, find: Finder, index: int, values: Values) -> Spot | None:
    """A place to spoil; where it is to be carried on, a value that is said here first. None: what was to be spoilt here
    follows from an earlier flaw. Raises Unclear where there is no such place."""
    step = case.path.steps[index]
    spots = [spot for spot in _places(case, find, index) if not values.is_changed(step[spot.start : spot.end])]
    if case.propagate:
        fresh = [spot for spot in spots if _is_fresh(step, spot, values)]
        if not fresh and not any(values.is_changed(step[spot.start : spot.end]) for spot in find(step)):
            raise Unclear("nothing later in the path follows from what can be spoilt")
        spots = fresh
    return case.random_.choice(spots) if spots else None


def _is_fresh(step: str, spot: Spot, values: Values) -> bool:
    """Every later mention means this place. The result of an equation follows from it whatever was said before."""
    written = step[spot.start : spot.end]
    if spot.kind == "equation":
        return True
    said = values.is_new(written) and spot.kind in CARRIED
    return said and not value_words(written) & value_words(step[: spot.start])


def _at(text: str, spot: Spot | None, new: str) -> str:
    return text if spot is None else text[: spot.start] + new + text[spot.end :]


def _same_word(summary: str, find: Finder, spot: Spot, was: str, new: str) -> str:
    """A summary that says the word which was changed says the other one, too."""
    for each in find(summary)[::-1]:
        if each.kind == spot.kind and summary[each.start : each.end].casefold() == was.casefold():
            summary = _at(summary, each, new.lower() if summary[each.start].islower() else new)
    return summary


def _other(case: Case, spot: Spot, old: str, values: Values) -> str:
    """A new value; where it is to be carried on, none that the path says already, and of those that may be answered
    first."""
    others = list(spot.others[:4])
    case.random_.shuffle(others)
    if case.propagate and spot.kind in CARRIED:
        others = [*option_values(case.question, case.path.answer, old), *others]
        held = value_words(" ".join(case.path.steps)) | values.news()
        others = [new for new in others if not value_words(new) & held] or others
    return others[0]


def changed_answer(question: QuestionColumns, answer: str, values: Values) -> str | None:
    """What the answer becomes where its value was changed; None: it becomes nothing that can be answered."""
    is_option = question.answer_type == "option" and bool(question.options)
    value = question.options[LETTERS.index(answer)] if is_option else answer
    changed = values.answer(value)
    if changed == value:
        return answer
    if not is_option:
        return None if is_gold(changed, question) else changed
    held = [place for place, option in enumerate(question.options) if option == changed]
    return LETTERS[held[0]] if len(held) == 1 else None


def option_values(question: QuestionColumns, answer: str, old: str) -> list[str]:
    """What stands in the other options where the answer's option says `old`: slips that lead to an option."""
    if question.answer_type != "option" or not question.options:
        return []
    gold = question.options[LETTERS.index(answer)]
    pattern = re.escape(gold).replace(re.escape(old), rf"(-?{NUMBER}|[a-z]+)", 1) if old in gold else ""
    matches = [re.fullmatch(pattern, option) for option in question.options if pattern and option != gold]
    return [match[1] for match in matches if match]


def other_answers(question: QuestionColumns, answer: str) -> list[str]:
    """What could be answered instead: another letter, the other word, a number close by, another of a closed set."""
    if question.answer_type == "option":
        return [letter for letter in LETTERS[: len(question.options)] if letter != answer.upper()]
    if question.answer_type == "yes_no":
        other = "no" if yes_no(answer) == "yes" else "yes"
        return [other.capitalize() if answer[:1].isupper() else other]
    number = re.search(NUMBER, answer)
    if number:
        return [answer[: number.start()] + other + answer[number.end() :] for other in near_misses(number[0])]
    spots = observation_spots(answer)
    return [answer[: s.start] + other + answer[s.end :] for s in spots[:1] for other in s.others]


def restate(
    steps: Sequence[str], summaries: Sequence[str], old: str, new: str, question: QuestionColumns
) -> tuple[list[str], list[str]]:
    """Steps and summaries with the answer `old` stated as `new` where it is stated last, by letter or in an option's
    words. An equation stays as it is, unless nothing else in that step states the answer."""
    change = _Restated(old, new, question)
    now, told = list(steps), list(summaries)
    stating = [index for index, step in enumerate(steps) if change.states(step)]
    place = stating[-1] if stating else len(steps) - 1
    now[place] = change.of(steps[place])
    for index in {place, len(steps) - 1}:
        told[index] = change.of(summaries[index])
    return now, told


class _Restated:
    """One answer for another, in any text that states it."""

    def __init__(self, old: str, new: str, question: QuestionColumns) -> None:
        self._new = new
        self._words = ("", "")
        if question.answer_type == "option":
            letter = re.escape(old)
            self._pattern = f"{_SAYS_LETTER.format(letter=letter)}|{_ALONE.format(letter=letter)}"
            if question.options:
                one, other = (question.options[LETTERS.index(letter)] for letter in (old, new))
                self._words = one, other
        else:
            self._pattern = self._whole(old)

    def states(self, text: str) -> bool:
        words = self._words[0]
        return bool(re.search(self._pattern, text, re.MULTILINE) or (words and re.search(self._whole(words), text)))

    def of(self, text: str) -> str:
        return self._replaced(
            self._replaced(text, self._pattern, self._new), self._whole(self._words[0]), self._words[1]
        )

    @staticmethod
    def _whole(words: str) -> str:
        """The words in one group, not as part of a longer word or number."""
        if not words:
            return r"(?!)()"
        start = r"(?<![\w.])" if words[:1].isalnum() else ""
        end = r"(?![\w]|\.\d)" if words[-1:].isalnum() else ""
        return f"{start}({re.escape(words)}){end}"

    @staticmethod
    def _replaced(text: str, pattern: str, new: str) -> str:
        """A letter wherever the text states it, a value where it does so last."""
        found = [match for match in re.finditer(pattern, text, re.MULTILINE) if match.lastindex]
        sums = [(each.left[0], each.right[1], each.right[0]) for each in equations(text)]
        outside = [match for match in found if not any(start <= match.start() < end for start, end, _ in sums)]
        outside = outside or [match for match in found if any(match.start() == result for _, _, result in sums)][-1:]
        if not outside:
            return text
        parts, end = [], 0
        for match in outside:
            group = next(group for group in range(1, match.re.groups + 1) if match[group] is not None)
            if match is not outside[-1] and not (len(match[group]) == 1 and match[group].isalpha()):
                continue  # of a value the last mention: `the one with 9 sides should be 9`
            parts += [text[end : match.start(group)], new]
            end = match.end(group)
        return "".join([*parts, text[end:]])
