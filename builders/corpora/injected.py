"""Flaws put into paths, as candidates of the summary corpus: their score range is the oracle's, where there is one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from insightv_bench.answers import is_gold
from insightv_bench.records import FlawedRow, Question, SummaryRow
from insightv_bench.settings import ScoreRanges
from insightv_bench.stages import Context
from insightv_bench.world import Judgement

from ..assessment import judge_flawed
from .scored import Rows, order_key, prompt_text, read_asked
from .summary_rows import summary_row


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
        made = [self._described(row, asked, ranged) for row in self._context.rows(self._flawed, FlawedRow)]
        schema: dict[str, Any] = {"question": pl.UInt32, "range": pl.String, "order": pl.UInt64}
        return pl.LazyFrame(made, schema, orient="row").with_row_index("flaw")

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
