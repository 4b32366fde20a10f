"""What a comparison would need to find an effect: from the rows of runs that are there, one a training."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from insightv_bench.errors import RecipeError, RunError
from insightv_bench.statistics import (
    Components,
    OverTrainings,
    components,
    mean_components,
    over_trainings,
    paired,
    power_of,
    questions_needed,
    standard_error,
    trainings_needed,
)

from .load import Results
from .outcomes import counted

Sides = tuple[Results, Results]
Arm = dict[str, list[bool]]


class Planned(NamedTuple):
    """What the pilot has, and what finds the effect. Shares of 1."""

    parts: Components
    over: OverTrainings
    """Of the pilot; its spread is nan for one training."""
    error: float
    """Of one training's difference over the pilot's questions."""
    power: float
    """Of the pilot's own design, to find the effect."""
    questions: dict[int, int]
    """Samples a question -> questions, for the claim about one training as it is."""
    trainings: int | None
    """Of the pilot's questions and samples each, for the claim about other trainings; None: one training tells no
    spread."""


def plan_for(pilots: Sequence[Sides], effect: float, power: float, samples: Sequence[int]) -> Planned:
    """`pilots`: both sides, one pair a training. Raises RunError where they cannot be compared."""
    arms = [(_arm(a), _arm(b)) for a, b in pilots]
    own = [paired(a, b) for a, b in arms]
    for one, pair in zip(own, pilots, strict=True):
        if one.n < 2:
            raise RunError(f"`{pair[0].named}` and `{pair[1].named}` share {one.n} questions", "two tell a variance")
    parts = mean_components([components(a, b) for a, b in arms])
    errors = [standard_error(one) for one in own]
    error = math.sqrt(sum(each**2 for each in errors) / len(errors))
    over = over_trainings([one.difference for one in own], errors)
    several = len(own) > 1
    now = power_of(effect, math.hypot(over.spread, error) if several else error, len(own))
    known = samples if parts.num_samples > 1 else [1]
    return Planned(
        parts,
        over,
        error,
        now,
        {num: questions_needed(effect, parts, num, power) for num in known},
        trainings_needed(effect, over.spread, error, power) if several else None,
    )


def assumed_components(accuracy: float, effect: float, differ: float | None = None) -> Components:
    """The variance where there is no pilot: one sample a question, of A's accuracy and of how often just one is right.

    `accuracy`, `effect` (B less A), `differ`: shares of 1; `differ` None: as often as of two that are right
    independently of each other on each question. Raises RecipeError where no two agents could be so.
    """
    other = accuracy + effect
    if not 0 <= other <= 1:
        raise RecipeError(f"{100 * accuracy:g} % and {100 * effect:g} points more is no accuracy", "lower one of them")
    share = accuracy * (1 - other) + other * (1 - accuracy) if differ is None else differ
    most = min(accuracy + other, 2 - accuracy - other)
    if not effect <= share <= most + 1e-9:
        raise RecipeError(
            f"just one of {100 * accuracy:g} and {100 * other:g} % is right on {100 * effect:g} to "
            f"{100 * most:.3g} % of questions, not on {100 * share:g} %",
            "set `--differ` within that",
        )
    return Components(share - effect**2, 0.0, 0, 1.0)


def _arm(side: Results) -> Arm:
    """Right or wrong by cluster, sample by sample. Raises RunError where it is more than one arm of one task."""
    rows = counted(side.rows)
    for column in ("task", "system", "arm"):
        there = sorted(rows[column].unique())
        if len(there) != 1:
            told = ", ".join(f"`{name}`" for name in there) or "none"
            raise RunError(f"`{side.named}` has {len(there)} of {column}: {told}", "name one: FOLDER:SYSTEM:ARM")
    return dict(rows.sort("cluster", "question_id", "sample").group_by("cluster").agg("correct").iter_rows())
