"""Paths with their questions and what the judge said, by question; and flawed rows as a judge would rate them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from insightv_bench.protocol import parse_path
from insightv_bench.records import Assessment, FlawedRow, Path, Question
from insightv_bench.settings import ScoreRanges
from insightv_bench.stage import Context
from insightv_bench.world.oracle import Judgement, judge


class Assessed(NamedTuple):
    """A path with its question and what the judge said."""

    question: Question
    path: Path
    assessment: Assessment


def assessed_by_question(context: Context, questions: str, paths: str, assessments: str) -> list[list[Assessed]]:
    """The rows of three stages, one group a question, in the order of the paths."""
    groups: dict[str, list[Assessed]] = defaultdict(list)
    for row in _rows(context, questions, paths, assessments):
        groups[row.question.id].append(row)
    return list(groups.values())


def _rows(context: Context, questions: str, paths: str, assessments: str) -> Iterator[Assessed]:
    by_id = {question.id: question for question in context.questions(questions)}
    by_path = {assessment.path_id: assessment for assessment in context.rows(assessments, Assessment)}
    for path in context.rows(paths, Path):
        yield Assessed(by_id[path.question_id], path, by_path[path.id])


def right_ones(group: Iterable[Assessed]) -> list[Assessed]:
    """Those with a right answer, the best score first, then by id, so that ties fall the same way every time."""
    right = [row for row in group if row.assessment.correct]
    return sorted(right, key=lambda row: (-(row.assessment.score or 0), row.path.id))


def range_of(assessment: Assessment, settings: ScoreRanges) -> str:
    """`high`, `mid`, `low`, `wrong`; `none` where the judge did not say."""
    if assessment.correct is False:
        return "wrong"
    if assessment.score is None:
        return "none"
    return "high" if assessment.score >= settings.high else "mid" if assessment.score >= settings.mid else "low"


def judge_flawed(question: Question, row: FlawedRow) -> Judgement:
    """A flawed path's score and correction: the oracle's in the drawn world, else by the share of steps left right."""
    if question.scene:
        return judge(question.question, question.scene, parse_path(row.flawed_path).steps)
    return Judgement((), round(1 + 99 * (1 - row.severity)), None, row.correction)
