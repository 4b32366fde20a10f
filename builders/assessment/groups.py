"""Paths with their questions and what the judge said, by question; score ranges; how a judge would rate flawed rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby, islice
from typing import NamedTuple

import polars as pl

from insightv_bench.answers import read_path
from insightv_bench.errors import StageError
from insightv_bench.records import Assessment, FlawedRow, Path, Question
from insightv_bench.settings import ScoreRanges
from insightv_bench.stages import Context
from insightv_bench.storage import Matched, QuestionsById, Rows
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
    matched, verdicts = Matched(context.inputs[assessments], "path_id"), Rows(context.inputs[assessments], Assessment)
    while portion := list(islice(groups, at_once)):
        rows = asked.of(name for name, _ in portion)
        ids = [path.id for _, group in portion for path in group]
        places = dict(zip(ids, matched.of(pl.Series(ids, dtype=pl.String))["place"], strict=True))
        taken = verdicts.take(places.values())
        yield [[Assessed(rows[name], path, taken[places[path.id]]) for path in group] for name, group in portion]


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


def right_ones(group: Iterable[Assessed]) -> list[Assessed]:
    """Those with a right answer, the best score first, then by id, so that ties fall the same way every time."""
    right = [row for row in group if row.assessment.correct]
    return sorted(right, key=lambda row: (-(row.assessment.score or 0), row.path.id))


def judge_flawed(question: Question, row: FlawedRow) -> Judgement:
    """A flawed path's score and correction: the oracle's in the drawn world, else by the share of steps left right."""
    if question.scene:
        steps = read_path(row.flawed_path, question.answer_type, question.options).steps
        return judge(question.question, question.scene, steps)
    return Judgement((), round(1 + 99 * (1 - row.severity)), None, row.correction)


def range_of(correct: bool | None, score: int | None, settings: ScoreRanges) -> str:
    """`high`, `mid` or `low` where its answer is right, `wrong` where it is not; `unscored` where a right path has no
    score, `unknown` where the answer was not judged. `score`: 1-100."""
    if correct is None:
        return "unknown"
    if not correct:
        return "wrong"
    if score is None:
        return "unscored"
    return "high" if score >= settings.high else "mid" if score >= settings.mid else "low"


def score_range(settings: ScoreRanges) -> pl.Expr:
    """The same over the columns `correct` and `score`."""
    correct, score = pl.col("correct"), pl.col("score")
    return (
        pl.when(correct.is_null())
        .then(pl.lit("unknown"))
        .when(~correct)
        .then(pl.lit("wrong"))
        .when(score.is_null())
        .then(pl.lit("unscored"))
        .when(score >= settings.high)
        .then(pl.lit("high"))
        .when(score >= settings.mid)
        .then(pl.lit("mid"))
        .otherwise(pl.lit("low"))
    )
