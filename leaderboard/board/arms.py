"""One row for each system in each arm: accuracy with its interval, and what went unread on the way."""

from __future__ import annotations

from typing import Any

import polars as pl

from insightv_bench.arms import ARMS
from insightv_bench.results import CUT, EVENTS, HIDDEN, MISSING, Outcome, dialects_of, tokens_known
from insightv_bench.results import counted as counted
from insightv_bench.statistics import Interval, accuracy

from .records import ArmRow, ComparableSet

BOUNDS: tuple[Outcome, ...] = ("if_cut_wrong", "if_cut_right")


def arm_rows(in_set: ComparableSet, rows: pl.DataFrame) -> list[ArmRow]:
    """The rows of one comparable set, in the order of its systems and of `ARMS`."""
    cells = counted(rows).partition_by(["label", "arm"], as_dict=True)
    keys = [(system, arm) for system in in_set.systems for arm in ARMS if (system, arm) in cells]
    return [_arm_row(in_set, cells[key]) for key in keys]


def _arm_row(in_set: ComparableSet, rows: pl.DataFrame) -> ArmRow:
    accuracy = share(rows, "correct")
    first, known = rows.row(0, named=True), tokens_known(rows)
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
        dialects=tuple(f"{name} {num}" for name, num in dialects_of(rows).items()),
        **_cut_off(rows),
        failed=rows.filter(pl.col("finish") == "error").height,
        judge_failed=rows.filter(pl.col("judge_failure") != "").height,
        tokens_missing=int(rows.select(MISSING.sum()).item()),
        tokens_hidden=int(rows.select(HIDDEN.sum()).item()),
        tokens_per_right_answer=int(rows["total_tokens"].sum()) / num_right if num_right and known else None,
    )


def _cut_off(rows: pl.DataFrame) -> dict[str, Any]:
    """What a reader must know beside an accuracy where replies were cut off; nothing where none was."""
    if not rows.select(CUT.any()).item():
        return {}
    finished = rows.filter(~CUT)
    found: dict[str, Any] = {name: rows.select(EVENTS[name].mean()).item() for name in BOUNDS}
    found["cut_in_thought"] = int(rows.select(EVENTS["cut_in_thought"].sum()).item())
    if not finished.is_empty():
        among = share(finished, "correct")
        found |= {"finished_accuracy": among.value, "finished_low": among.low, "finished_high": among.high}
    return found


def share(rows: pl.DataFrame, column: str) -> Interval:
    """The share of True in a column, clustered by question."""
    return accuracy(rows[column].to_list(), rows["cluster"].to_list())
