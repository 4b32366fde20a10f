"""Two agents against the reasoning agent alone at equal tokens: as many of its stored paths as the summary agent's part
would have paid for, never fewer, of which one answer is taken in several ways. Nothing is asked of a model.

Tokens are generated and read, pictures included: the summary agent reads the picture once more, and the path.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import polars as pl

from insightv_bench.answers import majority, matches
from insightv_bench.statistics import Comparison, paired

from .token_counts import are_known


class Tokens(NamedTuple):
    """Of one answer, on average."""

    generated: float
    read: float
    """Pictures included; 0 where an engine does not say."""

    @property
    def all(self) -> float:
        return self.generated + self.read


class EqualTokens(NamedTuple):
    """`reason+summary` less one answer of `k` paths, on the questions that have both."""

    rule: str
    """How the answer is taken: `majority`, `likeliest` or `most certain`."""
    k: int
    """Paths that it is taken of."""
    wanted_k: int
    """Paths that equal tokens would allow; more than `k` where fewer are stored."""
    two_agents: Tokens
    """Of one path and the summary agent's reply."""
    alone: Tokens
    """Of the k paths."""
    comparison: Comparison


Rows = Sequence[Mapping[str, Any]]
Rule = Callable[[Rows], str | None]
"""The first k paths of a question -> the answer taken."""
FIGURES = {"likeliest": "logprob", "most certain": "certainty"}


def equal_tokens(rows: pl.DataFrame) -> list[EqualTokens]:
    """`rows`: one system's on one task. Empty where it lacks one of the two arms, or what they took is not known.

    The likeliest and the most certain path are chosen where the rows say both of every path.
    """
    reason = rows.filter(pl.col("arm") == "reason").sort("sample")
    both = rows.filter(pl.col("arm") == "reason+summary")
    path = Tokens(_mean(reason, "num_tokens"), _mean(reason, "num_prompt_tokens"))
    two = Tokens(_mean(both, "total_tokens"), path.read + _mean(both, "num_prompt_tokens"))
    if not path.generated or not two.generated or not (are_known(reason) and are_known(both)):
        return []
    wanted = max(1, math.ceil(two.all / path.all - 1e-9))
    stored = int(reason.group_by("question_id").len()["len"].min())  # type: ignore[arg-type]
    k = min(wanted, stored)
    replies: dict[str, list[bool]] = dict(both.group_by("cluster").agg("correct").iter_rows())
    alone = Tokens(k * path.generated, k * path.read)
    return [
        EqualTokens(name, k, wanted, two, alone, paired(_answers(reason, k, rule), replies))
        for name, rule in _rules(reason).items()
    ]


def _rules(reason: pl.DataFrame) -> dict[str, Rule]:
    known = {name: column for name, column in FIGURES.items() if column in reason and not reason[column].has_nulls()}
    return {"majority": _voted, **{name: _highest(column) for name, column in known.items()}}


def _voted(rows: Rows) -> str | None:
    first = rows[0]
    answers = [row["answer"] for row in rows if row["answer"] is not None]
    return majority(answers, first["answer_type"], first["options"], first["question_id"])


def _highest(column: str) -> Rule:
    return lambda rows: max(rows, key=lambda row: (row["answer"] is not None, row[column]))["answer"]


def _mean(rows: pl.DataFrame, column: str) -> float:
    return float(rows[column].mean() or 0.0)  # type: ignore[arg-type]


def _answers(reason: pl.DataFrame, k: int, rule: Rule) -> dict[str, list[bool]]:
    """Right or wrong of what the rule takes of the first `k` paths of each question, by cluster."""
    columns = ["question_id", "cluster", "answer", "answer_type", "options", "gold", "tolerance", *FIGURES.values()]
    kept = reason.select(name for name in columns if name in reason.columns)
    answers: dict[str, list[bool]] = {}
    for rows in kept.partition_by("question_id", maintain_order=True):
        first = rows.row(0, named=True)
        taken = rule(rows.head(k).to_dicts())
        how = first["answer_type"], first["options"], first["tolerance"]
        answers.setdefault(first["cluster"], []).append(taken is not None and matches(taken, first["gold"], *how))
    return answers
