"""Votes of kept rows cast again, from the kept paths as they are read today; nothing is generated.

`majority` counts the answers of its paths anew. `best-of-k` chooses anew where the summary agent's verdicts chose, as
they stand in arm `reason+summary`. What another judge said of paths that it did not choose is not kept: then the choice
stands, and the chosen path's answer is read anew. A vote whose paths are not among the rows stays as it was cast.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from insightv_bench.answers import VERDICTS, majority
from insightv_bench.protocol import parse_path, parse_summary, render_answer
from insightv_bench.records import EvalRecord

VOTES = ("majority", "best-of-k")
BY_VERDICT = "summary"
"""How `path_judge` begins where the summary agent's verdicts chose."""


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
            (row.system, row.path_id): VERDICTS[parse_summary(row.response).verdict]
            for row in records
            if row.arm == "reason+summary"
        }
        self._held: dict[tuple[str, str, str], list[Ballot]] = defaultdict(list)
        for row in sorted((row for row in records if row.arm == "reason"), key=lambda row: row.sample):
            answer = parse_path(row.response, row.reasoning).answer
            self._held[_key(row)].append(Ballot(row, answer, scores.get((row.system, row.path_id))))

    def of(self, record: EvalRecord) -> list[Ballot]:
        """Those that its vote rests on; none where they are not all there."""
        held = self._held.get(_key(record), [])
        return held if len(held) == record.num_paths else []

    def vote(self, record: EvalRecord) -> EvalRecord | None:
        """The row with its vote cast again; None where its paths are not among the rows."""
        ballots = self.of(record)
        if not ballots:
            return None
        if record.arm == "majority":
            answers = [ballot.answer for ballot in ballots if ballot.answer is not None]
            return _voting(record, majority(answers, record.answer_type, record.options))
        return _best(record, ballots)


def _key(record: EvalRecord) -> tuple[str, str, str]:
    return record.task, record.system, record.question_id


def _voting(record: EvalRecord, answer: str | None) -> EvalRecord:
    return record.model_copy(update={"response": "" if answer is None else render_answer(answer)})


def _best(record: EvalRecord, ballots: Sequence[Ballot]) -> EvalRecord | None:
    if record.path_judge.startswith(BY_VERDICT) and all(ballot.score is not None for ballot in ballots):
        best = max(ballots, key=lambda ballot: (ballot.answer is not None, ballot.score or 0))  # the first of equals
        chosen = {"path_id": best.path.path_id, "path_score": best.score}
        return _voting(record.model_copy(update=chosen), best.answer)
    stood = next((ballot for ballot in ballots if ballot.path.path_id == record.path_id), None)
    return _voting(record, stood.answer) if stood else None
