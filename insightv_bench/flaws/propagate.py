"""Spoil chosen steps of a text path, and write what follows from it, if it is to follow; state another answer.

A new value is carried on only where the old one was first said at the spoilt place: then every later mention means this
one. Equations that it enters are worked out again, and what they come to is carried on as well.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from insightv_bench.answers import yes_no
from insightv_bench.chat import LETTERS
from insightv_bench.records import FlawType, Position, QuestionColumns

from .arithmetic import NUMBER, equations, number, work_out, write_number
from .edits import Spot, near_misses, observation_spots, word_of, words_of
from .text_path import TextPath
from .types import FLAWS

TRIES = 6
"""Other places and values, where nothing follows from the first."""
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


class Draft(NamedTuple):
    """A spoilt path before it is text."""

    steps: tuple[str, ...]
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
    eligible = [index for index, step in enumerate(case.path.steps) if find(step)]
    if not eligible:
        return "no step holds anything to spoil"
    all_steps = FLAWS[case.flaw].spoils == "all"
    chosen = eligible if all_steps else choose(case, eligible)
    for attempt in range(TRIES if case.propagate else 1):
        if attempt and not all_steps:  # nothing followed from there: elsewhere, then, whatever position was asked for
            chosen = choose(case, case.random_.sample(eligible, len(eligible))[: len(chosen)])
        draft = _Spoiler(case, find, chosen).run()
        if draft and (draft.propagated or not case.propagate):
            return draft
    return "nothing later in the path follows from what can be spoilt"


class _Spoiler:
    """One run over a path: what was changed so far decides what the later steps say."""

    def __init__(self, case: Case, find: Finder, chosen: Sequence[int]) -> None:
        self._case, self._find, self._chosen = case, find, chosen
        self._seen = words_of(case.question.question)
        self._news: dict[str, str] = {}
        """Old value, in one spelling -> what is written in its place from here on."""

    def run(self) -> Draft | None:
        """None where the answer would become nothing that can be answered."""
        case, steps, notes = self._case, list(self._case.path.steps), []
        inherited = False
        for index, old in enumerate(case.path.steps):
            if case.propagate and self._news:
                steps[index] = inherit(old, self._news)
                inherited = inherited or steps[index] != old
            if index in self._chosen:
                steps[index], note = self._spoil_step(steps[index])
                notes.append(f"step {index}: {note}")
            self._seen |= words_of(old)
        answer = changed_answer(case.question, case.path.answer, self._news) if case.propagate else case.path.answer
        if answer is None:
            return None
        steps = restate(steps, case.path.answer, answer, case.question) if answer != case.path.answer else steps
        chosen = tuple(self._chosen)
        spread = inherited or answer != case.path.answer
        first = case.path.steps[chosen[0]]
        return Draft(
            tuple(steps),
            tuple(range(len(steps))),
            answer,
            chosen,
            chosen,
            "; ".join(notes),
            first,
            case.propagate and spread,
        )

    def _spoil_step(self, step: str) -> tuple[str, str]:
        """The step with one place made false, and what that was, in words."""
        spots = [spot for spot in self._find(step) if step[spot.start : spot.end] not in self._news.values()]
        spots = spots or self._find(step)
        if not spots:  # what was to be spoilt here has become something else by an earlier flaw
            return step, "follows from the step before"
        # Only where a value is first said does every later mention mean this one.
        fresh = [
            spot
            for spot in (spots if self._case.propagate else ())
            if word_of(step[spot.start : spot.end]) not in self._seen | words_of(step[: spot.start])
        ]
        spot = self._case.random_.choice(fresh or spots)
        old = step[spot.start : spot.end]
        new = self._other(spot, old)
        head, tail = step[: spot.start] + new, step[spot.end :]
        if spot in fresh:
            self._news[word_of(old)] = new
            tail = inherit(tail, self._news)
        return head + tail, f"`{old}` became `{new}`"

    def _other(self, spot: Spot, old: str) -> str:
        """A new value; where the answer hangs on it, one that leads to an answer that may be given."""
        others = list(spot.others[:4])
        self._case.random_.shuffle(others)
        if self._case.propagate and spot.kind != "comparison":
            others = [*option_values(self._case.question, self._case.path.answer, old), *others]
            question, answer = self._case.question, self._case.path.answer
            ends = {new: changed_answer(question, answer, {**self._news, word_of(old): new}) for new in others}
            others = [new for new in others if ends[new] not in (None, answer)] or others
        return others[0]


def changed_answer(question: QuestionColumns, answer: str, news: dict[str, str]) -> str | None:
    """What the answer becomes where its value was changed; None: it becomes nothing that can be answered."""
    is_option = question.answer_type == "option" and bool(question.options)
    value = question.options[LETTERS.index(answer)] if is_option else answer
    changed = inherit(value, news)
    if changed == value:
        return answer
    if not is_option:
        return changed
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


def inherit(text: str, news: dict[str, str]) -> str:
    """`text` with new values in place of old ones; equations that they enter are worked out again, and what comes out
    of them is added to `news`."""
    for old in equations(text):
        written = text[slice(*old.right)]
        left = _replaced(text[slice(*old.left)], news)
        value = work_out(left)
        if left != text[slice(*old.left)] and value is not None:
            new = write_number(value, old.decimals)
            news.setdefault(word_of(written), new.removeprefix("-") if written.startswith("-") else new)
    return _replaced(text, news)


def _replaced(text: str, news: dict[str, str]) -> str:
    if not news:
        return text
    pattern = rf"(?<![\d.^_\\]){NUMBER}(?!\d|\.\d)|[^\W\d_]+(?:-[^\W\d_]+)*"
    return re.sub(pattern, lambda match: _new_word(match[0], news), text)


def _new_word(word: str, news: dict[str, str]) -> str:
    key = str(number(word)) if word[0].isdecimal() else word.casefold()
    new, singular = news.get(key), news.get(key.removesuffix("s"))
    if new is None and singular and singular.isalpha():
        new = f"{singular}s"
    return word if new is None else new.capitalize() if word[0].isupper() and word[1:].islower() else new


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


def restate(steps: Sequence[str], old: str, new: str, question: QuestionColumns) -> list[str]:
    """The steps with the answer `old` stated as `new` in the last of them that states it, by letter or by an option's
    words."""
    if question.answer_type == "option":
        letter = re.escape(old)
        pattern = f"{_SAYS_LETTER.format(letter=letter)}|{_ALONE.format(letter=letter)}"
    else:
        start, end = (r"(?<![\w.])" if old[:1].isalnum() else ""), (r"(?![\w]|\.\d)" if old[-1:].isalnum() else "")
        pattern = f"{start}({re.escape(old)}){end}"
    stating = [index for index, step in enumerate(steps) if re.search(pattern, step, re.MULTILINE)]
    if not stating:
        return [*steps[:-1], _by_text(steps[-1], old, new, question)]
    return [_restated(step, pattern, old, new, question) if i >= stating[-1] else step for i, step in enumerate(steps)]


def _restated(step: str, pattern: str, old: str, new: str, question: QuestionColumns) -> str:
    """Every statement in the step; and, of an option, its words as well."""
    parts, end = [], 0
    for match in re.finditer(pattern, step, re.MULTILINE):
        place = next(group for group in range(1, match.re.groups + 1) if match[group] is not None)
        parts += [step[end : match.start(place)], new]
        end = match.end(place)
    return _by_text("".join([*parts, step[end:]]), old, new, question)


def _by_text(step: str, old: str, new: str, question: QuestionColumns) -> str:
    """The words of one option in place of another's."""
    if question.answer_type != "option" or not question.options:
        return step
    words, instead = (question.options[LETTERS.index(letter)] for letter in (old, new))
    return re.sub(rf"(?<!\w){re.escape(words)}(?!\w)", lambda _: instead, step)
