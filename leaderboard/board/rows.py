"""Read EvalRecords as one frame, and work out once, for every row, what the figures ask of it.

Rows stay in polars: no record object is made. This module computes no figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import polars as pl

from insightv_bench.arms import Role
from insightv_bench.errors import RunError
from insightv_bench.results import HINT, row_files, scan, with_planted
from insightv_bench.storage import first_line

from .labels import labelled
from .lineage import role_before

UNIT = ["task", "task_version", "parser", "base", "system", "arm"]
REPLY = ["question_id", "sample", "path_id", "path", "flaw", "severity", "position", "propagated"]
"""With a unit's setting, what makes a row one reply of its own."""


def load_rows(eval_folders: Sequence[Path]) -> tuple[pl.DataFrame, list[str]]:
    """Every row under the folders, and notes in words on what was left out or renamed.

    Adds `evaluation` (the folder a row lies in), `label` (the system's name on the board), `twin` (the label of the
    system whose greedy twin it is), `trained` (supervised fine-tuning or a DPO round, sampled), `level` (severity to
    the nearest quarter), `misleads` (the path is flawed and its planted answer is not the gold answer) and `follows`
    (the reply gives the planted answer).
    Raises RunError where a folder holds no such rows.
    """
    frame = read_sides(*eval_folders)
    frame, notes = labelled(_with_scoring(with_roles(frame)))
    kept = frame.unique(subset=["label", *UNIT, *REPLY], keep="first", maintain_order=True)
    if kept.height < frame.height:
        notes.append(f"{frame.height - kept.height:,} rows stood twice; the first of each was kept.")
    # A label begins with the system's name; what follows tells models and settings apart.
    twin = pl.col("twin_of") + pl.col("label").str.slice(pl.col("system").str.len_chars())
    kept = kept.with_columns(
        twin=pl.when(pl.col("twin_of") != "").then(twin).otherwise(pl.lit("")),
        trained=pl.col("role").is_in(["agent", "round"]) & (pl.col("twin_of") == ""),
    )
    return with_planted(kept), notes


def read_sides(*folders: Path) -> pl.DataFrame:
    """The rows as they are, with `evaluation`. Raises RunError as `load` does."""
    files = [file for folder in folders for file in row_files(folder)]
    frame = pl.concat([scan(file).with_columns(evaluation=pl.lit(str(file.parent))) for file in files]).collect()
    if frame.is_empty():
        raise RunError("there are no evaluation rows to show", HINT)
    return frame


def with_roles(frame: pl.DataFrame) -> pl.DataFrame:
    """Fill in `role` and `twin_of` of rows from before they had them, as far as the manifests beside them tell.

    Rows may come from anyone: a role that there is not is `other`.
    """
    is_known = pl.col("role").is_in(get_args(Role))
    frame = frame.with_columns(
        role=pl.when(is_known).then("role").otherwise(pl.lit("other")), twin_of=pl.col("twin_of").fill_null("")
    )
    keys = ["evaluation", "system", "round"]
    known = [
        (*key, *role)
        for key in frame.filter(pl.col("role") == "other").select(keys).unique().iter_rows()
        if (role := role_before(Path(key[0]), *key[1:]))
    ]
    schema = {name: frame.schema[name] for name in keys} | {"known_role": pl.String, "known_twin": pl.String}
    recorded = pl.DataFrame(known, schema=schema, orient="row")
    frame = frame.join(recorded, on=keys, how="left", maintain_order="left")
    return frame.with_columns(
        role=pl.coalesce("known_role", "role"), twin_of=pl.coalesce("known_twin", "twin_of")
    ).drop("known_role", "known_twin")


def count_rows(file: Path) -> int:
    """Rows of one parquet file. Raises RunError where it cannot be read."""
    try:
        return int(pl.scan_parquet(file, glob=False).select(pl.len()).collect().item())
    except (pl.exceptions.PolarsError, OSError) as error:
        raise RunError(f"`{file}` cannot be read: {first_line(error)}", "run the evaluation again") from error


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
    scorings = scored.select("evaluation", "task", scoring=pl.col("judge") + pl.col("tolerance"))
    joined = frame.join(scorings, on=["evaluation", "task"], how="left", maintain_order="left")
    return joined.with_columns(parser=pl.col("parser") + pl.col("scoring")).drop("scoring")
