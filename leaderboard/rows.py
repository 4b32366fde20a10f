"""Read EvalRecords as one frame, and work out once, for every row, what the figures ask of it.

Rows stay in polars: no record object is made. This module computes no figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from insightv_bench import tables
from insightv_bench.answers import matches
from insightv_bench.errors import RunError
from insightv_bench.records import EvalRecord

from .labels import labelled
from .systems import TRAINED

EXCLUSIONS = "exclusions.parquet"
HINT = "name the folders that `insightv-bench eval` wrote"
UNIT = ["task", "task_version", "parser", "base", "system", "arm"]
REPLY = ["question_id", "sample", "path_id", "path", "flaw", "severity", "position", "propagated"]
"""With a unit's setting, what makes a row one reply of its own."""
SEPARATOR = "\x1f"
"""ASCII's unit separator: joins options to one key."""


def load(eval_folders: Sequence[Path]) -> tuple[pl.DataFrame, list[str]]:
    """Every row under the folders, and notes in words on what was left out or renamed.

    Adds `evaluation` (the folder a row lies in), `label` (the system's name on the board), `trained` (supervised
    fine-tuning or a DPO round), `level` (severity to the nearest quarter), `misleads` (the path is flawed and its
    planted answer is not the gold answer) and `follows` (the reply gives the planted answer).
    Raises RunError where a folder holds no such rows.
    """
    frame = read(*eval_folders)
    frame, notes = labelled(_with_scoring(frame))
    kept = frame.unique(subset=["label", *UNIT, *REPLY], keep="first", maintain_order=True)
    if kept.height < frame.height:
        notes.append(f"{frame.height - kept.height:,} rows stood twice; the first of each was kept.")
    kept = kept.with_columns(trained=pl.col("system").str.contains(TRAINED))
    return _with_planted(kept), notes


def read(*folders: Path) -> pl.DataFrame:
    """The rows as they are, with `evaluation`. Raises RunError as `load` does."""
    files = [file for folder in folders for file in row_files(folder)]
    schema = pl.DataFrame(tables.schema(EvalRecord).empty_table()).schema
    frame = pl.concat([_scan(file, schema) for file in files]).collect()
    if frame.is_empty():
        raise RunError("there are no evaluation rows to show", HINT)
    return frame


def num_rows(file: Path) -> int:
    """Rows of one parquet file. Raises RunError where it cannot be read."""
    try:
        return int(pl.scan_parquet(file).select(pl.len()).collect().item())
    except (pl.exceptions.PolarsError, OSError) as error:
        raise RunError(f"`{file}` cannot be read: {tables.first_line(error)}", "run the evaluation again") from error


def row_files(folder: Path) -> list[Path]:
    if folder.is_file():
        return [folder]
    files = sorted(file for file in folder.rglob("*.parquet") if file.name != EXCLUSIONS)
    if not files:
        raise RunError(f"no evaluation rows in `{folder}`: it holds no parquet file", HINT)
    return files


def _scan(file: Path, schema: pl.Schema) -> pl.LazyFrame:
    """One file, cast to the record's types: a column of nothing but None has no type of its own."""
    rows = pl.scan_parquet(file)
    try:
        names = rows.collect_schema().names()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise RunError(f"`{file}` cannot be read: {tables.first_line(error)}", "run the evaluation again") from error
    if missing := tables.missing_columns(EvalRecord, names):
        raise RunError(f"`{file}` holds no evaluation rows: column `{missing[0]}` is missing", HINT)
    later = {name: field.default for name, field in EvalRecord.model_fields.items() if name not in names}
    rows = rows.with_columns(pl.lit(default).alias(name) for name, default in later.items())
    columns = [pl.col(name).cast(dtype) for name, dtype in schema.items()]
    return rows.select(*columns, evaluation=pl.lit(str(file.parent)))


def _with_scoring(frame: pl.DataFrame) -> pl.DataFrame:
    """Name in `parser` whatever else settled the answers of an evaluation: a judge, a tolerance of numbers."""
    judge = pl.col("answer_judge").filter(pl.col("answer_judge") != "rule").unique().sort().str.join(" and ")
    scored = frame.group_by("evaluation", "task").agg(judge=judge, tolerance=pl.col("tolerance").max())
    scored = scored.with_columns(
        judge=pl.when(pl.col("judge") != "").then(pl.format(", judge {}", "judge")).otherwise(pl.lit("")),
        tolerance=pl.when(pl.col("tolerance") > 0).then(pl.format(", tolerance {}", "tolerance")).otherwise(pl.lit("")),
    )
    if (scored["judge"] + scored["tolerance"] == "").all():
        return frame
    told = scored.select("evaluation", "task", scoring=pl.col("judge") + pl.col("tolerance"))
    joined = frame.join(told, on=["evaluation", "task"], how="left", maintain_order="left")
    return joined.with_columns(parser=pl.col("parser") + pl.col("scoring")).drop("scoring")


def _with_planted(frame: pl.DataFrame) -> pl.DataFrame:
    """Add `level`, `misleads` and `follows`; answers are compared once for each distinct tuple."""
    frame = frame.with_columns(
        # A flaw in a long path may round to nothing, yet it is one: the lowest level of a flawed path is 0.25.
        level=pl.when(pl.col("severity") > 0).then(((pl.col("severity") * 4).round() / 4).clip(0.25, 1)).otherwise(0.0),
        planted_answer=pl.when(pl.col("planted_answer") != "").then("planted_answer"),
    )
    wrong = ~same_answer(frame, "planted_answer", "gold")
    frame = frame.with_columns(misleads=(wrong & (frame["severity"] > 0)).fill_null(False))
    return frame.with_columns(follows=same_answer(frame, "answer", "planted_answer").fill_null(False))


def same_answer(frame: pl.DataFrame, left: str, right: str) -> pl.Series:
    """Whether two columns hold the same answer, row by row; null where either is null."""
    keyed = frame.select(
        pl.col(left).alias("left"),
        pl.col(right).alias("right"),
        "answer_type",
        options=pl.col("options").list.join(SEPARATOR),
    )
    distinct = keyed.drop_nulls().unique()
    same = [
        matches(one, other, answer_type, tuple(options.split(SEPARATOR)) if options else ())
        for one, other, answer_type, options in distinct.iter_rows()
    ]
    found = distinct.with_columns(same=pl.Series(same, dtype=pl.Boolean))
    return keyed.join(found, on=keyed.columns, how="left", maintain_order="left")["same"]
