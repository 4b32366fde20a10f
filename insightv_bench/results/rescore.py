"""Read kept replies again, with the answer reader of today or with a judge; nothing is generated.

A reply's text, span, answer, verdict and whether its path is right are read anew. A judge is asked what a reply answers
that is likely read or not at all, and what it says counts only where it stands in the reply. It is asked whether an
answer is the gold one only where no rule can tell, or of all where it is asked to. What it says is kept in a journal,
and where it fails the rule's word stands and the row says so.

Votes are cast again from the kept paths as they are read today. `majority` counts the answers of its paths anew.
`best-of-k` chooses anew where the summary agent's verdicts chose, as they stand in arm `reason+summary`. What another
judge said of paths that it did not choose is not kept: then the choice stands, and the chosen path's answer is read
anew. A vote whose paths are not among the rows stays as it was cast.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from insightv_bench.answers import VERDICTS, is_strict, majority, matches, parser_label, read, read_path
from insightv_bench.arms import ARMS
from insightv_bench.judging import RULE, AnswerFilter, Found, Settled
from insightv_bench.protocol import cut_in, parse_summary, parse_verdicts, render_answer, rest_of
from insightv_bench.records import EvalRecord, Question

MAX_JUDGED_CHARS = 2_000
"""At the end of a reply, as far as a judge is shown it."""
BY_VERDICT = "summary"
"""How `path_judge` begins where the summary agent's verdicts chose."""


class Change(NamedTuple):
    """One row before and after."""

    before: EvalRecord
    after: EvalRecord

    @property
    def is_other(self) -> bool:
        return (self.before.answer, self.before.correct) != (self.after.answer, self.after.correct)


def rescored(
    records: Sequence[EvalRecord], judge: AnswerFilter | None = None, strict: bool | None = None
) -> list[Change]:
    """Each record read again, in order; votes whose paths are not among them as they were cast.

    `strict`: whether only sure readings may be right; None: as it was.
    """
    ballots = Ballots(records)
    again = [ballots.told_again(read_again(ballots.vote(record) or record, strict)) for record in records]
    if judge:
        again = list(_judged(again, judge))
    return [Change(*pair) for pair in zip(records, again, strict=True)]


def num_kept_votes(records: Sequence[EvalRecord]) -> int:
    """How many votes stay as they were cast."""
    ballots = Ballots(records)
    return sum(ARMS[record.arm].seat == "vote" and ballots.vote(record) is None for record in records)


def read_again(record: EvalRecord, strict: bool | None = None) -> EvalRecord:
    """By rule alone; `strict`: whether only a sure reading may be right, None: as it was."""
    reading = read(record.response, record.answer_type, record.options, finish=record.finish, opened=record.opened)
    strict = is_strict(record.parser) if strict is None else strict
    judges = ARMS[record.arm].verdict != "none" and record.path_status != "none"
    end_of_path = record.planted_answer or read_path(record.path, record.answer_type, record.options).answer
    return record.model_copy(
        update={
            **reading._asdict(),
            "reading": reading.kind(record.finish),
            "correct": reading.counts(strict) and is_gold(record, reading.answer),
            "path_correct": None if record.path_correct is None else is_gold(record, end_of_path),
            "verdict": parse_summary(record.response, record.opened).verdict if judges else "none",
            "verdicts": parse_verdicts(record.response, len(record.shown), record.opened),
            "cut_in": cut_in(record.response, record.finish, record.opened),
            "parser": parser_label(strict),
            "answer_judge": RULE,
            "judge_failure": record.judge_failure if record.arm == "best-of-k" else "",
        }
    )


def is_gold(record: EvalRecord, answer: str | None) -> bool:
    return answer is not None and matches(answer, record.gold, record.answer_type, record.options, record.tolerance)


def _judged(records: Sequence[EvalRecord], judge: AnswerFilter) -> Iterator[EvalRecord]:
    """The judge copies what replies answer that are not surely read; then it settles what no rule can compare."""
    found = judge.find((as_question(record), spoken(record)) for record in records if _is_unclear(record))
    clear = [
        with_found(record, found.get((record.question_id, spoken(record)))) if _is_unclear(record) else record
        for record in records
    ]
    verdicts = judge.settle((as_question(record), record.answer) for record in clear)
    for record in clear:
        yield settled(record, verdicts[record.question_id, record.answer])


def _is_unclear(record: EvalRecord) -> bool:
    return record.reading in ("likely", "unread") and bool(spoken(record))


def spoken(record: EvalRecord) -> str:
    """What a judge is shown of a reply: the end of what stands after its path or thought."""
    return record.response[rest_of(record.response, record.opened) :][-MAX_JUDGED_CHARS:].strip()


def with_found(record: EvalRecord, found: Found | None) -> EvalRecord:
    """The answer that the judge found, read as any other; the rule's where it found none."""
    if found is None:
        return record
    asked = {"answer_judge": found.judge, "judge_failure": found.reason}
    if found.place is None:
        return record.model_copy(update=asked)
    text = spoken(record)
    copied = text[slice(*found.place)]
    reading = read(copied, record.answer_type, record.options)
    if reading.answer is None or reading.span is None:
        return record.model_copy(update=asked | {"judge_failure": "the answer that it names cannot be read"})
    start = record.response.rindex(text) + found.place[0]
    known = {
        "answer": reading.answer,
        "span": (start + reading.span[0], start + reading.span[1]),
        "method": "judged",
        "sure": True,
        "reading": "sure",
        "correct": is_gold(record, reading.answer),
    }
    return record.model_copy(update=asked | known)


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
    update = {"answer_judge": verdict.judge, "judge_failure": verdict.reason or record.judge_failure}
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


class Ballot(NamedTuple):
    """One stored path."""

    path: EvalRecord
    """Its row in arm `reason`."""
    answer: str | None
    """None: it states none."""
    score: int | None  # 1-100
    """By the summary agent's verdict; None: its verdict on this path is not among the rows."""


class Ballots:
    """The stored paths of a system's rows, by task, system and question, in the order of their samples."""

    def __init__(self, records: Sequence[EvalRecord]) -> None:
        scores = {
            (row.system, row.path_id): VERDICTS[parse_summary(row.response, row.opened).verdict]
            for row in records
            if row.arm == "reason+summary"
        }
        self._held: dict[tuple[str, str, str], list[Ballot]] = defaultdict(list)
        for row in sorted((row for row in records if row.arm == "reason"), key=lambda row: row.sample):
            answer = read_path(
                row.response,
                row.answer_type,
                row.options,
                reasoning=row.reasoning,
                finish=row.finish,
                opened=row.opened,
            ).answer
            self._held[_key(row)].append(Ballot(row, answer, scores.get((row.system, row.path_id))))

    def of(self, record: EvalRecord) -> list[Ballot]:
        """Those that its vote rests on; none where they are not all there."""
        held = self._held.get(_key(record), [])
        return held if len(held) == record.num_paths else []

    def told_again(self, record: EvalRecord) -> EvalRecord:
        """The row with what is known of the paths that it shows at once; as it is where they are not all among the
        rows."""
        held = {ballot.path.sample: ballot for ballot in self._held.get(_key(record), [])}
        if not record.shown or not held.keys() >= set(record.shown):
            return record
        right = tuple(is_gold(record, held[sample].answer) for sample in record.shown)
        return record.model_copy(update={"shown_right": right})

    def vote(self, record: EvalRecord) -> EvalRecord | None:
        """The row with its vote cast again; None where it is no vote, or its paths are not among the rows."""
        ballots = self.of(record)
        if not ballots or ARMS[record.arm].seat != "vote":
            return None
        if record.arm == "majority":
            answers = [ballot.answer for ballot in ballots if ballot.answer is not None]
            return _voting(record, majority(answers, record.answer_type, record.options, record.question_id))
        if own := ARMS[record.arm].chosen_by:
            return self._by_own_figure(record, ballots, own)
        if record.path_judge.startswith(BY_VERDICT) and all(ballot.score is not None for ballot in ballots):
            best = max(ballots, key=lambda each: (each.answer is not None, each.score or 0))  # the first of equals
            chosen = {"path_id": best.path.path_id, "path_score": best.score}
            return _voting(record.model_copy(update=chosen), best.answer)
        return self._as_chosen(record, ballots)

    def _by_own_figure(self, record: EvalRecord, ballots: Sequence[Ballot], figure: str) -> EvalRecord | None:
        """By what its writer's probabilities say of each path, as it stands in arm `reason`."""
        figures = {ballot.path.path_id: getattr(ballot.path, figure) for ballot in ballots}
        if None in figures.values():
            return self._as_chosen(record, ballots)
        best = max(ballots, key=lambda each: (each.answer is not None, figures[each.path.path_id]))
        return _voting(record.model_copy(update={"path_id": best.path.path_id}), best.answer)

    def _as_chosen(self, record: EvalRecord, ballots: Sequence[Ballot]) -> EvalRecord | None:
        chosen_before = next((ballot for ballot in ballots if ballot.path.path_id == record.path_id), None)
        return _voting(record, chosen_before.answer) if chosen_before else None


def _key(record: EvalRecord) -> tuple[str, str, str]:
    return record.task, record.system, record.question_id


def _voting(record: EvalRecord, answer: str | None) -> EvalRecord:
    return record.model_copy(update={"response": "" if answer is None else render_answer(answer)})
