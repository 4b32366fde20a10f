"""One row for each system in each arm: accuracy with its interval, and what went unread on the way."""

from __future__ import annotations

import polars as pl

from insightv_bench.arms import ARMS
from insightv_bench.results import EVENTS
from insightv_bench.results import counted as counted
from insightv_bench.statistics import Interval, accuracy

from .records import ArmRow, ComparableSet


def arm_rows(in_set: ComparableSet, rows: pl.DataFrame) -> list[ArmRow]:
    """The rows of one comparable set, in the order of its systems and of `ARMS`."""
    cells = counted(rows).partition_by(["label", "arm"], as_dict=True)
    keys = [(system, arm) for system in in_set.systems for arm in ARMS if (system, arm) in cells]
    return [_arm_row(in_set, cells[key]) for key in keys]


def _arm_row(in_set: ComparableSet, rows: pl.DataFrame) -> ArmRow:
    accuracy = share(rows, "correct")
    first = rows.row(0, named=True)
    guessable = rows.filter(pl.col("options").list.len() > 0)
    above_chance = None
    if in_set.chance is not None and not guessable.is_empty():
        above_chance = share(guessable, "correct").low > in_set.chance
    num_right = int(rows["correct"].sum())
    return ArmRow(
        set=in_set.name,
        system=first["label"],
        twin_of=first["twin"],
        **{name: first[name] for name in ("base", "round", "role", "trained", "arm")},
        accuracy=accuracy.value,
        low=accuracy.low,
        high=accuracy.high,
        n=accuracy.n,
        num_questions=rows["question_id"].n_unique(),
        above_chance=above_chance,
        unread=rows["answer"].null_count(),
        likely=int(rows.select(EVENTS["likely"].sum()).item()),
        sure_accuracy=rows.select(EVENTS["sure_accuracy"].mean()).item(),
        unread_cut=int(rows.select((EVENTS["unread"] & EVENTS["cut_off"]).sum()).item()),
        malformed=rows.filter(pl.col("path_status") == "malformed").height,
        cut_off=rows.filter(pl.col("finish") == "length").height,
        failed=rows.filter(pl.col("finish") == "error").height,
        judge_failed=rows.filter(pl.col("judge_failure") != "").height,
        tokens_per_right_answer=int(rows["total_tokens"].sum()) / num_right if num_right else None,
    )


def share(rows: pl.DataFrame, column: str) -> Interval:
    """The share of True in a column, clustered by question."""
    return accuracy(rows[column].to_list(), rows["question_id"].to_list())
