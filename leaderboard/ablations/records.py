"""What `ablations.json` holds, row type by row type. Shares and differences are 0-1. Computes nothing."""

from __future__ import annotations

from typing import Literal

from insightv_bench.records import Record

from ..board import Compared

Decoding = Literal["sampled", "greedy"]
"""How the reasoning agent's paths were written: at the recipe's sampling, or greedily."""
Group = Literal["base", "agents", "controls", "rounds", "others"]
Topic = Literal["controls", "rounds", "base", "flaws"]
TOPICS: dict[Topic, str] = {
    "controls": "Two agents against their controls",
    "rounds": "Rounds against before and against their controls",
    "base": "Against the base model, and against more steps",
    "flaws": "Flawed paths",
}


class Share(Record):
    """A share of right answers over all seeds, with its 95 % interval clustered by question."""

    value: float
    low: float
    high: float
    n: int
    """Replies."""
    num_questions: int


class AblationRow(Record):
    """One system in one arm. What the summary agent does with exact and flawed paths stands in its row of both agents.

    `sampled`, `greedy`, `exact` and `flawed` are None where the runs have no such rows.
    """

    system: str
    arm: str
    name: str
    """In plain words: `system_name`, a colon, `arm_name`."""
    system_name: str
    arm_name: str
    group: Group
    sampled: Share | None
    greedy: Share | None
    exact: Share | None
    flawed: Share | None
    tokens: float | None
    """Mean tokens generated for an answer, in all seats; sampled where there is such a row."""
    seeds: tuple[int, ...]


class Below(Record):
    """How far flawed paths stand below the exact paths of the same questions, with its 95 % interval."""

    difference: float
    low: float
    high: float
    n: int
    """Questions."""


class FlawRow(Record):
    """A summary agent on one kind of flawed path."""

    system: str
    flaw: str
    accuracy: Share
    follow: Share | None
    """How often it gives the planted answer, where that is wrong; None: it never is."""
    below_exact: Below | None
    """Where the planted answer is wrong; None: it never is, or the runs have no exact paths. Described, not tested."""


class PlannedRow(Compared):
    """One planned comparison in one decoding, paired on the same questions of a seed, each counted once.

    Of several seeds `difference`, its interval and p speak of other trainings (`over_trainings`); the `pooled` figures
    speak of these alone. p is adjusted over those of its kind between the same two systems, as on the board."""

    topic: Topic
    decoding: Decoding
    name: str
    """In plain words."""
    verdict: str
    seeds: tuple[int, ...]
    seed_differences: tuple[float, ...]
    """Each seed's own difference, in the order of `seeds`."""
    seed_lows: tuple[float, ...]
    seed_highs: tuple[float, ...]
    pooled_difference: float | None = None
    """Of these trainings alone, over all their questions; None for one seed, whose own difference it is."""
    pooled_low: float | None = None
    pooled_high: float | None = None
    pooled_p: float | None = None
    seed_spread: float | None = None
    """Standard deviation of the true difference between trainings; 0: none is seen."""
    heterogeneity_p: float | None = None
    """Small where the seeds differ by more than their questions explain."""
    seeds_needed: int | None = None
    """Trainings that find a difference of 2 points with 80 % power, at this spread."""


Registration = Literal["before", "changed", "after", "dropped"]
"""Whether a claim stood in the manifests before any figure, reads otherwise today, was added since, or is gone."""
REGISTRATIONS: dict[Registration, str] = {
    "before": "preregistered",
    "changed": "changed since the figures",
    "after": "added since the figures: exploratory",
    "dropped": "preregistered, and dropped since",
}


class ClaimRow(Record):
    """One claim that was written down, and what the figures say of it. Figures are None where a side has no rows."""

    name: str
    says: str
    a: str
    b: str
    flaw: str
    shows: str
    """`higher`, `level` or `no worse`."""
    margin: float | None
    registration: Registration
    verdict: str
    seeds_missing: tuple[int, ...]
    """Registered, and not there: then nothing is told yet."""
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    """Of what the claim shows; adjusted after Holm over those that were preregistered."""
    n: int | None = None
    method: str = ""


class Ablations(Record):
    """Everything the table, the comparisons and the figure show."""

    recipe: str
    seeds: tuple[int, ...]
    task: str
    task_version: str
    parser: str
    num_questions: int
    """Different questions, over all seeds."""
    num_paths: int
    """Sampled paths a question."""
    notes: tuple[str, ...]
    table: tuple[AblationRow, ...]
    flaws: tuple[FlawRow, ...]
    comparisons: tuple[PlannedRow, ...]
    """Exploratory, all of them: what was claimed before stands in `claims`."""
    claims: tuple[ClaimRow, ...] = ()
    prereg_hash: str = ""
    """Of the preregistration as the evaluations kept it; empty: there was none, or the seeds' differ."""
