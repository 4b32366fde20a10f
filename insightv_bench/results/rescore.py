"""Read kept replies again, with the answer reader of today or with a judge; nothing is generated.

A reply's text, span, answer, verdict and whether its path is right are read anew. A judge is asked only where the rule
cannot settle an answer, or of all replies where it is asked to; what it says is kept in a journal, and where it fails
the rule's word stands and the row says so. The votes of `majority` and `best-of-k` are cast again (see `revoting`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from insightv_bench.answers import PARSER, matches, read
from insightv_bench.judging import RULE, AnswerFilter, Settled
from insightv_bench.protocol import parse_path, parse_summary, rest_of
from insightv_bench.records import EvalRecord, Question

from .revote import VOTES, Ballots

MAX_JUDGED_CHARS = 2_000
"""At the end of a reply in which no answer could be read, as far as a judge is shown it."""
NO_VERDICT = ("base", "direct", "reason", "majority", "best-of-k")
"""Arms that show no path to judge, or reply with one."""


class Change(NamedTuple):
    """One row before and after."""

    before: EvalRecord
    after: EvalRecord

    @property
    def is_other(self) -> bool:
        return (self.before.answer, self.before.correct) != (self.after.answer, self.after.correct)


def rescored(records: Sequence[EvalRecord], judge: AnswerFilter | None = None) -> list[Change]:
    """Each record read again, in order."""
    again = [read_again(record) for record in voted_again(records)]
    if judge:
        verdicts = judge.settle((as_question(record), said(record)) for record in again)
        again = [settled(record, verdicts[record.question_id, said(record)]) for record in again]
    return [Change(*pair) for pair in zip(records, again, strict=True)]


def voted_again(records: Sequence[EvalRecord]) -> list[EvalRecord]:
    """Each record, in order; votes whose paths are not among them as they were cast."""
    ballots = Ballots(records)
    return [(record.arm in VOTES and ballots.vote(record)) or record for record in records]


def num_kept_votes(records: Sequence[EvalRecord]) -> int:
    """How many votes stay as they were cast."""
    ballots = Ballots(records)
    return sum(record.arm in VOTES and ballots.vote(record) is None for record in records)


def read_again(record: EvalRecord) -> EvalRecord:
    """By rule alone."""
    reading = read(record.response, record.answer_type, record.options, finish=record.finish)
    judges = record.arm not in NO_VERDICT and record.path_status != "none"
    return record.model_copy(
        update={
            **reading._asdict(),
            "reading": reading.kind(record.finish),
            "correct": is_gold(record, reading.answer),
            "path_correct": None if record.path_correct is None else is_gold(record, _end_of_path(record)),
            "verdict": parse_summary(record.response).verdict if judges else "none",
            "parser": PARSER,
            "answer_judge": RULE,
            "judge_failure": record.judge_failure if record.arm == "best-of-k" else "",
        }
    )


def _end_of_path(record: EvalRecord) -> str | None:
    return record.planted_answer or parse_path(record.path).answer


def is_gold(record: EvalRecord, answer: str | None) -> bool:
    return answer is not None and matches(answer, record.gold, record.answer_type, record.options, record.tolerance)


def said(record: EvalRecord) -> str | None:
    """What a judge is shown: the answer, or where none could be read the end of the reply; None of no reply."""
    if record.answer is not None:
        return record.answer
    spoken = record.response[rest_of(record.response) :].strip()
    return spoken[-MAX_JUDGED_CHARS:] or None


def as_question(record: EvalRecord) -> Question:
    return Question(
        id=record.question_id,
        question=record.question,
        options=record.options,
        answer=record.gold,
        answer_type=record.answer_type,
        tolerance=record.tolerance,
        source=record.task,
        source_revision=record.task_version,
        source_license="",
    )


def settled(record: EvalRecord, verdict: Settled) -> EvalRecord:
    """The judge's word where it gave one; the rule's where it was not asked or failed."""
    if verdict.judge == RULE:
        return record
    update = {"answer_judge": verdict.judge, "judge_failure": verdict.reason}
    return record.model_copy(update=update if verdict.correct is None else {**update, "correct": verdict.correct})


def by_arm(changes: Sequence[Change]) -> Iterator[tuple[tuple[str, str, str], list[Change]]]:
    """Task, system and arm, in the order they come."""
    groups: dict[tuple[str, str, str], list[Change]] = {}
    for change in changes:
        groups.setdefault((change.after.task, change.after.system, change.after.arm), []).append(change)
    yield from groups.items()


def counts(changes: Sequence[Change]) -> Mapping[str, int]:
    """How many rows are read otherwise, and which way."""
    return {
        "changed": sum(change.is_other for change in changes),
        "now_right": sum(change.after.correct > change.before.correct for change in changes),
        "now_wrong": sum(change.after.correct < change.before.correct for change in changes),
        "judged": sum(change.after.answer_judge != RULE for change in changes),
        "judge_failed": sum(bool(change.after.judge_failure) for change in changes),
    }
