"""The answer filter: is a path's or a reply's answer the gold answer? By rule, and by a model where
the rule cannot settle it.

The rule settles an answer that it reads as the gold one, one of a closed type (a letter, a number, yes or no) that it
reads as another, and a path with none. What is left is free text in other words: the LLM judge's, where there is one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from insightv_bench.answers import is_gold, read
from insightv_bench.engines import Caller
from insightv_bench.judge_replies import answer_chat, read_answer_verdict
from insightv_bench.records import Path, Question
from insightv_bench.settings import AssessSettings

from .ask import ask_strictly

RULE = "rule"
OPEN = ("text", "list", "expression")
"""Types whose answers may say the same in other words."""


class Settled(NamedTuple):
    """Whether an answer is right, and who says so."""

    correct: bool | None
    """None: the judge was asked and no verdict could be read."""
    judge: str
    reason: str = ""


def is_right(question: Question, path: Path) -> bool:
    """By rule alone: a path with no answer is wrong, never guessed at."""
    return path.answer is not None and is_gold(path.answer, question)


def by_rule(question: Question, answer: str | None) -> bool | None:
    """None: the rule cannot settle it."""
    if answer is None:
        return False
    if is_gold(answer, question):
        return True
    return None if says_nothing_closed(question, answer) else False


def says_nothing_closed(question: Question, answer: str) -> bool:
    """Whether an answer that is not the gold one is, for its question's type, in words that no rule can weigh."""
    if question.answer_type in OPEN:
        return bool(answer.strip())
    return not read(answer, question.answer_type, question.options).sure


class AnswerFilter:
    """Asks `caller` (None: nobody) about what the rule leaves open; each distinct answer of a question once."""

    def __init__(self, settings: AssessSettings, caller: Caller | None) -> None:
        self._settings, self._caller = settings, caller

    def settle(self, pairs: Iterable[tuple[Question, str | None]]) -> dict[tuple[str, str | None], Settled]:
        """By question id and answer."""
        settled: dict[tuple[str, str | None], Settled] = {}
        open_: dict[tuple[str, str | None], tuple[Question, str]] = {}
        for question, answer in pairs:
            verdict = by_rule(question, answer)
            if answer is not None and self._caller and (verdict is None or self._settings.answer_judge == "always"):
                open_[question.id, answer] = question, answer
            else:
                settled[question.id, answer] = Settled(bool(verdict), RULE)
        if self._caller and open_:
            how, read = self._settings, read_answer_verdict
            chats = [answer_chat(*pair) for pair in open_.values()]
            chains = [ask_strictly(self._caller, chat, how.sampling, how.tries, read) for chat in chats]
            replies = self._caller.run(chains)
            for key, asked in zip(open_, replies, strict=True):
                settled[key] = Settled(asked.value, self._caller.model, asked.reason)
        return settled
