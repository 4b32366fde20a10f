"""Scored paths -> corpora. Every threshold is the recipe's, every row left out is counted with its reason.

What is chosen is decided on metadata alone (see `selection`); pictures are joined when a corpus is written.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Container, Iterable, Iterator

import polars as pl

from insightv_bench.agents import path_text
from insightv_bench.chat import assistant, user
from insightv_bench.flaws import FLAWS, make_flawed
from insightv_bench.records import FlawedRow, FlawType, Path, Question, QuestionColumns, ReasoningRow, Record
from insightv_bench.settings import CorporaSettings, FlawsSettings
from insightv_bench.stage import Context, Dropped, drop
from insightv_bench.world.program import parse_question
from insightv_bench.world.scene import scene_from_json

from . import selection
from .scored import Store, portions, read_scored


def columns_of(question: QuestionColumns) -> dict[str, object]:
    """The columns that every corpus shares; the scene is never among them."""
    return {name: getattr(question, name) for name in QuestionColumns.model_fields}


def reasoning(context: Context) -> None:
    """Inputs: questions, paths, assessments."""
    settings = context.stage.settings
    assert isinstance(settings, CorporaSettings)
    index = selection.reasoning(selection.best_first(read_scored(context, *context.stage.inputs)), settings).collect()
    context.write(ReasoningRow, _reasoning_rows(Store(context, *context.stage.inputs), index))


def _reasoning_rows(store: Store, index: pl.DataFrame) -> Iterator[ReasoningRow | Dropped]:
    for part in portions(index, store.portion):
        paths = store.paths.take(part["path"])
        questions = store.questions.take(part.filter(reason="")["question"])
        for question, path, score, reason in part.iter_rows():
            yield drop(paths[path], reason) if reason else reasoning_row(questions[question], paths[path], score)


def reasoning_row(question: Question, path: Path, score: int) -> ReasoningRow:
    return ReasoningRow(
        **columns_of(question),
        prompt=(user("reason", question),),
        completion=(assistant(path_text(path)),),
        score=score,
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
    texts: set[str] = set()
    for flaw in drawn_flaws(settings, FLAWS, random_):
        severity, position = random_.choice(settings.severities), random_.choice(settings.positions)
        wanted = len(texts) < settings.per_question
        made = make_flawed(program, scene, flaw, severity, position, random_) if wanted else None
        if made and made.flawed_path not in texts:
            texts.add(made.flawed_path)
            yield FlawedRow(**columns_of(question), kind=question.kind, **made._asdict())


def drawn_flaws(settings: FlawsSettings, able: Container[FlawType], random_: random.Random) -> list[FlawType]:
    """The types in the order of drawing without replacement; with weights after Efraimidis and Spirakis (2006)."""
    flaws = [flaw for flaw in settings.flaws if flaw in able]
    if not settings.weights:
        return random_.sample(flaws, len(flaws))
    return sorted(flaws, key=lambda flaw: -(random_.random() ** (1 / settings.weights.get(flaw, 1))))
