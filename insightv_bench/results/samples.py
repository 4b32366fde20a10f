"""What several samples of a question say together: whether one of them is right, and how often two agree."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from insightv_bench.answers import matches
from insightv_bench.statistics import Interval, consistency, pass_at_k


class OverSamples(NamedTuple):
    """Of one system in one arm."""

    k: int
    """The most samples that every question has."""
    pass_at_k: Interval
    """The chance that one of k is right."""
    consistency: Interval
    """The chance that two give the same answer, right or wrong."""


def over_samples(rows: pl.DataFrame) -> OverSamples | None:
    """`rows`: one system's in one arm that asks a question once a sample. None: some question has one sample alone."""
    asked = rows.sort("question_id", "sample").partition_by("question_id", maintain_order=True)
    k = min((each.height for each in asked), default=0)
    if k < 2 or any(each["sample"].n_unique() < each.height for each in asked):  # several flaws are no samples
        return None
    clusters = [each["cluster"][0] for each in asked]
    right = [int(each["correct"].sum()) for each in asked]
    return OverSamples(
        k,
        pass_at_k(right, [each.height for each in asked], k, clusters),
        consistency([_alike(each) for each in asked], clusters),
    )


def _alike(rows: pl.DataFrame) -> list[str | None]:
    """The answers, those that say the same in the words of the first of them."""
    kind, options = rows["answer_type"][0], rows["options"][0].to_list()
    first: list[str] = []
    told: list[str | None] = []
    for answer in rows["answer"]:
        same = None if answer is None else next((one for one in first if matches(answer, one, kind, options)), answer)
        first += [same] if same is not None and same not in first else []
        told.append(same)
    return told
