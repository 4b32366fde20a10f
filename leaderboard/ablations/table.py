"""The ablation table: every system and arm of one recipe in a fixed order, seeds pooled.

Questions are the clusters: a question that two seeds share stands or falls together in both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import polars as pl

from insightv_bench.arms import ARMS as ARM_SPECS
from insightv_bench.arms import Role
from insightv_bench.controls import CONTROLS
from insightv_bench.statistics import accuracy, paired

from ..board import ARMS, System, counted, systems_in
from .records import AblationRow, Below, FlawRow, Group, Share

BOTH, OF_K = "reason+summary", "reason+summary-of-k"
IN_COLUMNS = ("oracle", "flawed")
"""Arms that are columns of the row of both agents, not rows."""
WORDS: dict[str, str] = {arm: spec.words or arm for arm, spec in ARM_SPECS.items()}
ROLES: dict[Role, str] = {"base": "base model", "agent": "supervised fine-tuning", "round": "DPO, round {round}"}
"""What systems that are no controls are called in the table."""


class Cell(NamedTuple):
    """Where a row of the table takes its figures from."""

    system: str
    arm: str
    decoding: str


def system_words(system: System) -> str:
    """A sampled system's name in plain words."""
    control = system.control
    words = control.words if control else ROLES.get(system.role, "")
    flaw = control.flaw_in(system.twin_of or system.system) if control else ""
    return words.format(round=system.round, flaw=flaw) if words else system.system


def arm_words(system: System, arm: str, num_paths: int) -> str:
    name = majority_words(num_paths) if arm == "majority" else WORDS.get(arm, arm)
    if (system.role, arm) == ("agent", "reason"):
        name += " (= copying the path)"  # whoever copies a path's answer gives the reasoning agent's, by definition
    return name


def majority_words(num_paths: int) -> str:
    return f"majority of {num_paths} paths" if num_paths > 1 else "majority of the paths"


def num_paths(rows: pl.DataFrame) -> int:
    """The most sampled paths that any question has."""
    sampled = rows.filter((pl.col("arm") == "reason") & (pl.col("twin_of") == ""))
    return int(sampled["sample"].max() or 0) + 1 if sampled.height else 1  # type: ignore[arg-type]


def table_rows(rows: pl.DataFrame) -> list[AblationRow]:
    """A row for each system and arm that the runs have, in the table's order."""
    paths = num_paths(rows)
    parts = counted(rows).partition_by(["system", "twin_of", "arm"], as_dict=True)
    cells = {
        Cell(twin_of or system, arm, "greedy" if twin_of else "sampled"): cell
        for (system, twin_of, arm), cell in parts.items()
    }
    systems = {system.twin_of or system.system: system for system in systems_in(rows)}
    keys = _in_order(systems, {(cell.system, cell.arm) for cell in cells})
    return [_row(systems[system], system, arm, cells, paths) for system, arm in keys]


def _in_order(systems: Mapping[str, System], keys: set[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Base, SFT, the controls of two agents, the rounds, the controls of the rounds, then what the table does not know.

    The majority stands before both agents, whose equal-token control it is.
    """
    for name in sorted({name for name, _ in keys}, key=lambda name: place_of(systems[name])):
        arms = {BOTH if arm in IN_COLUMNS else arm for other, arm in keys if other == name}
        yield from ((name, arm) for arm in ARMS if arm in arms)


def place_of(system: System) -> tuple[int, int, str]:
    if control := system.control:
        if control.rival == "agent":
            return 2, list(CONTROLS.values()).index(control), system.system
        return 4 if control.rival == "each round" else 5, system.round, system.system
    return {"base": 0, "agent": 1, "round": 3}.get(system.role, 6), system.round, system.system


def group_of(system: System) -> Group:
    if control := system.control:
        return "controls" if control.rival == "agent" else "rounds"
    groups: dict[Role, Group] = {"base": "base", "agent": "agents", "round": "rounds"}
    return groups.get(system.role, "others")


def _row(known: System, system: str, arm: str, cells: dict[Cell, pl.DataFrame], paths: int) -> AblationRow:
    sampled, greedy = (cells.get(Cell(system, arm, decoding)) for decoding in ("sampled", "greedy"))
    exact, flawed = (cells.get(Cell(system, given, "sampled")) if arm == BOTH else None for given in IN_COLUMNS)
    there = [cell for cell in (sampled, greedy, exact, flawed) if cell is not None]
    answered = next((cell for cell in (sampled, greedy) if cell is not None), None)
    return AblationRow(
        system=system,
        arm=arm,
        name=f"{system_words(known)}: {arm_words(known, arm, paths)}",
        system_name=system_words(known),
        arm_name=arm_words(known, arm, paths),
        group=group_of(known),
        sampled=share_of(sampled),
        greedy=share_of(greedy),
        exact=share_of(exact),
        flawed=share_of(flawed),
        tokens=None if answered is None else float(answered["total_tokens"].mean()),  # type: ignore[arg-type]
        seeds=tuple(sorted({seed for cell in there for seed in cell["seed"].unique()})),
    )


def share_of(rows: pl.DataFrame | None, column: str = "correct") -> Share | None:
    """The share of True over all seeds; None without rows."""
    if rows is None or rows.is_empty():
        return None
    ordered = rows.sort("seed", "question_id")
    interval = accuracy(ordered[column].to_list(), ordered["cluster"].to_list())
    return Share(**interval._asdict(), num_questions=rows["question_id"].n_unique())


def flaw_rows(rows: pl.DataFrame) -> list[FlawRow]:
    """Every summary agent on every kind of flawed path."""
    sampled = counted(rows).filter(pl.col("twin_of") == "")
    systems = {system.system: system for system in systems_in(sampled)}
    flawed, oracle = (sampled.filter(pl.col("arm") == arm) for arm in ("flawed", "oracle"))
    cells = flawed.partition_by(["system", "kind_of_flaw"], as_dict=True)
    flaws = []
    for system, flaw in sorted(cells, key=lambda key: (place_of(systems[str(key[0])]), str(key[1]))):
        cell = cells[system, flaw]
        correct = share_of(cell)
        assert correct is not None  # a partition has rows
        misled = cell.filter("misleads")
        exact = oracle.filter(pl.col("system") == system)
        follow, below = share_of(misled, "follows"), _below(exact, misled)
        flaws.append(FlawRow(system=system, flaw=flaw, accuracy=correct, follow=follow, below_exact=below))
    return flaws


def _below(exact: pl.DataFrame, misled: pl.DataFrame) -> Below | None:
    """Replies to both on the questions that have both, of the same seed; None without."""
    keys = ["seed", "question_id"]
    sides = [misled.join(exact, on=keys, how="semi"), exact.join(misled, on=keys, how="semi")]
    if sides[0].is_empty():
        return None
    wrong, right = (dict(side.group_by("cluster").agg("correct").iter_rows()) for side in sides)
    gap = paired(wrong, right)
    return Below(difference=gap.difference, low=gap.low, high=gap.high, n=gap.n)


def with_kind_of_flaw(rows: pl.DataFrame) -> pl.DataFrame:
    """Add `kind_of_flaw`: the flaw, and whether it was worked through where the runs have both."""
    flawed = rows.filter((pl.col("arm") == "flawed") & (pl.col("severity") > 0))
    both = flawed.group_by("flaw").agg(pl.col("propagated").n_unique()).filter(pl.col("propagated") > 1)["flaw"]
    how = pl.when("propagated").then(pl.lit(", propagated")).otherwise(pl.lit(", not propagated"))
    kind = pl.when(pl.col("flaw").is_in(both.to_list())).then(pl.col("flaw") + how).otherwise(pl.col("flaw"))
    return rows.with_columns(kind_of_flaw=kind)
