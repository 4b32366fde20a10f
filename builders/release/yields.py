"""What each stage took in, kept and left out, read from manifests; and how long and how good the paths are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from insightv_bench.stages import read_manifest
from insightv_bench.storage import parquet_files

BOTH = "questions with a right and a wrong path"
PAIRED = ("corpora-preference-", "corpora-chosen-")
EMPTY: dict[str, Any] = {"score": pl.Int64, "steps": pl.List(pl.Int64), "num_tokens": pl.Int64}


class Basis(NamedTuple):
    """What a stage's yield is a share of."""

    num_in: int
    unit: str
    num_out: int
    """How many of those are in what the stage left: its rows, mostly."""


class Yield(NamedTuple):
    """One stage in figures."""

    stage: str
    num_rows: int
    num_dropped: int
    dropped: dict[str, int]
    """Reason -> rows left out."""
    totals: dict[str, Any]
    basis: Basis | None
    """None for a source."""


def read_yields(folders: Mapping[str, Path]) -> list[Yield]:
    """One a stage, in the order given."""
    manifests = {name: read_manifest(folder) for name, folder in folders.items()}
    return [
        Yield(
            name, found["num_rows"], found["num_dropped"], found["dropped"], found["totals"], _basis(found, manifests)
        )
        for name, found in manifests.items()
    ]


def _basis(manifest: Mapping[str, Any], manifests: Mapping[str, Mapping[str, Any]]) -> Basis | None:
    """Pairs are made of questions that have both kinds of paths; a corpus that is drawn has as many rows as are wanted;
    another corpus is made of the paths among its inputs, and paths are made of questions."""
    totals, num_rows = manifest["totals"], manifest["num_rows"]
    if counted := totals.get("questions"):
        return Basis(counted["right_and_wrong"], BOTH, counted["paired_of_those"])
    if wanted := totals.get("wanted"):
        return Basis(sum(wanted.values()), "rows wanted", num_rows)
    if manifest["stage"].startswith(PAIRED):
        return None  # made before its questions were counted; pairs are no share of paths
    known = [name for name in manifest["inputs"] if name in manifests]
    worked = [name for name in known if name.startswith("paths-")] or known
    if not worked:
        return None
    unit = next((unit for unit in ("paths", "questions") if worked[0].startswith(unit)), "rows")
    return Basis(sum(manifests[name]["num_rows"] for name in worked), unit, num_rows)


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
