"""Every row of a submission against itself: its answer read again, its verdict, its place among the others.

What only the questions' owner could know, a gold answer changed in every row, is not seen here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl
from pydantic import ValidationError

from insightv_bench.answers import PARSER
from insightv_bench.arms import ARMS
from insightv_bench.flaws import FLAWS
from insightv_bench.judging import RULE
from insightv_bench.records import EvalRecord
from insightv_bench.results import SEPARATOR, is_gold, read_again
from insightv_bench.storage import first_line

from ..board import REPLY, UNIT

ASKED_OF_ALL = [arm for arm, spec in ARMS.items() if spec.shows in ("nothing", "own")]
"""Arms that every question of a system has, whatever can be done to its path."""
SAME = {
    "question_id": ("question", "options", "gold", "answer_type", "kind"),
    "path_id": ("question_id", "path", "path_correct"),
}
"""What rows of one id must share."""


ODD: dict[str, pl.Expr] = {
    "a negative number of tokens": (pl.min_horizontal("num_tokens", "num_prompt_tokens", "total_tokens") < 0)
    | (pl.col("token_cap") <= 0),
    "a severity or a tolerance that is no share": ~pl.col("severity").is_between(0, 1)
    | pl.col("severity").is_nan()
    | pl.col("tolerance").is_nan()
    | (pl.col("tolerance") < 0),
    "a flaw that there is not": ~pl.col("flaw").is_in(["none", *FLAWS]),
    "an arm that there is not": ~pl.col("arm").is_in(list(ARMS)),
    "a flaw without a severity, or a severity without a flaw": (pl.col("flaw") == "none") != (pl.col("severity") == 0),
}
"""Of a single row -> where it is so."""


def odd_values(frame: pl.DataFrame) -> Iterator[str]:
    """Values that no evaluation writes: rows that have them can be neither read again nor counted."""
    for words, wrong in ODD.items():
        rows = frame.filter(wrong.fill_null(True))
        if rows.height:
            more = "" if rows.height == 1 else f" and {rows.height - 1:,} more"
            yield f"{where(rows.row(0, named=True))}{more}: {words}"


def is_of_before() -> pl.Expr:
    """Rows that another version of the answer reader wrote: they are read again with this one."""
    return pl.col("parser") != PARSER


def problems(frame: pl.DataFrame) -> Iterator[str]:
    """What does not hold, a line each."""
    odd = list(odd_values(frame))
    yield from odd
    if odd:
        return  # such rows can be neither compared nor read again
    keys = [*UNIT, "prompt", "token_cap", "evaluation", *REPLY]
    for row in frame.group_by(keys, maintain_order=True).len().filter(pl.col("len") > 1).iter_rows(named=True):
        yield f"{where(row)} stands {row['len']} times"
    yield from _missing(frame)
    yield from _contradictions(frame)
    for row in frame.iter_rows(named=True):
        yield from _read_again(row)


def read_otherwise(frame: pl.DataFrame) -> int:
    """Of the rows that another version of the answer reader wrote, how many this one reads otherwise."""
    records = (_record(row) for row in frame.filter(is_of_before()).iter_rows(named=True))
    return sum(read_again(record).answer != record.answer for record in records)


def _record(row: dict[str, Any]) -> EvalRecord:
    return EvalRecord.model_validate({name: row[name] for name in EvalRecord.model_fields})


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
    yield from _paths_missing(frame)
    for _, rows in asked.group_by("task", "base", "system", "arm", "evaluation", maintain_order=True):
        counts = rows.group_by("question_id").len().sort("question_id")
        most = counts["len"].max()
        for question, num in counts.filter(pl.col("len") < most).iter_rows():
            yield f"{where(rows.row(0, named=True), question)} has {num} samples, and other questions {most!r}"


def _paths_missing(frame: pl.DataFrame) -> Iterator[str]:
    """An arm that lacks given paths which another system was shown, or the exact path of a question with a flawed one;
    a summary agent that was not asked about a stored path of its system."""
    keys = ["question_id", "path", "flaw", "severity"]
    for _, task in frame.group_by("task", "task_version", maintain_order=True):
        given = task.filter(pl.col("arm") == "flawed", pl.col("severity") > 0)
        whole = given.select(keys).unique()
        for (system,), rows in given.group_by(["system"], maintain_order=True):
            lacking = whole.join(rows, on=keys, how="anti").sort(keys)
            if lacking.height:
                what = f"`{lacking['question_id'][0]}` the first"
                yield f"`{system}`, arm `flawed` lacks {lacking.height:,} of {whole.height:,} flawed paths, {what}"
        for (system,), rows in task.filter(pl.col("arm") == "oracle").group_by(["system"], maintain_order=True):
            if lacking_ids := sorted(set(given["question_id"]) - set(rows["question_id"])):
                what = f"{len(lacking_ids):,} questions that have a flawed path, `{lacking_ids[0]}` the first"
                yield f"`{system}`, arm `oracle` lacks {what}"
    stored = frame.filter(pl.col("arm") == "reason", pl.col("path_id") != "")
    for arm in [arm for arm, spec in ARMS.items() if spec.shows == "own" and spec.seat == "summary"]:
        shown = frame.filter(pl.col("arm") == arm)
        unit = ["task", "base", "system", "evaluation"]
        asked_about = stored.join(shown.select(unit).unique(), on=unit, how="semi")
        gone = asked_about.join(shown, on=[*unit, "path_id"], how="anti")
        for (system,), rows in gone.group_by(["system"], maintain_order=True):
            first = rows["question_id"][0]
            yield f"`{system}`, arm `{arm}` lacks {rows.height:,} of its own paths, that of `{first}` the first"


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
    try:
        record = _record(row)
    except ValidationError as error:
        yield f"{where(row)}: {first_line(error)}"
        return
    place = where(row)
    if record.total_tokens < record.num_tokens:
        yield f"{place}: {record.total_tokens} tokens in all, and {record.num_tokens} of the reply alone"
    if record.parser != PARSER:  # what it says must fit what it says it read
        if record.answer_judge == RULE and is_gold(record, record.answer) != record.correct:
            yield f"{place}: it counts as {_right(record.correct)}, and is {_right(not record.correct)}"
        return
    again = read_again(record)
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
