"""What a flawed path does to the summary agent, as rows of the board; the figures are the ground floor's."""

from __future__ import annotations

from typing import Any

import polars as pl

from insightv_bench.results import all_flaws, curve, measured

from .arms import share
from .records import MEANINGS, ComparableSet, FlawRow, MeasureRow, RobustnessRow

ANY = "any"
"""All flaws together."""


def robustness_rows(in_set: ComparableSet, rows: pl.DataFrame) -> list[RobustnessRow]:
    """Accuracy and follow rate of arm `flawed`, by system, flaw and severity."""
    severities: list[RobustnessRow] = []
    for system in in_set.systems:
        points = curve(rows.filter(pl.col("label") == system))
        flaws = sorted(points["flaw"].unique().to_list())
        for flaw in [ANY, *flaws] if flaws else []:
            chosen = points.filter(pl.col("flaw") == flaw) if flaw != ANY else all_flaws(points)
            for level in chosen.partition_by("level", maintain_order=True):
                severity = level["level"][0]
                severities.append(RobustnessRow(**_columns(in_set.name, system, flaw, level), severity=severity))
    return severities


def flaw_rows(in_set: ComparableSet, rows: pl.DataFrame) -> list[FlawRow]:
    """Every cell of arm `flawed` that has replies, in the order of the set's systems: a heat map's."""
    flawed = rows.filter((pl.col("arm") == "flawed") & (pl.col("flaw") != "none"))
    cells = flawed.partition_by(["label", "flaw"], as_dict=True, maintain_order=True)
    keys = [(system, flaw) for system in in_set.systems for flaw in sorted(flawed["flaw"].unique())]
    return [FlawRow(**_columns(in_set.name, *key, cells[key])) for key in keys if key in cells]


def _columns(set_name: str, system: str, flaw: str, rows: pl.DataFrame) -> dict[str, Any]:
    """Accuracy, and how often the planted answer is given."""
    follow = share(rows.filter("misleads"), "follows")
    accuracy = share(rows, "correct")
    return {
        "set": set_name,
        "system": system,
        "flaw": flaw,
        "accuracy": accuracy.value,
        "low": accuracy.low,
        "high": accuracy.high,
        "n": accuracy.n,
        "num_questions": rows["question_id"].n_unique(),
        "follow": follow.value if follow.n else None,
        "follow_low": follow.low if follow.n else None,
        "follow_high": follow.high if follow.n else None,
        "follow_n": follow.n,
    }


def measure_rows(in_set: ComparableSet, rows: pl.DataFrame) -> list[MeasureRow]:
    """Each system's figures, those with no rows to count left out."""
    parts = rows.partition_by("label", as_dict=True, maintain_order=True)
    return [
        MeasureRow(
            set=in_set.name,
            system=system,
            measure=one.measure,
            **one.interval._asdict(),
            num_questions=len(one.sums.questions),
            meaning=MEANINGS[one.measure],
        )
        for system in in_set.systems
        for one in measured(parts[system,])
    ]
