"""The board: what `board.json` holds, row type by row type.

Shares and intervals are 0-1; None stands where there is nothing to count. This module computes nothing.
"""

from __future__ import annotations

from typing import Literal

from insightv_bench import arms
from insightv_bench.arms import Arm, Role
from insightv_bench.records import Record
from insightv_bench.results import MEANINGS as MEANINGS
from insightv_bench.results import Measure

Family = Literal["agents", "paths", "controls", "rounds"]
ARMS: dict[Arm, str] = {arm: spec.sentence for arm, spec in arms.ARMS.items()}
FAMILIES: dict[Family, str] = {
    "agents": "Arms against each other",
    "paths": "What a changed path does",
    "controls": "Against controls",
    "rounds": "Rounds against before",
}


class ComparableSet(Record):
    """Systems whose figures may stand in one table."""

    name: str
    task: str
    task_version: str
    parser: str
    systems: tuple[str, ...]
    num_questions: int
    num_with_options: int
    """Questions that have options."""
    chance: float | None
    """Accuracy of guessing, on the questions with options: the mean of one over their number; None: none has any."""
    prompts: dict[str, str]
    """Arm -> name and version of its prompt."""
    token_caps: dict[str, int]
    """Arm -> the most tokens generated in all seats."""
    twins: dict[str, str] = {}
    """Greedy system -> the one whose twin it is, whether that is in the set or not."""


class ArmRow(Record):
    """One system in one arm. Arm `flawed` counts every flaw, severity above 0."""

    set: str
    system: str
    base: str
    round: int
    role: Role = "other"
    twin_of: str = ""
    """The system whose greedy twin it is; empty: nobody's."""
    trained: bool
    """Whether it is on the way from supervised fine-tuning through the DPO rounds."""
    arm: Arm
    accuracy: float
    low: float
    high: float
    n: int
    """Replies."""
    num_questions: int
    above_chance: bool | None
    """Whether the interval on the questions with options lies above chance; None: no question has any."""
    unread: int
    """Replies no answer could be read from: wrong, and counted here."""
    likely: int = 0
    """Replies whose answer is likely and not sure; right or wrong in `accuracy` as any other, unless it is strict."""
    sure_accuracy: float | None = None
    """Right answers that are sure, over all replies: `accuracy` were likely ones wrong; None: not known."""
    unread_cut: int = 0
    """Of the unread replies those that ended at the token cap, which are a kind of their own."""
    malformed: int
    """Replies to, or made of, a path that could not be read."""
    dialects: tuple[str, ...] = ()
    """How many of the replies rest on a path of which dialect (`insightv_bench.protocol.DIALECTS`), `prose 80`."""
    cut_off: int
    """Replies that ended at the token cap."""
    cut_in_thought: int = 0
    """Of these, those that had said nothing yet; the others were cut off in what they said."""
    finished_accuracy: float | None = None
    """Among the replies that were not cut off, with its interval below; None: none was cut off, or all were."""
    finished_low: float | None = None
    finished_high: float | None = None
    if_cut_wrong: float | None = None
    """Accuracy if every reply that was cut off is wrong, and if every one would have been right; None: none was."""
    if_cut_right: float | None = None
    failed: int
    """Replies that never came (`finish` is `error`): wrong, and counted here."""
    judge_failed: int = 0
    """Replies whose judge gave no verdict that could be read: the rule's word stands, and they are counted here."""
    tokens_missing: int = 0
    """Replies whose server counts no tokens, or far fewer than such a text takes."""
    tokens_hidden: int = 0
    """Replies whose server counts far more tokens than it shows: thought that was paid for and not seen."""
    tokens_per_right_answer: float | None
    """Tokens generated in all seats over right answers; None: no answer is right, or more than one reply in twenty has
    no count that fits."""
    rank_best: int | None = None
    """One more than the number of systems that were found better, of those that are ranked together: the systems of one
    set and arm, greedy twins apart; arm `base` of a base model stands in the main arm. None: not ranked."""
    rank_worst: int | None = None
    """The number of systems that are ranked together, less those that were found worse."""
    tie_group: int | None = None
    """1 is the best. Every system of a group was found better than every one of the next group."""


class Difference(Record):
    """A system's answers less another's, on the questions that both answered."""

    a: str
    """The other side, which is taken away."""
    difference: float
    low: float
    high: float
    level: float = 0.95
    """The confidence of the interval: that at which Holm's procedure decided, 0.95 in a family of one."""
    p: float
    """Holm-adjusted over its family."""
    n: int
    """Shared questions."""
    outcome: Literal["higher", "lower", "tie"]
    """`tie`: p is 0.05 or more, so no difference was found."""


class Compared(Difference):
    """`b` less `a`, and how it was found."""

    b: str
    p_raw: float
    family_size: int = 1
    """The comparisons of one kind between the same two systems, or within one: what p is adjusted over."""
    num_differ: int = 0
    """Shared questions on which the sides' replies are not alike."""
    detectable: float | None
    """The smallest true difference found with 80 % power at this n and level; None: too few questions for any, or the
    two never differ."""
    method: str


class ComparisonRow(Compared):
    """A natural pair; p is adjusted over those of its kind between the same two systems."""

    set: str
    family: Family
    """Its kind: `agents`, arms against each other; `paths`, one of them shown a path that was
    changed or no image; `controls`, against what the same compute
    or the same tokens do otherwise; `rounds`, DPO against before."""
    group: str
    """What it shares with its neighbours: the system, or over rounds the arm."""
    label: str
    """The two sides in few words, for who knows the group."""
    sentence: str
    """With the adjusted p."""


class FlawRow(Record):
    """One system under one flaw, severities above 0 together: a cell of the heat map."""

    set: str
    system: str
    flaw: str
    """A flaw type, or `any`: all of them."""
    accuracy: float
    low: float
    high: float
    n: int
    """Replies."""
    num_questions: int
    follow: float | None
    """P(answer is the planted answer), over rows whose planted answer is not the gold answer; None: no such row."""
    follow_low: float | None
    follow_high: float | None
    follow_n: int


class RobustnessRow(FlawRow):
    """One system under one flaw at one severity. Severity 0 is arm `oracle` on the same questions."""

    severity: float
    """Share of steps corrupted, to the nearest quarter."""


class MeasureRow(Record):
    """One figure of robustness of one system."""

    set: str
    system: str
    measure: Measure
    value: float
    low: float
    high: float
    n: int
    """Replies."""
    num_questions: int
    meaning: str


class AverageRow(Record):
    """One system in one arm over all tasks: the mean of their accuracies, every task counting the same."""

    system: str
    base: str
    round: int
    role: Role = "other"
    twin_of: str = ""
    arm: Arm
    sets: tuple[str, ...]
    accuracy: float
    low: float
    high: float
    n: int
    """Replies, in all tasks."""
    rank_best: int
    rank_worst: int
    tie_group: int


class GapRow(Record):
    """One system on a fixed set and on fresh questions of the same make: shares right, the first less the second."""

    set: str
    """The fixed one."""
    fresh_set: str
    system: str
    arm: Arm
    fixed: float
    fresh: float
    difference: float
    low: float
    high: float
    n_fixed: int
    """Questions."""
    n_fresh: int
    outcome: Literal["higher", "lower", "tie"]
    """`higher`: more is right on the fixed set than on fresh questions; `tie`: the interval holds 0."""


class RoundRow(Record):
    """Supervised fine-tuning (round 0) or one DPO round, in one arm."""

    set: str
    base: str
    system: str
    round: int
    arm: Arm
    accuracy: float
    low: float
    high: float
    n: int
    from_start: Difference | None
    """Against supervised fine-tuning; None: it is that, or was not evaluated."""
    from_before: Difference | None
    """Against the round before, where that is another one."""
    path_tokens: float | None
    """Mean tokens of the reasoning agent's own paths; None: none was evaluated."""
    path_tokens_low: float | None
    path_tokens_high: float | None
    num_paths: int
    """Paths that the mean is of."""
    reward_margin: float | None
    """The implicit reward of chosen over rejected answers when the round's training ended; None: not known."""
    num_pairs: int | None
    """Preference pairs that the round was trained on."""


class LineageRow(Record):
    """One thing that a system's figures came from."""

    system: str
    kind: Literal["evaluation", "questions", "paths", "corpus", "model"]
    name: str
    """The stage that made it, or a model's folder or Hub id."""
    fingerprint: str
    """Hash of the stage's settings and inputs; empty for what no stage made."""
    num_rows: int | None
    recipe: str
    seed: int | None
    version: str
    """Of insightv-bench."""
    git_commit: str
    detail: str
    """What else is known in a few words: the reference policy, the last loss, how an evaluation sampled."""
    date: str = ""
    """The day, in UTC, on which the stage began, `2026-12-01`; empty: not known."""


class SubmissionRow(Record):
    """One submission among the results, and what `verify` said of it."""

    id: str
    title: str
    status: Literal["accepted", "judged", "rejected"]
    """`judged`: a model judged answers, which nothing here can work out again. What is rejected counts nowhere."""
    num_rows: int
    why: str
    """Who judged, the first problem, or what was not checked."""
    date: str = ""
    """The day, in UTC, on which it was made, as it says itself; empty: it says none."""
    links: tuple[str, ...] = ()
    """Addresses that its maker gave, of a paper or of code: not looked at."""


class Board(Record):
    """Everything the table, the figures and the page show, samples apart."""

    title: str
    notes: tuple[str, ...]
    """What was left out, renamed or kept apart, in words."""
    sets: tuple[ComparableSet, ...]
    arms: tuple[ArmRow, ...]
    comparisons: tuple[ComparisonRow, ...]
    robustness: tuple[RobustnessRow, ...]
    measures: tuple[MeasureRow, ...]
    averages: tuple[AverageRow, ...] = ()
    """Of systems that have every task that the arm has; empty where there is one task."""
    rounds: tuple[RoundRow, ...] = ()
    flaws: tuple[FlawRow, ...] = ()
    lineage: tuple[LineageRow, ...] = ()
    gaps: tuple[GapRow, ...] = ()
    """Empty where no fresh set stands beside its fixed one."""
    submissions: tuple[SubmissionRow, ...] = ()
    """Empty where the results are of no submission."""
