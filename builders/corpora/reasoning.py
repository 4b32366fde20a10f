"""Scored paths -> corpora. Every threshold is the recipe's, every row left out is counted with its reason.

What is chosen is decided on metadata alone (see `selection`); images are joined when a corpus is written.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator

import polars as pl

from insightv_bench.agents import written_path
from insightv_bench.chat import ASKS, Prompt, asked_otherwise, assistant, load_prompt, user
from insightv_bench.flaws import flawed_versions
from insightv_bench.records import FlawedRow, Path, Question, ReasoningRow, training_columns
from insightv_bench.settings import FlawsSettings, ReasoningCorpus, Spelling
from insightv_bench.stages import Context, Dropped, FlawOptions, Options, drop

from . import blocks
from .flawed import counted
from .scored import ASSESSED, Store, portions, read_scored


def reasoning(context: Context[ReasoningCorpus, Options]) -> None:
    """Inputs: `questions`, `paths`, `verdicts`."""
    settings = context.settings
    index = blocks.reasoning(read_scored(context, *ASSESSED), settings)
    context.write(ReasoningRow, _reasoning_rows(Store(context, *ASSESSED), index, settings.spelling))


def _reasoning_rows(
    store: Store, index: Iterable[pl.DataFrame], spelling: Spelling
) -> Iterator[ReasoningRow | Dropped]:
    for part in (part for block in index for part in portions(block, store.portion)):
        paths = store.paths.take(part["path"])
        questions = store.questions.take(part.filter(reason="")["question"])
        for question, path, score, reason in part.iter_rows():
            row = questions[question] if not reason else None
            yield reasoning_row(row, paths[path], score, spelling) if row else drop(paths[path], reason)


def reasoning_row(question: Question, path: Path, score: int, spelling: Spelling) -> ReasoningRow:
    return ReasoningRow(
        **training_columns(question),
        prompt=(user(asked_with(path, spelling), question),),
        completion=(assistant(written_path(path, spelling)),),
        score=score,
    )


def asked_with(path: Path, spelling: Spelling) -> Prompt:
    """The prompt that a row's completion answers: with `own` words the one that the path was asked with, so that a
    model is not taught to reply to our JSON prompt in its own manner; of a log's paths, which say none, the question
    alone."""
    ours = load_prompt("reason")
    if spelling == "json" or path.prompt == ours.label:
        return ours
    known = (load_prompt(f"{ask}/reason") for ask in ASKS if "reason" in asked_otherwise(ask))
    unknown = ours if path.dialect == "json" else load_prompt("native/reason")
    return next((prompt for prompt in known if prompt.label == path.prompt), unknown)


def flawed(context: Context[FlawsSettings, FlawOptions]) -> None:
    """Questions of the drawn world -> the flawed corpus."""
    seed = 0 if context.options.fixed else context.seed
    rows = _flawed_rows(context.rows("questions", Question), context.settings, seed)
    context.write(FlawedRow, counted(context, rows))


def _flawed_rows(questions: Iterable[Question], settings: FlawsSettings, seed: int) -> Iterator[FlawedRow | Dropped]:
    for question in questions:
        if not question.scene:
            yield drop(question, "not of the drawn world")
            continue
        yield from flawed_versions(question, settings, random.Random(f"{seed}/{question.id}"))
