"""Another answer of the same kind, and the words in which a free text states its answer."""

from __future__ import annotations

import re
from collections.abc import Sequence

from insightv_bench.answers import yes_no
from insightv_bench.chat import LETTERS
from insightv_bench.records import QuestionColumns

from .arithmetic import NUMBER
from .edits import near_misses, observation_spots

_SAYS = (
    r"\b[Oo]ption\s+(?:is\s+)?",
    r"\b[Aa]nswer\s*(?:is)?:?\**:?\s*(?:\*\*|\\\(\s*)?",
    r"\b[Cc]hoice\s+",
    r"\(",
    r"\*\*",
)
_SAYS_LETTER = rf"(?:{'|'.join(_SAYS)}|\\boxed\{{{{)({{letter}})(?=[)\s.,;:}}}}*\\]|$)"
_ALONE = r"^\s*({letter})(?=[.):]\s|[.):]?\s*$)"


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
    pattern = _statement(old, question)
    stating = [index for index, step in enumerate(steps) if re.search(pattern, step, re.MULTILINE)]
    if not stating:
        return [*steps[:-1], _by_text(steps[-1], old, new, question)]
    return [_restated(step, pattern, old, new, question) if i >= stating[-1] else step for i, step in enumerate(steps)]


def _statement(answer: str, question: QuestionColumns) -> str:
    if question.answer_type == "option":
        letter = re.escape(answer)
        return f"{_SAYS_LETTER.format(letter=letter)}|{_ALONE.format(letter=letter)}"
    start, end = (r"(?<![\w.])" if answer[:1].isalnum() else ""), (r"(?![\w]|\.\d)" if answer[-1:].isalnum() else "")
    return f"{start}({re.escape(answer)}){end}"


def _restated(step: str, pattern: str, old: str, new: str, question: QuestionColumns) -> str:
    """Every statement in the step; and, of an option, its words as well."""
    made, end = [], 0
    for found in re.finditer(pattern, step, re.MULTILINE):
        place = next(group for group in range(1, found.re.groups + 1) if found[group] is not None)
        made += [step[end : found.start(place)], new]
        end = found.end(place)
    return _by_text("".join([*made, step[end:]]), old, new, question)


def _by_text(step: str, old: str, new: str, question: QuestionColumns) -> str:
    """The words of one option in place of another's."""
    if question.answer_type != "option" or not question.options:
        return step
    said, instead = (question.options[LETTERS.index(letter)] for letter in (old, new))
    return re.sub(rf"(?<!\w){re.escape(said)}(?!\w)", lambda _: instead, step)
