"""The ablation table: every system and arm of one recipe in a fixed order, seeds pooled.

Questions are the clusters: a question that two seeds share stands or falls together in both.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import polars as pl

from insightv_bench.flaws import FLAWS
from insightv_bench.statistics import accuracy, paired

from ..board import ARMS, GREEDY, counted, number_of, twin
from .records import AblationRow, Below, FlawRow, Group, Share

BOTH = "reason+summary"
IN_COLUMNS = ("oracle", "flawed")
"""Arms that are columns of the row of both agents, not rows."""
SYSTEMS: dict[str, str] = {
    "base": "base model",
    "sft": "supervised fine-tuning",
    "longer-sft": "supervised fine-tuning, a quarter longer",
    "continued-sft": "continued SFT at the summary agent's compute",
    "optimal-only": "summary agent trained on right paths only",
    "single-model": "one model in both seats",
    "multi-turn": "one model, two turns of a conversation",
    "continued-sft-dpo": "continued SFT at the DPO rounds' compute",
    "pooled-dpo": "one DPO on as many pairs, none from a round's own model",
}
WORDS: dict[str, str] = {
    "base": "no path",
    "direct": "summary agent alone, no path",
    "reason": "reasoning agent alone",
    "multi-turn": "answer in its second turn",
    BOTH: "both agents",
}
OF_ROUNDS = ("continued-sft-dpo", "pooled-dpo")
"""Controls of all DPO rounds together."""
GROUPS: dict[str, Group] = {"base": "base", "sft": "agents"}


class Cell(NamedTuple):
    """Where a row of the table takes its figures from."""

    system: str
    arm: str
    decoding: str


def system_words(system: str) -> str:
    """A sampled system's name in plain words."""
    if number := number_of(system, "dpo"):
        return f"DPO, round {number}"
    if number := number_of(system, "rejection"):
        return f"rejection sampling (SFT on the chosen), round {number}"
    return SYSTEMS.get(system, system)


def words(system: str, arm: str, num_paths: int) -> str:
    """A row's name in plain words."""
    told = arm_words(system, arm, num_paths)
    return f"{system_words(system)}: {told}"


def arm_words(system: str, arm: str, num_paths: int) -> str:
    if arm == "majority":
        told = f"majority of {num_paths} paths" if num_paths > 1 else "majority of the paths"
    else:
        told = WORDS.get(arm, arm)
    if (system, arm) == ("sft", "reason"):
        told += " (= copying the path)"  # whoever copies a path's answer gives the reasoning agent's, by definition
    return told


def num_paths(rows: pl.DataFrame) -> int:
    """The most sampled paths that any question has."""
    sampled = rows.filter((pl.col("arm") == "reason") & ~pl.col("system").str.ends_with(GREEDY))
    return int(sampled["sample"].max() or 0) + 1 if sampled.height else 1  # type: ignore[arg-type]


def table_rows(rows: pl.DataFrame) -> list[AblationRow]:
    """A row for each system and arm that the runs have, in the table's order."""
    paths = num_paths(rows)
    cells = {
        Cell(twin(system), arm, "greedy" if system.endswith(GREEDY) else "sampled"): cell
        for (system, arm), cell in counted(rows).partition_by(["system", "arm"], as_dict=True).items()
    }
    return [_row(system, arm, cells, paths) for system, arm in _in_order({(cell.system, cell.arm) for cell in cells})]


def _in_order(found: set[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Base, SFT, the controls of two agents, the rounds, the controls of the rounds, then what the table does not know.

    The majority stands before both agents, whose equal-token control it is.
    """
    for system in sorted({system for system, _ in found}, key=place_of):
        arms = {BOTH if arm in IN_COLUMNS else arm for name, arm in found if name == system}
        yield from ((system, arm) for arm in ARMS if arm in arms)


def place_of(system: str) -> tuple[int, int, str]:
    known = list(SYSTEMS)
    if number := number_of(system, "dpo"):
        return len(known), number, system
    if number := number_of(system, "rejection"):
        return len(known) + 1, number, system
    if system in OF_ROUNDS:
        return len(known) + 2, 0, system
    return (known.index(system), 0, system) if system in known else (len(known) + 3, 0, system)


def group_of(system: str) -> Group:
    if number_of(system, "dpo") or number_of(system, "rejection") or system in OF_ROUNDS:
        return "rounds"
    return GROUPS.get(system, "controls" if system in SYSTEMS else "others")


def _row(system: str, arm: str, cells: dict[Cell, pl.DataFrame], paths: int) -> AblationRow:
    sampled, greedy = (cells.get(Cell(system, arm, decoding)) for decoding in ("sampled", "greedy"))
    exact, flawed = (cells.get(Cell(system, given, "sampled")) if arm == BOTH else None for given in IN_COLUMNS)
    found = [cell for cell in (sampled, greedy, exact, flawed) if cell is not None]
    answered = next((cell for cell in (sampled, greedy) if cell is not None), None)
    return AblationRow(
        system=system,
        arm=arm,
        name=words(system, arm, paths),
        group=group_of(system),
        sampled=share_of(sampled),
        greedy=share_of(greedy),
        exact=share_of(exact),
        flawed=share_of(flawed),
        tokens=None if answered is None else float(answered["total_tokens"].mean()),  # type: ignore[arg-type]
        seeds=tuple(sorted({seed for cell in found for seed in cell["seed"].unique()})),
    )


def share_of(rows: pl.DataFrame | None, column: str = "correct") -> Share | None:
    """The share of True over all seeds; None without rows."""
    if rows is None or rows.is_empty():
        return None
    ordered = rows.sort("seed", "question_id")
    found = accuracy(ordered[column].to_list(), ordered["question_id"].to_list())
    return Share(**found._asdict(), num_questions=rows["question_id"].n_unique())


def flaw_rows(rows: pl.DataFrame) -> list[FlawRow]:
    """Every summary agent on every kind of flawed path."""
    sampled = counted(rows).filter(~pl.col("system").str.ends_with(GREEDY))
    flawed, oracle = (sampled.filter(pl.col("arm") == arm) for arm in ("flawed", "oracle"))
    cells = flawed.partition_by(["system", "kind_of_flaw"], as_dict=True)
    made = []
    for system, flaw in sorted(cells, key=lambda key: (place_of(str(key[0])), str(key[1]))):
        cell = cells[system, flaw]
        correct = share_of(cell)
        assert correct is not None  # a partition has rows
        misled = cell.filter("misleads")
        exact = oracle.filter(pl.col("system") == system)
        row = FlawRow(
            system=system,
            flaw=flaw,
            accuracy=correct,
            follow=share_of(misled, "follows"),
            below_exact=_below(exact, misled),
        )
        made.append(row)
    return made


def _below(exact: pl.DataFrame, misled: pl.DataFrame) -> Below | None:
    """Replies to both on the questions that have both, of the same seed; None without."""
    keys = ["seed", "question_id"]
    sides = [misled.join(exact, on=keys, how="semi"), exact.join(misled, on=keys, how="semi")]
    if sides[0].is_empty():
        return None
    wrong, right = (dict(side.group_by("question_id").agg("correct").iter_rows()) for side in sides)
    found = paired(wrong, right)
    return Below(difference=found.difference, low=found.low, high=found.high, n=found.n)


def with_kind_of_flaw(rows: pl.DataFrame) -> pl.DataFrame:
    """Add `kind_of_flaw`: the flaw, and whether it was worked through where the runs have both."""
    flawed = rows.filter((pl.col("arm") == "flawed") & (pl.col("severity") > 0))
    both = flawed.group_by("flaw").agg(pl.col("propagated").n_unique()).filter(pl.col("propagated") > 1)["flaw"]
    told = pl.when("propagated").then(pl.lit(", propagated")).otherwise(pl.lit(", not propagated"))
    kind = pl.when(pl.col("flaw").is_in(both.to_list())).then(pl.col("flaw") + told).otherwise(pl.col("flaw"))
    return rows.with_columns(kind_of_flaw=kind)


def flaw_words(flaw: str) -> str:
    """The label of a type of flaw in place of its name; what is said of it behind a comma stays."""
    labels = {str(name): row.label for name, row in FLAWS.items() if row.label}
    name = flaw.partition(",")[0]
    return flaw.replace(name, labels.get(name, name), 1)
