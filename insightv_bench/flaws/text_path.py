"""Any path as steps of words and an answer, and back to text: our protocol's, or one in words of its own.

A path in words is cut where the protocol cuts it (see `protocol.split`). The pieces put together are the text again, to
the letter; what only says the answer is a piece of its own, after the last step.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from insightv_bench.answers import option_letter, read, read_path
from insightv_bench.chat import LETTERS
from insightv_bench.protocol import BY_NAME, ParsedPath, parse_path, render_path, split
from insightv_bench.records import QuestionColumns, Step

OTHERS = 8
"""Questions whose steps are looked at for one to add."""
MAX_CHARS = 50_000
"""Of a path that is spoilt; 16 steps of 1,024 tokens stay below it, mostly."""


class TextPath(NamedTuple):
    """What a path says, step by step."""

    steps: tuple[str, ...]
    """Each step's words. Of prose: with the white space after them."""
    answer: str
    """For an option its letter."""
    frame: tuple[Step, ...] | None
    """The steps as they were; None for prose."""
    written: str = ""
    """The answer as it stands in the path, where that is not `answer`."""
    options: tuple[str, ...] = ()
    said: tuple[Step, ...] = ()
    """Of prose: its steps as the protocol reads them, which a path in our form is made of."""

    @property
    def is_prose(self) -> bool:
        return self.frame is None

    @property
    def summaries(self) -> tuple[str, ...]:
        """Each step's few words; of prose, which has none, empty ones."""
        return tuple(step.summary for step in self.frame) if self.frame else ("",) * len(self.steps)

    def render(self, steps: Sequence[str], answer: str, summaries: Sequence[str]) -> str:
        """The text with these steps. In prose the answer stands in the steps' own words, so it is not written."""
        if self.frame is None:
            return "".join(steps).rstrip()
        frame = [
            Step(summary=summary, reasoning=words, action="continue")
            for summary, words in zip(summaries, steps, strict=True)
        ]
        last = frame[-1].model_copy(update={"action": "summary"})
        return render_path([*frame[:-1], last], self._write_answer(answer))

    def _write_answer(self, answer: str) -> str:
        """An answer in the way in which the path wrote its own: by letter, or by the option's words."""
        if not self.written or answer == self.answer:
            return self.written or answer
        if not self.options:
            return answer
        old, new = (self.options[LETTERS.index(letter)] for letter in (self.answer, answer))
        letter = re.sub(rf"\b{self.answer}\b", answer, self.written)
        return letter.replace(old, new)


def open_path(text: str, question: QuestionColumns) -> TextPath | str:
    """The path in `text`, or why it cannot be spoilt."""
    if len(text) > MAX_CHARS:
        return "the path is too long"
    parsed = read_path(text, question.answer_type, question.options)
    if parsed.status != "complete" or parsed.answer is None:
        return _not_opened(parsed)
    answer = read_letter(parsed.answer, question)
    if answer is None:
        return "the path answers with none of the options"
    if BY_NAME[parsed.dialect].is_words:
        pieces = _pieces(text, parsed)
        return TextPath(pieces, answer, None, said=parsed.steps) if len(pieces) > 1 else "the path is a single step"
    words = tuple(step.reasoning for step in parsed.steps)
    return TextPath(words, answer, parsed.steps, parsed.answer, question.options)


def _not_opened(parsed: ParsedPath) -> str:
    if not BY_NAME[parsed.dialect].is_words or parsed.status != "malformed":
        return f"the path is {parsed.status.replace('_', ' ')}"
    return "no answer can be read in the path" if parsed.answer is None else "the path is a single step"


def _pieces(text: str, parsed: ParsedPath) -> tuple[str, ...]:
    """The text cut between its steps, and after the last one where only the answer follows."""
    cuts = [_between(text, one[1], other[0]) for one, other in pairwise(parsed.places)]
    last = parsed.places[-1][1]
    if text[last:].strip():
        cuts.append(_between(text, last, len(text)))
    return tuple(text[start:end] for start, end in pairwise([0, *cuts, len(text)]))


def _between(text: str, end: int, start: int) -> int:
    """Where a line begins between two steps; marks of sections stand between some."""
    line = text.find("\n", end, start)
    return start if line < 0 and start < len(text) else end if line < 0 else line + 1


def steps_of(text: str) -> list[Step]:
    """Of any path; pieces of prose have no summary."""
    parsed = parse_path(text)
    if parsed.steps:
        return list(parsed.steps)
    return [Step(summary="", reasoning=piece.strip(), action="continue") for piece in split_prose(text)]


def others_steps(paths: Mapping[str, str], question_id: str, random_: random.Random) -> list[Step]:
    """Steps of some other questions' right paths, but for the last ones, which answer; `paths` are texts by question
    id."""
    others = [name for name in paths if name != question_id]
    return [step for name in random_.sample(others, min(len(others), OTHERS)) for step in steps_of(paths[name])[:-1]]


def read_letter(answer: str, question: QuestionColumns) -> str | None:
    """For an option the letter that an answer means, None where it means none; any other answer as it is."""
    if question.answer_type != "option" or not question.options:
        return answer
    return option_letter(answer, question.options) or read(answer, "option", question.options).answer


def answer_of(text: str, path: TextPath, question: QuestionColumns) -> str | None:
    """What a changed text answers, read as its kind of path is."""
    answer = read_path(text, question.answer_type, question.options).answer
    return None if answer is None else read_letter(answer, question)


def split_prose(text: str) -> list[str]:
    """The pieces of a text; joined they are the text."""
    found = split(text)
    return [text[start:end] for start, end in found.steps] or [text]
