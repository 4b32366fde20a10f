"""Evaluation rows as one frame, with what every figure asks of a row worked out once.

Rows stay in polars: no record object is made. This module computes no figure and names no system.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from insightv_bench.answers import matches
from insightv_bench.errors import RunError
from insightv_bench.records import EvalRecord
from insightv_bench.storage import first_line, missing_columns, schema_of

EXCLUSIONS = "exclusions.parquet"
HINT = "name the folders that `insightv-bench eval` wrote"
EXACT = pl.lit(0.0)
SEPARATOR = "\x1f"
"""ASCII's unit separator: joins options to one key."""


def row_files(folder: Path) -> list[Path]:
    """Of a folder, or the file itself. Raises RunError where there are none."""
    if folder.is_file():
        return [folder]
    files = sorted(file for file in folder.rglob("*.parquet") if file.name != EXCLUSIONS)
    if not files:
        raise RunError(f"no evaluation rows in `{folder}`: it holds no parquet file", HINT)
    return files


def scan(file: Path) -> pl.LazyFrame:
    """One file with the record's columns and types: those that came later than the file have their default.

    A column of nothing but None has no type of its own. Raises RunError where the file holds no evaluation rows.
    """
    schema = pl.DataFrame(schema_of(EvalRecord).empty_table()).schema
    rows = pl.scan_parquet(file, glob=False)
    try:
        names = rows.collect_schema().names()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise RunError(f"`{file}` cannot be read: {first_line(error)}", "run the evaluation again") from error
    if missing := missing_columns(EvalRecord, names):
        raise RunError(f"`{file}` holds no evaluation rows: column `{missing[0]}` is missing", HINT)
    later = {name: field.default for name, field in EvalRecord.model_fields.items() if name not in names}
    rows = rows.with_columns(pl.lit(default).alias(name) for name, default in later.items())
    return rows.select(pl.col(name).cast(dtype) for name, dtype in schema.items())


def cluster() -> pl.Expr:
    """What repeats as one, and so stands or falls together in every interval and test: the rows of a question's group,
    else of its image, else of the question.
    """
    of_image = pl.when(pl.col("image") != "").then(pl.lit("image ") + pl.col("image"))
    of_group = pl.when(pl.col("group") != "").then(pl.lit("group ") + pl.col("group"))
    return of_group.otherwise(of_image.otherwise(pl.lit("question ") + pl.col("question_id"))).alias("cluster")


def with_planted(frame: pl.DataFrame) -> pl.DataFrame:
    """Add what figures ask of every row; answers are compared once for each distinct tuple.

    `cluster`: see there. `level`: severity to the nearest quarter. `misleads`: the path is flawed and its planted
    answer is not the gold answer. `follows`: the reply gives the planted answer.
    """
    frame = frame.with_columns(
        cluster(),
        # A flaw in a long path may round to nothing, yet it is one: the lowest level of a flawed path is 0.25.
        level=pl.when(pl.col("severity") > 0).then(((pl.col("severity") * 4).round() / 4).clip(0.25, 1)).otherwise(0.0),
        planted_answer=pl.when(pl.col("planted_answer") != "").then("planted_answer"),
    )
    wrong = ~same_answer(frame, "planted_answer", "gold", tolerance=pl.col("tolerance"))
    frame = frame.with_columns(misleads=(wrong & (frame["severity"] > 0)).fill_null(False))
    return frame.with_columns(follows=same_answer(frame, "answer", "planted_answer").fill_null(False))


def same_answer(frame: pl.DataFrame, left: str, right: str, tolerance: pl.Expr = EXACT) -> pl.Series:
    """Whether two columns hold the same answer, row by row; null where either is null.

    `tolerance`: of a number, as share of the right one; a planted answer that is near enough is the gold answer.
    """
    keyed = frame.select(
        pl.col(left).alias("left"),
        pl.col(right).alias("right"),
        "answer_type",
        tolerance=tolerance,
        options=pl.col("options").list.join(SEPARATOR),
    )
    distinct = keyed.drop_nulls().unique()
    same = [
        matches(one, other, answer_type, tuple(options.split(SEPARATOR)) if options else (), near)
        for one, other, answer_type, near, options in distinct.iter_rows()
    ]
    compared = distinct.with_columns(same=pl.Series(same, dtype=pl.Boolean))
    return keyed.join(compared, on=keyed.columns, how="left", maintain_order="left")["same"]
