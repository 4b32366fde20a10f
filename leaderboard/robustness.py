"""What a flawed path does to the summary agent: curves over severity, and one figure for each way to fail.

Every interval is clustered by question. Sources of the figures: Lanham et al. 2023 (arXiv 2307.13702, area under the
curve) and Yang et al. 2025 (arXiv 2506.10979, recovery on the same questions).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import polars as pl

from insightv_bench.statistics import Floats, Interval, accuracy, bootstrap, paired

from .arms import share
from .board import MEANINGS, ComparableSet, Measure, MeasureRow, RobustnessRow
from .rows import same_answer

ANY = "any"
"""All flaws together."""


def robustness_rows(found: ComparableSet, rows: pl.DataFrame) -> list[RobustnessRow]:
    """Accuracy and follow rate of arm `flawed`, by system, flaw and severity."""
    made: list[RobustnessRow] = []
    for system in found.systems:
        curve = _curve(rows.filter(pl.col("label") == system))
        flaws = sorted(curve["flaw"].unique().to_list())
        for flaw in [ANY, *flaws] if flaws else []:
            points = curve.filter(pl.col("flaw") == flaw) if flaw != ANY else _all_flaws(curve)
            levels = points.partition_by("level", maintain_order=True)
            made += [_robustness_row(found.name, system, flaw, level) for level in levels]
    return made


def _curve(rows: pl.DataFrame) -> pl.DataFrame:
    """Arm `flawed`, with arm `oracle` on the same questions as the severity 0 of each flaw."""
    flawed = rows.filter((pl.col("arm") == "flawed") & (pl.col("severity") > 0))
    asked = flawed.select("question_id", "flaw").unique()
    clean = rows.filter(pl.col("arm") == "oracle").drop("flaw").join(asked, on="question_id")
    return pl.concat([clean.select(flawed.columns), flawed]).sort("level", maintain_order=True)


def _all_flaws(curve: pl.DataFrame) -> pl.DataFrame:
    """Every flaw at once; a question's clean rows, one set for each of its flaws, count once."""
    clean = pl.col("level") == 0
    return pl.concat([curve.filter(clean).unique(["question_id", "sample"], maintain_order=True), curve.filter(~clean)])


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
    made: list[MeasureRow] = []
    for system in found.systems:
        for measure, value, num_questions in _measures(rows.filter(pl.col("label") == system)):
            if value.n and not math.isnan(value.value):
                row = MeasureRow(
                    set=found.name,
                    system=system,
                    measure=measure,
                    **value._asdict(),
                    num_questions=num_questions,
                    meaning=MEANINGS[measure],
                )
                made.append(row)
    return made


def _measures(rows: pl.DataFrame) -> Iterator[tuple[Measure, Interval, int]]:
    flawed = rows.filter((pl.col("arm") == "flawed") & (pl.col("severity") > 0))
    own = rows.filter(pl.col("arm") == "reason+summary")
    right_clean, right_direct = _right_in(rows, "oracle"), _right_in(rows, "direct")
    yield _shared("follow", flawed.filter("misleads"), pl.col("follows"))
    yield _excess_follow(flawed.filter("misleads"), rows.filter(pl.col("arm") == "direct"))
    yield _shared("recovery", flawed.filter(pl.col("question_id").is_in(right_clean)), pl.col("correct"))
    yield _shared("rescue", own.filter(~pl.col("path_correct")), pl.col("correct"))
    misled = own.filter(pl.col("path_correct") & pl.col("question_id").is_in(right_direct))
    yield _shared("over_rejection", misled, ~pl.col("correct"))
    judged = rows.filter((pl.col("verdict") != "none") & pl.col("path_correct").is_not_null())
    yield _shared("verdict_on_right", judged.filter("path_correct"), pl.col("verdict") == "right")
    yield _shared("verdict_on_wrong", judged.filter(~pl.col("path_correct")), pl.col("verdict") == "wrong")
    yield _area(_all_flaws(_curve(rows)))


def _right_in(rows: pl.DataFrame, arm: str) -> list[str]:
    """The questions whose every reply in the arm is right."""
    replies = rows.filter(pl.col("arm") == arm).group_by("question_id").agg(pl.col("correct").all())
    return replies.filter("correct")["question_id"].to_list()


def _shared(measure: Measure, rows: pl.DataFrame, event: pl.Expr) -> tuple[Measure, Interval, int]:
    rows = rows.with_columns(event=event)
    return measure, share(rows, "event"), rows["question_id"].n_unique()


def _excess_follow(misled: pl.DataFrame, direct: pl.DataFrame) -> tuple[Measure, Interval, int]:
    """Each flawed reply against the same question's direct reply: does it give the planted answer too?"""
    first = direct.sort("sample").unique("question_id", keep="first", maintain_order=True)
    both = misled.join(first.select("question_id", direct_answer="answer"), on="question_id", maintain_order="left")
    both = both.with_columns(unled=same_answer(both, "direct_answer", "planted_answer").fill_null(False))
    grouped = both.group_by("question_id").agg("unled", "follows")
    unled: dict[str, list[bool]] = dict(grouped.select("question_id", "unled").iter_rows())
    led: dict[str, list[bool]] = dict(grouped.select("question_id", "follows").iter_rows())
    found = paired(unled, led)
    return "excess_follow", Interval(found.difference, found.low, found.high, both.height), found.n


def _area(curve: pl.DataFrame) -> tuple[Measure, Interval, int]:
    """1: right at every severity; 0: wrong at every one. Trapezoids over the severities there are."""
    levels = np.array(sorted(curve["level"].unique().to_list()))
    if len(levels) < 2:
        return "area", accuracy([]), 0
    totals = _totals(curve, levels)

    def area(sums: Floats) -> Floats:
        right, num = sums[:, : len(levels)], sums[:, len(levels) :]
        shares = np.divide(right, num, out=np.full_like(right, np.nan, dtype=float), where=num > 0)
        return np.asarray(np.trapezoid(shares, levels, axis=1) / (levels[-1] - levels[0]))

    low, high = bootstrap(totals, area)
    return "area", Interval(float(area(totals.sum(axis=0)[None])[0]), low, high, curve.height), len(totals)


def _totals(curve: pl.DataFrame, levels: Floats) -> Floats:
    """[questions, 2 * levels]: right replies at each level, then replies at each level."""
    cells = curve.group_by("question_id", "level").agg(pl.col("correct").sum(), num=pl.len())
    place = {question: row for row, question in enumerate(sorted(cells["question_id"].unique().to_list()))}
    totals = np.zeros((len(place), 2 * len(levels)))
    for question, level, right, num in cells.iter_rows():
        column = int(np.searchsorted(levels, level))
        totals[place[question], [column, column + len(levels)]] = right, num
    return totals
