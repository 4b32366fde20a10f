"""Read EvalRecords as one frame, and work out once, for every row, what the figures ask of it.

Rows stay in polars: no record object is made. This module computes no figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from insightv_bench.errors import RunError
from insightv_bench.eval_rows import HINT, row_files, scan, with_planted

from .systems import TRAINED

UNIT = ["task", "task_version", "parser", "base", "system", "arm"]
REPLY = ["question_id", "sample", "path_id", "path", "flaw", "severity", "position", "propagated"]
"""With a unit's setting, what makes a row one reply of its own."""


def load(eval_folders: Sequence[Path]) -> tuple[pl.DataFrame, list[str]]:
    """Every row under the folders, and notes in words on what was left out or renamed.

    Adds `label` (the system's name on the board), `trained` (supervised fine-tuning or a DPO round), `level` (severity
    to the nearest quarter), `misleads` (the path is flawed and its planted answer is not the gold answer) and `follows`
    (the reply gives the planted answer).
    Raises RunError where a folder holds no such rows.
    """
    frame = pl.concat([scan(file) for folder in eval_folders for file in row_files(folder)]).collect()
    if frame.is_empty():
        raise RunError("there are no evaluation rows to show", HINT)
    frame, notes = _labelled(frame)
    kept = frame.unique(subset=["label", *UNIT, *REPLY], keep="first", maintain_order=True)
    if kept.height < frame.height:
        notes.append(f"{frame.height - kept.height:,} rows stood twice; the first of each was kept.")
    kept = kept.with_columns(trained=pl.col("system").str.contains(TRAINED))
    return with_planted(kept), notes


def _labelled(frame: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """Name each system: with its base model where there are several, numbered where one arm was run in two settings."""
    several = frame["base"].n_unique() > 1
    name = pl.format("{} ({})", "system", pl.col("base").str.split("/").list.last()) if several else pl.col("system")
    settings = frame.select(*UNIT, "prompt", "token_cap").unique(maintain_order=True)
    settings = settings.with_columns(variant=pl.int_range(pl.len()).over(UNIT), label=name)
    again = pl.col("variant") > 0
    settings = settings.with_columns(
        label=pl.when(again).then(pl.format("{} #{}", "label", pl.col("variant") + 1)).otherwise("label")
    )
    notes = [
        f"`{row['label']}` is system `{row['system']}` again, with another setting in arm `{row['arm']}`: "
        f"prompt `{row['prompt']}`, token cap {row['token_cap']:,}."
        for row in settings.filter(again).iter_rows(named=True)
    ]
    return frame.join(settings.drop("variant"), on=[*UNIT, "prompt", "token_cap"], maintain_order="left"), notes
