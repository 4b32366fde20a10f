"""Any path as steps of words and an answer, and back to text: our protocol's, or free prose.

Prose has no steps of its own. It is cut at blank lines, else at lines, else at sentences; a heading stays with what
follows it and displayed mathematics with what came before. The pieces put together are the text again, to the letter.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from insightv_bench.answers import option_letter, read
from insightv_bench.chat import LETTERS
from insightv_bench.protocol import parse_path, render_path
from insightv_bench.records import QuestionColumns, Step

MIN_PIECES = 3
"""A text that falls into fewer at one kind of cut is tried at the next."""
MAX_PIECES = 200
OTHERS = 8
"""Questions whose steps are looked at for one to add."""
MAX_CHARS = 50_000
"""Of a path that is spoilt; 16 steps of 1,024 tokens stay below it, mostly."""
_CUTS = (r"\n[ \t\r]*\n\s*", r"\n\s*", r"(?<=[.!?])(?<!\b[A-Z]\.)(?<!e\.g\.)(?<!i\.e\.)\s+(?=[A-Z\\$\"'*(])")
_HEADING = re.compile(r"(?:\*\*[^*\n]+\*\*:?|#+ [^\n]+|[^\n]{0,80}:)\s*$")
_ON_ITS_OWN = re.compile(r"\s*(?:\\\[|\\begin|\$\$|[-*] |\d+[.)] +|Where:|where\b)")


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
    parsed = parse_path(text)
    if parsed.status == "complete" and parsed.answer is not None:
        answer = read_letter(parsed.answer, question)
        if answer is None:
            return "the path answers with none of the options"
        return TextPath(
            tuple(step.reasoning for step in parsed.steps), answer, parsed.steps, parsed.answer, question.options
        )
    if parsed.dialect != "prose":
        return f"the path is {parsed.status}"
    reading = read(text, question.answer_type, question.options)
    if reading.answer is None:
        return "no answer can be read in the path"
    pieces = split_prose(text)
    return TextPath(tuple(pieces), reading.answer, None) if len(pieces) > 1 else "the path is a single step"


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
    if path.is_prose:
        return read(text, question.answer_type, question.options).answer
    answer = parse_path(text).answer
    return None if answer is None else read_letter(answer, question)


def split_prose(text: str) -> list[str]:
    """The pieces of a text; joined they are the text."""
    for cut in _CUTS:
        ends = [*(match.end() for match in re.finditer(cut, text)), len(text)]
        parts = (text[start:end] for start, end in pairwise([0, *ends]))
        pieces = _merged([part for part in parts if part.strip()])
        if len(pieces) >= MIN_PIECES:
            break
    return pieces if len(pieces) <= MAX_PIECES else [text]


def _merged(pieces: Sequence[str]) -> list[str]:
    """A heading goes with what follows, a formula or a list's item with what it belongs to."""
    merged: list[str] = []
    for piece in pieces:
        if merged and (_HEADING.fullmatch(merged[-1].strip()) or _ON_ITS_OWN.match(piece) or _is_open(merged[-1])):
            merged[-1] += piece
        else:
            merged.append(piece)
    return merged


def _is_open(piece: str) -> bool:
    """Displayed mathematics or code that a cut has divided."""
    return any(
        piece.count(opener) > piece.count(closer) for opener, closer in (("\\[", "\\]"), ("[asy]", "[/asy]"))
    ) or (piece.count("$$") % 2 == 1)
