"""Evaluation rows as the sums over questions that figures are made of (see `statistics`)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from insightv_bench.statistics import Statistic, Sums, ratio


def sums_of(rows: pl.DataFrame, columns: Sequence[pl.Expr], statistic: Statistic) -> Sums:
    """One total a cluster for each of `columns`, which are aggregations."""
    if rows.is_empty():
        return Sums((), np.zeros((0, len(columns))), statistic, 0)
    named = [column.cast(pl.Float64).alias(str(place)) for place, column in enumerate(columns)]
    grouped = rows.group_by("cluster").agg(*named).sort("cluster")
    totals = grouped.drop("cluster").to_numpy().reshape(-1, len(columns)).astype(np.float64)
    return Sums(tuple(grouped["cluster"]), totals, statistic, rows.height)


def share_sums(rows: pl.DataFrame, event: pl.Expr) -> Sums:
    """The share of rows in which `event` holds."""
    return sums_of(rows, [event.sum(), pl.len()], ratio)
