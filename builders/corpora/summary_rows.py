"""Rows of the summary corpus: the prompt with a path or without, and the verdict with the answer.

Of flaws put into paths, the candidates too: their score range is the oracle's, where there is one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from insightv_bench.agents import summary_chat
from insightv_bench.answers import is_gold
from insightv_bench.chat import assistant
from insightv_bench.protocol import Verdict, parse_path, render_summary
from insightv_bench.records import FlawedRow, Question, SummaryKind, SummaryRow, columns_of
from insightv_bench.settings import ScoreRanges
from insightv_bench.stages import Context
from insightv_bench.storage import Rows
from insightv_bench.world import Judgement, program_of, reread

from ..assessment import judge_flawed
from .scored import order_key, prompt_text, read_asked


def summary_row(
    question: Question, path: str, kind: SummaryKind, range_: str, correct: bool, correction: str
) -> SummaryRow:
    """`correction`, of the first wrong step, stands in where no scene says what the steps should have read."""
    verdict: Verdict = "right" if correct else "wrong"
    check = "" if correct else correction
    if question.scene:
        program, scene = program_of(question.question, question.scene)
        check = reread(scene, parse_path(path).steps, program)
    completion = render_summary(question.answer, verdict, check)
    return SummaryRow(
        **columns_of(question),
        prompt=summary_chat(question, path).messages,
        completion=(assistant(completion),),
        kind=kind,
        score_range=range_,
        path_correct=correct,
    )


def plain_row(question: Question) -> SummaryRow:
    return SummaryRow(
        **columns_of(question),
        prompt=summary_chat(question, "").messages,
        completion=(assistant(render_summary(question.answer)),),
        kind="plain",
        score_range="none",
        path_correct=None,
    )


class Injected:
    """The rows of the flawed corpus."""

    def __init__(self, context: Context, questions: str, flawed: str, settings: ScoreRanges) -> None:
        self._context, self._questions, self._flawed = context, questions, flawed
        self._mid = settings.mid
        self._rows = Rows(context.inputs[flawed], FlawedRow)
        self._asked = Rows(context.inputs[questions], Question)

    def index(self, ranged: bool) -> pl.LazyFrame:
        """`flaw` (place), `question`, `range`, `order`. Without `ranged` no path is judged before it is chosen."""
        asked = {row.id: (place, row) for place, row in enumerate(read_asked(self._context.inputs[self._questions]))}
        rows = [self._described(row, asked, ranged) for row in self._context.rows(self._flawed, FlawedRow)]
        schema: dict[str, Any] = {"question": pl.UInt32, "range": pl.String, "order": pl.UInt64}
        return pl.LazyFrame(rows, schema, orient="row").with_row_index("flaw")

    def _described(self, row: FlawedRow, asked: dict[str, tuple[int, Question]], ranged: bool) -> tuple[int, str, int]:
        place, question = asked[row.id]
        order = order_key(self._context.seed, row.id, prompt_text(question, row.flawed_path))
        range_ = self._range(question, row, judge_flawed(question, row)) if ranged else ""
        return place, range_, int(order, 16)

    def _range(self, question: Question, row: FlawedRow, judgement: Judgement) -> str:
        return "wrong" if not ends_right(question, row) else "mid" if judgement.score >= self._mid else "low"

    def rows(self, index: pl.DataFrame) -> Iterator[SummaryRow]:
        flaws, questions = self._rows.take(index["flaw"]), self._asked.take(index["question"])
        for row in index.iter_rows(named=True):
            flaw, question = flaws[row["flaw"]], questions[row["question"]]
            judgement = judge_flawed(question, flaw)
            range_, right = row["range"] or self._range(question, flaw, judgement), ends_right(question, flaw)
            yield summary_row(question, flaw.flawed_path, "flawed", range_, right, judgement.correction)


def ends_right(question: Question, row: FlawedRow) -> bool:
    return is_gold(row.planted_answer, question)
