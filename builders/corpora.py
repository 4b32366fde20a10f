"""Scored paths -> corpora. Every threshold is the recipe's, every row left out is counted with its reason.

The paths of one question are told apart by score range: `high`, `mid`, `low` for right answers, `wrong` for the rest.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from insightv_bench.agents import path_text
from insightv_bench.chat import assistant, user
from insightv_bench.flaws import FLAWS, make_flawed
from insightv_bench.records import (
    Assessment,
    FlawedRow,
    Path,
    Question,
    QuestionColumns,
    ReasoningRow,
    Record,
    content_id,
)
from insightv_bench.settings import CorporaSettings, FlawsSettings
from insightv_bench.stage import Context, Dropped, drop
from insightv_bench.world.program import parse_question
from insightv_bench.world.scene import scene_from_json

SHARED = set(QuestionColumns.model_fields)


class Assessed(NamedTuple):
    """A path with its question and what the judge said."""

    question: Question
    path: Path
    assessment: Assessment


def columns_of(question: QuestionColumns) -> dict[str, object]:
    """The columns that every corpus shares; the scene is never among them."""
    return {name: getattr(question, name) for name in QuestionColumns.model_fields}


def read_assessed(context: Context, questions: str, paths: str, assessments: str) -> Iterator[Assessed]:
    by_id = {question.id: question for question in context.rows(questions, Question)}
    by_path = {assessment.path_id: assessment for assessment in context.rows(assessments, Assessment)}
    for path in context.rows(paths, Path):
        yield Assessed(by_id[path.question_id], path, by_path[path.id])


def score_range(assessment: Assessment, settings: CorporaSettings) -> str:
    if not assessment.correct:
        return "wrong" if assessment.correct is False else "unknown"
    if assessment.score is None:
        return "unscored"
    return "high" if assessment.score >= settings.high else "mid" if assessment.score >= settings.mid else "low"


def by_question(rows: Iterable[Assessed]) -> dict[str, list[Assessed]]:
    groups: dict[str, list[Assessed]] = defaultdict(list)
    for row in rows:
        groups[row.question.id].append(row)
    return groups


def best_first(rows: Iterable[Assessed]) -> list[Assessed]:
    """By score, then by id, so that ties fall the same way every time."""
    return sorted(rows, key=lambda row: (-(row.assessment.score or 0), row.path.id))


def reasoning(context: Context) -> None:
    """Inputs: questions, paths, assessments."""
    settings = context.stage.settings
    assert isinstance(settings, CorporaSettings)
    rows = read_assessed(context, *context.stage.inputs)
    context.write(ReasoningRow, _reasoning_rows(rows, settings))


def _reasoning_rows(rows: Iterable[Assessed], settings: CorporaSettings) -> Iterator[ReasoningRow | Dropped]:
    for group in by_question(rows).values():
        kept: set[str] = set()
        for row in best_first(group):
            reason = _why_not_reasoning(row, settings, kept)
            if reason:
                yield drop(row.path, reason)
            else:
                kept.add(path_text(row.path))
                yield reasoning_row(row)


def _why_not_reasoning(row: Assessed, settings: CorporaSettings, kept: set[str]) -> str:
    """Empty where it is one; `kept` are the texts of this question's better paths."""
    if row.path.status != "complete":
        return row.path.status
    range_ = score_range(row.assessment, settings)
    if range_ != "high":
        return f"score range {range_}"
    if len(kept) >= settings.max_paths_per_question:
        return "enough paths of this question"
    return "same text as a better path" if path_text(row.path) in kept else ""


def reasoning_row(row: Assessed) -> ReasoningRow:
    return ReasoningRow(
        **columns_of(row.question),
        prompt=(user("reason", row.question),),
        completion=(assistant(path_text(row.path)),),
        score=row.assessment.score,
    )


def flawed(context: Context) -> None:
    """Questions of the drawn world -> the flawed corpus."""
    settings = context.stage.settings
    assert isinstance(settings, FlawsSettings)
    questions = context.rows(context.stage.inputs[0], Question)
    flaws: Counter[str] = Counter()
    context.write(FlawedRow, _count_flaws(_flawed_rows(questions, settings, context.seed), flaws))
    context.totals["flaws"] = dict(flaws)


def _count_flaws(rows: Iterable[FlawedRow | Dropped], flaws: Counter[str]) -> Iterator[Record | Dropped]:
    for row in rows:
        if isinstance(row, FlawedRow):
            flaws[row.flaw] += 1
        yield row


def _flawed_rows(questions: Iterable[Question], settings: FlawsSettings, seed: int) -> Iterator[FlawedRow | Dropped]:
    for question in questions:
        if not question.scene:
            yield drop(question, "not of the drawn world")
            continue
        yield from flawed_versions(question, settings, random.Random(f"{seed}/{question.id}"))


def flawed_versions(question: Question, settings: FlawsSettings, random_: random.Random) -> Iterator[FlawedRow]:
    """Up to `per_question` distinct flawed versions, each of another flaw type where that can be."""
    scene = scene_from_json(question.scene)
    program = parse_question(question.question, scene)
    assert program is not None  # a question with a scene was made from a program
    flaws = [flaw for flaw in settings.flaws if flaw in FLAWS]
    texts: set[str] = set()
    for flaw in random_.sample(flaws, len(flaws)):
        severity, position = random_.choice(settings.severities), random_.choice(settings.positions)
        wanted = len(texts) < settings.per_question
        made = make_flawed(program, scene, flaw, severity, position, random_) if wanted else None
        if made and made.flawed_path not in texts:
            texts.add(made.flawed_path)
            yield FlawedRow(**columns_of(question), kind=question.kind, **made._asdict())


def order_key(seed: int, *parts: object) -> str:
    """A shuffle that depends on the rows alone, not on where they stand."""
    return content_id(seed, *parts)
