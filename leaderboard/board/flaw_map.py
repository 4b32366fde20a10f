"""The heat map of flaws and systems: accuracy and follow rate under each flaw, all severities above 0 together."""

from __future__ import annotations

import polars as pl

from .arms import share
from .records import ComparableSet, FlawRow


def flaw_rows(found: ComparableSet, rows: pl.DataFrame) -> list[FlawRow]:
    """Every cell of arm `flawed` that has replies, in the order of the set's systems."""
    flawed = rows.filter((pl.col("arm") == "flawed") & (pl.col("severity") > 0))
    cells = flawed.partition_by(["label", "flaw"], as_dict=True, maintain_order=True)
    keys = [(system, flaw) for system in found.systems for flaw in sorted(flawed["flaw"].unique())]
    return [_row(found.name, *key, cells[key]) for key in keys if key in cells]


def _row(set_name: str, system: str, flaw: str, rows: pl.DataFrame) -> FlawRow:
    found, follow = share(rows, "correct"), share(rows.filter("misleads"), "follows")
    return FlawRow(
        set=set_name,
        system=system,
        flaw=flaw,
        accuracy=found.value,
        low=found.low,
        high=found.high,
        n=found.n,
        num_questions=rows["question_id"].n_unique(),
        follow=follow.value if follow.n else None,
        follow_low=follow.low if follow.n else None,
        follow_high=follow.high if follow.n else None,
        follow_n=follow.n,
    )
