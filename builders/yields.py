"""What each stage took in, kept and left out, read from manifests; and how long and how good the paths are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from insightv_bench.stage import read_manifest
from insightv_bench.tables import parquet_files

EMPTY: dict[str, Any] = {"score": pl.Int64, "steps": pl.List(pl.Int64), "num_tokens": pl.Int64}


class Yield(NamedTuple):
    """One stage in figures."""

    stage: str
    num_in: int | None
    """Rows of the stage that it works through; None for a source."""
    num_rows: int
    num_dropped: int
    dropped: dict[str, int]
    """Reason -> rows left out."""
    totals: dict[str, Any]


def read_yields(folders: Mapping[str, Path]) -> list[Yield]:
    """One a stage, in the order given."""
    manifests = {name: read_manifest(folder) for name, folder in folders.items()}
    return [
        Yield(
            name, _num_in(found, manifests), found["num_rows"], found["num_dropped"], found["dropped"], found["totals"]
        )
        for name, found in manifests.items()
    ]


def _num_in(manifest: dict[str, Any], manifests: Mapping[str, dict[str, Any]]) -> int | None:
    """A corpus is made of the paths among its inputs, paths are made of questions."""
    known = [name for name in manifest["inputs"] if name in manifests]
    worked = [name for name in known if name.startswith("paths-")] or known
    return sum(manifests[name]["num_rows"] for name in worked) if worked else None


def scores(folders: Mapping[str, Path]) -> pl.DataFrame:
    """`stage, score, num` over assessments; the score is null for paths without one."""
    return _over(folders, "assess-", ["score"]).group_by("stage", "score").agg(num=pl.len()).sort("stage", "score")


def lengths(folders: Mapping[str, Path]) -> pl.DataFrame:
    """`stage, steps, tokens, num` over paths."""
    rows = _over(folders, "paths-", ["steps", "num_tokens"])
    counted = rows.select("stage", pl.col("steps").list.len(), tokens="num_tokens")
    return counted.group_by("stage", "steps", "tokens").agg(num=pl.len()).sort("stage", "steps", "tokens")


def _over(folders: Mapping[str, Path], prefix: str, columns: list[str]) -> pl.DataFrame:
    frames = [
        pl.scan_parquet(parquet_files(folder), glob=False).select(pl.lit(name).alias("stage"), *columns)
        for name, folder in folders.items()
        if name.startswith(prefix)
    ]
    return (
        pl.concat(frames).collect()
        if frames
        else pl.DataFrame(schema={"stage": pl.String} | {name: EMPTY[name] for name in columns})
    )
