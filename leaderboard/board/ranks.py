"""Which systems of an arm can be told apart, and so which places each of them may have.

Every pair of systems is tested on the questions that both answered, and p adjusted after Holm over all pairs of the set
and arm; the base model has its own arm alone, and stands with it in the main arm of the others. Greedy twins are
tested, adjusted and placed among themselves. With one reply a question in both it is the exact McNemar test; with
several, the sign-flip test over questions (`statistics.paired`) in its normal limit, so that 20,000 pairs are a few
products of matrices; p is never less than that many coins can make it. Where that limit and `ALPHA` are close, the test
itself decides, so that a rank and a comparison never say two things of one pair.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from insightv_bench.statistics import ALPHA, Floats, holm, paired

from .arms import counted
from .records import ArmRow
from .systems import MAIN_ARMS, twins_among

NEAR, MOST_DECIDED = 3.0, 50
Better = NDArray[np.bool_]
"""[systems, systems]: whether the first was found better than the second."""


class Place(NamedTuple):
    rank_best: int
    rank_worst: int
    tie_group: int


class Pairs(NamedTuple):
    """Every pair of systems of one arm, each [systems, systems]: second less first."""

    difference: Floats
    variance: Floats
    """Of the difference, were every question's sign a coin."""
    p: Floats
    """Two-sided; nan where no question is shared."""


def with_ranks(arms: Sequence[ArmRow], rows: pl.DataFrame) -> list[ArmRow]:
    """The rows of one comparable set with their places in their arm, those of greedy twins among themselves."""
    ranked = {row: row for row in arms}
    stands_in = ranked_in(arms)
    sides = [{"label": system, "arm": arm, "stands_in": main} for (system, arm), main in stands_in.items()]
    replies = counted(rows).join(pl.DataFrame(sides), on=["label", "arm"])
    for arm in dict.fromkeys(stands_in.values()):
        own = [row for row in arms if stands_in[row.system, row.arm] == arm]
        for systems in apart([row.system for row in own], {row.system: row.twin_of for row in own}):
            members = [row for row in own if row.system in systems]  # in the systems' order
            tested = decided(replies.filter(pl.col("stands_in") == arm, pl.col("label").is_in(systems)), systems)
            placed = zip(members, places_of([row.accuracy for row in members], better(tested)), strict=True)
            ranked.update((row, row.model_copy(update=place._asdict())) for row, place in placed)
    return [ranked[row] for row in arms]


def ranked_in(arms: Sequence[ArmRow]) -> dict[tuple[str, str], str]:
    """System and arm -> the arm that it is ranked in: its own, or for arm `base` of a system that has no other main arm
    the main arm of the board."""
    main = next((arm for arm in MAIN_ARMS if any(row.arm == arm for row in arms)), "")
    have = {row.system for row in arms if row.arm == main}
    return {(row.system, row.arm): main if row.arm == "base" and row.system not in have else row.arm for row in arms}


def apart(systems: Sequence[str], twin_of: Mapping[str, str]) -> list[list[str]]:
    """The systems, then those that are another's greedy twin: one system twice over would push others down."""
    twins = twins_among(systems, twin_of)
    groups = [[system for system in systems if (system in twins) == wanted] for wanted in (False, True)]
    return [group for group in groups if group]


def decided(replies: pl.DataFrame, systems: Sequence[str]) -> Pairs:
    """`pairs`, those near the line by the test itself."""
    tested = pairs(replies, systems)
    close = close_pairs(tested.p)
    if not close or replies.select(pl.struct("label", "cluster").is_duplicated().any()).item() is False:
        return tested
    cells: dict[str, dict[str, list[bool]]] = {}
    for label, cluster, correct in replies.group_by("label", "cluster").agg("correct").iter_rows():
        cells.setdefault(label, {})[cluster] = correct
    for a, b in close:
        tested.p[a, b] = tested.p[b, a] = paired(cells[systems[a]], cells[systems[b]]).p
    return tested


def close_pairs(p: Floats) -> list[tuple[int, int]]:
    """Of which the adjusted p is within `NEAR` times of `ALPHA`, the closest first, at most `MOST_DECIDED`."""
    upper = np.triu_indices(len(p), 1)
    adjusted = holm(p[upper].tolist())
    away = {(a, b): abs(np.log(each / ALPHA)) for a, b, each in zip(*upper, adjusted, strict=True) if each > 0}
    near = sorted((pair for pair, far in away.items() if far < np.log(NEAR)), key=away.__getitem__)
    return [(int(a), int(b)) for a, b in near[:MOST_DECIDED]]


def pairs(replies: pl.DataFrame, systems: Sequence[str]) -> Pairs:
    """Compare every pair of systems in one arm. `replies` has `label`, `cluster` and `correct`."""
    right, num = _totals(replies, systems)
    present = (num > 0).astype(np.float64)
    right_a, num_a = right @ present.T, num @ present.T
    right_b, num_b = right_a.T, num_a.T
    with np.errstate(divide="ignore", invalid="ignore"):
        difference = right_b / num_b - right_a / num_a
        pooled = (right_a + right_b) / (num_a + num_b)
        variance = _part(right, num, present, pooled, num_b, num_a)
    if (num <= 1).all():
        return Pairs(difference, variance, _mcnemar(right, num - right, num_a))
    shared = present @ present.T
    return Pairs(difference, variance, np.maximum(normal_p(difference, variance), 2.0 ** (1 - shared)))


def _totals(replies: pl.DataFrame, systems: Sequence[str]) -> tuple[Floats, Floats]:
    """Right replies and replies, each [systems, questions]."""
    cells = replies.group_by("label", "cluster").agg(pl.col("correct").sum(), num=pl.len())
    labels = {label: place for place, label in enumerate(systems)}
    questions = {name: place for place, name in enumerate(sorted(cells["cluster"].unique()))}
    at = (
        cells["label"].replace_strict(labels, return_dtype=pl.Int64).to_numpy(),
        cells["cluster"].replace_strict(questions, return_dtype=pl.Int64).to_numpy(),
    )
    right, num = np.zeros((len(labels), len(questions))), np.zeros((len(labels), len(questions)))
    right[at], num[at] = cells["correct"].to_numpy(), cells["num"].to_numpy()
    return right, num


def _part(right: Floats, num: Floats, present: Floats, pooled: Floats, num_b: Floats, num_a: Floats) -> Floats:
    """The sum over shared questions of ((right_b - pooled n_b) / num_b - (right_a - pooled n_a) / num_a)^2."""

    def own(total: Floats) -> Floats:
        """Of one side: the sum of (right - pooled n)^2 over the questions that the other answered too, [a, b]."""
        squares = (right * right) @ present.T, (right * num) @ present.T, (num * num) @ present.T
        return np.asarray((squares[0] - 2 * pooled * squares[1] + pooled**2 * squares[2]) / total**2)

    crossed = right @ right.T - pooled * (right @ num.T + num @ right.T) + pooled**2 * (num @ num.T)
    return np.asarray(own(num_a) + own(num_a).T - 2 * crossed / (num_a * num_b))


def _mcnemar(right: Floats, wrong: Floats, shared: Floats) -> Floats:
    """Exact: the binomial probability of so few of the discordant pairs, or fewer, on one side, twice."""
    from scipy.stats import binom

    gained = wrong @ right.T
    discordant = gained + gained.T
    p = np.minimum(1.0, 2 * binom.cdf(np.minimum(gained, gained.T), discordant, 0.5))
    return np.where(shared > 0, p, np.nan)


def normal_p(difference: Floats, variance: Floats) -> Floats:
    """Two-sided p of a sum of parts whose signs are coins, in the normal limit; 1 where nothing ever differs."""
    from scipy.stats import norm

    with np.errstate(divide="ignore", invalid="ignore"):
        p = 2 * norm.sf(np.abs(difference) / np.sqrt(np.maximum(variance, 0)))
    return np.where(np.isnan(difference), np.nan, np.where(np.abs(difference) < 1e-12, 1.0, p))


def better(tested: Pairs) -> Better:
    """Whom the tests tell apart, p adjusted over all pairs."""
    upper = np.triu_indices(len(tested.p), 1)
    adjusted = np.ones_like(tested.p)
    adjusted[upper] = holm(tested.p[upper].tolist())
    adjusted = np.fmin(adjusted, adjusted.T)
    return np.asarray((adjusted < ALPHA) & (tested.difference < 0))


def places_of(accuracy: Sequence[float], better: Better) -> list[Place]:
    """The places each system may have, and its group: a group ends where all above are better than all below."""
    num = len(accuracy)
    order = sorted(range(num), key=lambda place: -accuracy[place])
    groups, group = [0] * num, 1
    for position, system in enumerate(order):
        if position and better[np.ix_(order[:position], order[position:])].all():
            group += 1
        groups[system] = group
    best, worst = 1 + better.sum(axis=0), num - better.sum(axis=1)
    return [Place(int(best[place]), int(worst[place]), groups[place]) for place in range(num)]
