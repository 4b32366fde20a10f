"""Two agents against the reasoning agent alone at equal tokens: the majority of as many of its stored paths as the
summary agent's part would have paid for, and never fewer. Nothing is asked of a model.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import polars as pl

from insightv_bench.answers import majority, matches
from insightv_bench.statistics import Comparison, paired


class EqualTokens(NamedTuple):
    """`reason+summary` less the majority of `k` paths, on the questions that have both."""

    k: int
    """Paths that vote. Of two, the first one's answer stands."""
    wanted_k: int
    """Paths that equal tokens would allow; more than `k` where fewer are stored."""
    tokens_two_agents: float
    """Mean tokens an answer, of one path and the summary agent's reply."""
    tokens_majority: float
    comparison: Comparison


def equal_tokens(rows: pl.DataFrame) -> EqualTokens | None:
    """`rows`: one system's on one task. None where it lacks one of the two arms."""
    reason = rows.filter(pl.col("arm") == "reason").sort("sample")
    both = rows.filter(pl.col("arm") == "reason+summary")
    path_tokens, own_tokens = _mean(reason, "num_tokens"), _mean(both, "total_tokens")
    if not path_tokens or not own_tokens:
        return None
    wanted = max(1, math.ceil(own_tokens / path_tokens - 1e-9))
    stored = int(reason.group_by("question_id").len()["len"].min())  # type: ignore[arg-type]
    k = min(wanted, stored)
    votes = _votes(reason, k)
    replies: dict[str, list[bool]] = dict(both.group_by("cluster").agg("correct").iter_rows())
    return EqualTokens(k, wanted, own_tokens, k * path_tokens, paired(votes, replies))


def _mean(rows: pl.DataFrame, column: str) -> float:
    return float(rows[column].mean() or 0.0)  # type: ignore[arg-type]


def _votes(reason: pl.DataFrame, k: int) -> dict[str, list[bool]]:
    """Right or wrong of the majority of the first `k` paths of each question, by cluster."""
    columns = ["question_id", "cluster", "answer", "answer_type", "options", "gold", "tolerance"]
    votes: dict[str, list[bool]] = {}
    for rows in reason.select(columns).partition_by("question_id", maintain_order=True):
        first = rows.row(0, named=True)
        answers = [answer for answer in rows["answer"].head(k) if answer is not None]
        chosen = majority(answers, first["answer_type"], first["options"])
        how = first["answer_type"], first["options"], first["tolerance"]
        right = chosen is not None and matches(chosen, first["gold"], *how)
        votes.setdefault(first["cluster"], []).append(right)
    return votes
