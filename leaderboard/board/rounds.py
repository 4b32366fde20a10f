"""The DPO rounds of each base model: accuracy and robustness round by round, with paired differences, path lengths and
the margin that the training ended with.

Arms `reason` and `reason+summary` are what a round is meant to move; their p is that of the comparisons of kind
`rounds`. Arms `self-flawed` and `flawed` show whether it became easier to mislead; their p is adjusted among
themselves.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from insightv_bench.statistics import bootstrap, paired

from .arms import counted
from .comparisons import Pair, difference_columns, family_tests
from .lineage import read_origin, training_of
from .records import ArmRow, ComparableSet, ComparisonRow, Difference, RoundRow
from .systems import ROUND_ARMS, Side

ROBUST_ARMS = ("self-flawed", "flawed")
OF_ARM = ("set", "base", "system", "round", "arm", "accuracy", "low", "high", "n")
"""Columns that are those of the row of the arm."""
Key = tuple[str, str, str]
"""The round's system, the earlier one, the arm."""


class Mean(NamedTuple):
    value: float | None
    low: float | None
    high: float | None
    n: int


def round_rows(
    in_set: ComparableSet, rows: pl.DataFrame, arms: Sequence[ArmRow], comparisons: Sequence[ComparisonRow]
) -> list[RoundRow]:
    """Round 0 and every DPO round of one comparable set, arm by arm; none where no round was evaluated."""
    own = [row for row in arms if row.set == in_set.name and row.trained and row.arm in (*ROUND_ARMS, *ROBUST_ARMS)]
    rounds = {base: {row.round: row.system for row in own if row.base == base} for base in {row.base for row in own}}
    rounds = {base: systems for base, systems in rounds.items() if any(systems)}
    differences = {**_told(in_set, comparisons), **_robust(rounds, rows)}
    systems = {system for by_number in rounds.values() for system in by_number.values()}
    lengths = {system: _path_tokens(rows, system) for system in systems}
    trained = {}
    for system in systems:
        folders = rows.filter(pl.col("label") == system)["evaluation"].unique(maintain_order=True)
        trained[system] = training_of(origin for folder in folders if (origin := read_origin(Path(folder))))
    in_order = sorted(own, key=lambda row: (row.base, row.round))
    return [
        _row(row, rounds[row.base], differences, lengths[row.system], trained[row.system])
        for row in in_order
        if row.base in rounds
    ]


def _told(in_set: ComparableSet, comparisons: Sequence[ComparisonRow]) -> dict[Key, Difference]:
    """What the board's comparisons say of the rounds."""
    differences = {}
    for row in comparisons:
        if row.set == in_set.name and row.family == "rounds":
            earlier, arm = row.a.rpartition(": ")[::2]
            system = row.b.removesuffix(f": {arm}")
            columns = {name: getattr(row, name) for name in Difference.model_fields}
            differences[system, earlier, arm] = Difference(**{**columns, "a": earlier})
    return differences


def _robust(rounds: Mapping[str, Mapping[int, str]], rows: pl.DataFrame) -> dict[Key, Difference]:
    """Each round against the start and against the round before, in the arms that show flawed paths."""
    cells: dict[tuple[str, str], dict[str, list[bool]]] = {}
    shown = counted(rows).filter(pl.col("arm").is_in(ROBUST_ARMS) & pl.col("trained"))
    for label, arm, question, correct in shown.group_by("label", "arm", "cluster").agg("correct").iter_rows():
        cells.setdefault((label, arm), {})[question] = correct
    keys = [
        (system, earlier, arm)
        for systems in rounds.values()
        for number, system in systems.items()
        for earlier in dict.fromkeys(_earlier(systems, number))
        for arm in ROBUST_ARMS
        if earlier and (system, arm) in cells and (earlier, arm) in cells
    ]
    pairs = {key: Pair("rounds", Side(key[1], key[2]), Side(key[0], key[2])) for key in keys}
    answers = {Side(*key): cell for key, cell in cells.items()}
    tested = family_tests(
        list(pairs.values()), lambda pair, level: paired(answers[pair.a], answers[pair.b], confidence=level)
    )
    return {
        key: Difference(**difference_columns(key[1], tested[pair]))
        for key, pair in pairs.items()
        if tested[pair].alone.n
    }


def _earlier(systems: Mapping[int, str], number: int) -> tuple[str, str]:
    """Supervised fine-tuning and the round before; empty where there is none, or it was not evaluated."""
    return (systems.get(0, ""), systems.get(number - 1, "")) if number else ("", "")


def _path_tokens(rows: pl.DataFrame, system: str) -> Mean:
    """Of the reasoning agent's own replies, which are its paths; those that never came are left out."""
    came = rows.filter((pl.col("label") == system) & (pl.col("arm") == "reason") & (pl.col("finish") != "error"))
    if came.is_empty():
        return Mean(None, None, None, 0)
    cells = came.group_by("cluster", maintain_order=True).agg(pl.col("num_tokens").sum(), num=pl.len())
    totals = cells.select("num_tokens", "num").to_numpy().astype(np.float64)
    low, high = bootstrap(totals, lambda sums: sums[:, 0] / sums[:, 1])
    return Mean(float(totals[:, 0].sum() / totals[:, 1].sum()), low, high, came.height)


def _row(
    row: ArmRow,
    systems: Mapping[int, str],
    differences: Mapping[Key, Difference],
    length: Mean,
    training: Mapping[str, Any],
) -> RoundRow:
    start, before = _earlier(systems, row.round)
    totals = training.get("totals", {}) if row.round else {}
    margin = totals.get("last_rewards/margins")
    return RoundRow(
        **{name: getattr(row, name) for name in OF_ARM},
        from_start=differences.get((row.system, start, row.arm)),
        from_before=differences.get((row.system, before, row.arm)) if before != start else None,
        path_tokens=length.value,
        path_tokens_low=length.low,
        path_tokens_high=length.high,
        num_paths=length.n,
        reward_margin=float(margin) if margin is not None and math.isfinite(margin) else None,
        num_pairs=totals.get("num_rows"),
    )
