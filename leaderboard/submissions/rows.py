"""Every row of a submission against itself: its answer read again, its verdict, its place among the others.

What only the questions' owner could know, a gold answer changed in every row, is not seen here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import polars as pl

from insightv_bench.answers import PARSER
from insightv_bench.arms import ARMS
from insightv_bench.judging import RULE
from insightv_bench.records import EvalRecord
from insightv_bench.results import SEPARATOR, read_again

from ..board import REPLY, UNIT

ASKED_OF_ALL = [arm for arm, spec in ARMS.items() if spec.shows in ("nothing", "own")]
"""Arms that every question of a system has, whatever can be done to its path."""
SAME = {
    "question_id": ("question", "options", "gold", "answer_type", "kind"),
    "path_id": ("question_id", "path", "path_correct"),
}
"""What rows of one id must share."""


def problems(frame: pl.DataFrame) -> Iterator[str]:
    """What does not hold, a line each."""
    others: list[str] = frame["parser"].filter(frame["parser"] != PARSER).to_list()
    for parser, num in sorted(Counter(others).items()):
        yield (
            f"{num:,} rows were read with parser `{parser}`, and this one is `{PARSER}`: "
            "their answers cannot be read again here"
        )
    keys = [*UNIT, "prompt", "token_cap", "evaluation", *REPLY]
    for row in frame.group_by(keys, maintain_order=True).len().filter(pl.col("len") > 1).iter_rows(named=True):
        yield f"{where(row)} stands {row['len']} times"
    yield from _missing(frame)
    yield from _contradictions(frame)
    for row in frame.filter(pl.col("parser") == PARSER).iter_rows(named=True):
        yield from _read_again(row)


def _missing(frame: pl.DataFrame) -> Iterator[str]:
    """An arm that lacks questions which other systems, or other arms of its system, have of the same task."""
    asked = frame.filter(pl.col("arm").is_in(ASKED_OF_ALL))
    for _, task in asked.group_by("task", "task_version", "base", maintain_order=True):
        whole = set(task["question_id"])
        for (system, arm), rows in task.group_by("system", "arm", maintain_order=True):
            if lacking := sorted(whole - set(rows["question_id"])):
                yield (
                    f"`{system}`, arm `{arm}` lacks {len(lacking):,} of {len(whole):,} questions, "
                    f"`{lacking[0]}` the first"
                )
    for _, rows in asked.group_by("task", "base", "system", "arm", "evaluation", maintain_order=True):
        counts = rows.group_by("question_id").len().sort("question_id")
        most = counts["len"].max()
        for question, num in counts.filter(pl.col("len") < most).iter_rows():
            yield f"{where(rows.row(0, named=True), question)} has {num} samples, and other questions {most!r}"


def _contradictions(frame: pl.DataFrame) -> Iterator[str]:
    """Rows of one question or one path that do not say the same of it."""
    for name, columns in SAME.items():
        keyed = frame.filter(pl.col(name) != "").with_columns(pl.col("options").list.join(SEPARATOR))
        spread = keyed.group_by("task", name, maintain_order=True).agg(
            pl.col(c).n_unique() for c in columns if c != name
        )
        for row in spread.iter_rows(named=True):
            odd = [column for column in columns if column != name and row[column] > 1]
            if odd:
                yield f"{name.removesuffix('_id')} `{row[name]}` has several of `{odd[0]}` in its rows"


def _read_again(row: dict[str, Any]) -> Iterator[str]:
    record = EvalRecord.model_validate({name: row[name] for name in EvalRecord.model_fields})
    again = read_again(record)
    place = where(row)
    if again.answer != record.answer:
        yield f"{place}: its answer is `{_short(record.answer)}`, and the reply reads `{_short(again.answer)}`"
    elif again.span != record.span:
        yield f"{place}: its answer is said to stand at {record.span}, and stands at {again.span}"
    if record.answer_judge == RULE and again.correct != record.correct:
        yield f"{place}: it counts as {_right(record.correct)}, and is {_right(again.correct)}"
    if again.path_correct != record.path_correct:
        yield f"{place}: its path counts as {_right(record.path_correct)}, and is {_right(again.path_correct)}"
    if again.verdict != record.verdict:
        yield f"{place}: its verdict is `{record.verdict}`, and the reply says `{again.verdict}`"
    if record.total_tokens < record.num_tokens:
        yield f"{place}: {record.total_tokens} tokens in all, and {record.num_tokens} of the reply alone"


def _right(is_right: bool | None) -> str:
    return "right" if is_right else "wrong"


def where(row: dict[str, Any], question: object = None) -> str:
    """`sft`, arm `flawed`, question `q1`, sample 0 (perception 0.5)."""
    flaw = f" ({row['flaw']} {row['severity']:g})" if row["flaw"] != "none" else ""
    sample = "" if question else f", sample {row['sample']}{flaw}"
    return f"`{row['system']}`, arm `{row['arm']}`, question `{question or row['question_id']}`{sample}"


def _short(answer: object) -> str:
    text = "nothing" if answer is None else str(answer)
    return text if len(text) <= 40 else text[:39] + "…"
