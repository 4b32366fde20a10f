"""Paths with their questions and what the judge said, by question; and flawed rows as a judge would rate them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import groupby, islice
from typing import NamedTuple

from insightv_bench.errors import StageError
from insightv_bench.protocol import parse_path
from insightv_bench.records import Assessment, FlawedRow, Path, Question
from insightv_bench.settings import ScoreRanges
from insightv_bench.stages import Context
from insightv_bench.storage import QuestionsById
from insightv_bench.world import Judgement, judge


class Assessed(NamedTuple):
    """A path with its question and what the judge said."""

    question: Question
    path: Path
    assessment: Assessment


def assessed_by_question(
    context: Context, at_once: int, questions: str, paths: str, assessments: str
) -> Iterator[list[list[Assessed]]]:
    """The rows of three stages, one group a question, in the order of the paths, `at_once` questions a portion: the
    texts of a portion are in memory. Raises StageError where the paths of a question do not stand together."""
    asked = QuestionsById(context.inputs[questions])
    groups = by_question(context.rows(paths, Path))
    found = Found(context, assessments)
    while portion := list(islice(groups, at_once)):
        rows = asked.of(name for name, _ in portion)
        yield [[Assessed(rows[name], path, found.of(path)) for path in group] for name, group in portion]


def by_question(paths: Iterable[Path]) -> Iterator[tuple[str, list[Path]]]:
    """Ids of questions with their paths, which stand together, as the paths' stage writes them; raises StageError where
    they do not."""
    seen: set[str] = set()
    for question_id, group in groupby(paths, key=lambda path: path.question_id):
        if question_id in seen:
            raise apart(question_id)
        seen.add(question_id)
        yield question_id, list(group)


def apart(question_id: str) -> StageError:
    return StageError(f"the paths of question `{question_id}` do not stand together", "sort them by question")


class Found:
    """The assessments of a stage, by path. They lie in the order of their paths, as a rule, and are read as they are
    asked for; where they do not, all of them are held."""

    def __init__(self, context: Context, stage: str) -> None:
        self._context, self._stage = context, stage
        self._later = context.rows(stage, Assessment)

    def of(self, path: Path) -> Assessment:
        row = next(self._later, None)
        return row if row and row.path_id == path.id else self._all[path.id]

    @cached_property
    def _all(self) -> dict[str, Assessment]:
        self._later = iter(())
        return {row.path_id: row for row in self._context.rows(self._stage, Assessment)}


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
