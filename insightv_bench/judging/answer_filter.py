"""The answer filter: is a path's or a reply's answer the gold answer? By rule, and by a model where
the rule cannot settle it.

The rule settles an answer that it reads as the gold one, one that it reads as another of the same closed kind (a
letter, a number, a date, yes or no), and a path with none. What is left is free text in other words: the LLM judge's,
where there is one. What a whole reply answers is another question (`find`): the judge copies it from the reply.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from insightv_bench.answers import both_closed, is_gold, read
from insightv_bench.engines import Caller
from insightv_bench.judge_replies import (
    ANSWER,
    EXTRACT,
    answer_chat,
    extraction_chat,
    place_in,
    read_answer_verdict,
    read_extraction,
)
from insightv_bench.records import Path, Question
from insightv_bench.settings import AssessSettings

from .ask import ask_strictly

RULE = "rule"
NOT_THERE = "the answer that it names does not stand in the reply"
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
        return bool(answer.strip()) and not both_closed(answer, question.answer)
    return not read(answer, question.answer_type, question.options).sure


class Found(NamedTuple):
    """The answer that a judge found in a reply."""

    place: tuple[int, int] | None
    """Where it stands in the reply; None: it found none, or none that stands there."""
    judge: str
    reason: str = ""
    """Why its reply counts for nothing; empty where it found one or says that there is none."""


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
            chains = [ask_strictly(self._caller, chat, how.sampling, how.tries, read, ANSWER) for chat in chats]
            replies = self._caller.run(chains)
            for key, asked in zip(open_, replies, strict=True):
                settled[key] = Settled(asked.value, self._caller.model, asked.reason)
        return settled

    def find(self, pairs: Iterable[tuple[Question, str]]) -> dict[tuple[str, str], Found]:
        """Of replies that the rule cannot read surely, by question id and reply, the answer that the judge copies."""
        asked = {(question.id, reply): (question, reply) for question, reply in pairs}
        if not (self._caller and asked):
            return {}
        how = self._settings
        chats = [extraction_chat(question.question, question.options, reply) for question, reply in asked.values()]
        chains = [ask_strictly(self._caller, chat, how.sampling, how.tries, read_extraction, EXTRACT) for chat in chats]
        found: dict[tuple[str, str], Found] = {}
        for key, said in zip(asked, self._caller.run(chains), strict=True):
            answer = said.value.answer if said.value else None
            place = place_in(key[1], answer)
            reason = NOT_THERE if answer is not None and place is None else said.reason
            found[key] = Found(place, self._caller.model, reason)
        return found
