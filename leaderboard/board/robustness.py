"""What a flawed path does to the summary agent, as rows of the board; the figures are the ground floor's."""

from __future__ import annotations

import polars as pl

from insightv_bench.results import all_flaws, curve, measured

from .arms import share
from .records import MEANINGS, ComparableSet, MeasureRow, RobustnessRow

ANY = "any"
"""All flaws together."""


def robustness_rows(found: ComparableSet, rows: pl.DataFrame) -> list[RobustnessRow]:
    """Accuracy and follow rate of arm `flawed`, by system, flaw and severity."""
    made: list[RobustnessRow] = []
    for system in found.systems:
        points = curve(rows.filter(pl.col("label") == system))
        flaws = sorted(points["flaw"].unique().to_list())
        for flaw in [ANY, *flaws] if flaws else []:
            chosen = points.filter(pl.col("flaw") == flaw) if flaw != ANY else all_flaws(points)
            levels = chosen.partition_by("level", maintain_order=True)
            made += [_robustness_row(found.name, system, flaw, level) for level in levels]
    return made


def _robustness_row(set_name: str, system: str, flaw: str, rows: pl.DataFrame) -> RobustnessRow:
    found, follow = share(rows, "correct"), share(rows.filter("misleads"), "follows")
    return RobustnessRow(
        set=set_name,
        system=system,
        flaw=flaw,
        severity=rows["level"][0],
        accuracy=found.value,
        low=found.low,
        high=found.high,
        follow=follow.value if follow.n else None,
        follow_low=follow.low if follow.n else None,
        follow_high=follow.high if follow.n else None,
        follow_n=follow.n,
        n=found.n,
        num_questions=rows["question_id"].n_unique(),
    )


def measure_rows(found: ComparableSet, rows: pl.DataFrame) -> list[MeasureRow]:
    """Each system's figures, those with no rows to count left out."""
    return [
        MeasureRow(
            set=found.name,
            system=system,
            measure=one.measure,
            **one.interval._asdict(),
            num_questions=len(one.sums.questions),
            meaning=MEANINGS[one.measure],
        )
        for system in found.systems
        for one in measured(rows.filter(pl.col("label") == system))
    ]
