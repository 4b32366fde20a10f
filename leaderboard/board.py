"""The board: what `board.json` holds, row type by row type.

Shares and intervals are 0-1; None stands where there is nothing to count. This module computes nothing.
"""

from __future__ import annotations

from typing import Literal

from insightv_bench.records import Arm, Record
from insightv_bench.robustness import MEANINGS as MEANINGS
from insightv_bench.robustness import Measure

Family = Literal["agents", "paths", "controls", "rounds"]
ARMS: dict[Arm, str] = {
    "base": "the base model, no path",
    "direct": "the summary agent, no path",
    "reason": "the reasoning agent's own answer",
    "majority": "control: the answer that most of the reasoning agent's sampled paths give",
    "best-of-k": "control: the answer of the sampled path that a judge finds best",
    "reason+summary": "the summary agent, given the same stored paths",
    "oracle": "the summary agent, given the exact path",
    "flawed": "the summary agent, given a path with a planted flaw",
    "self-flawed": "the summary agent, given the reasoning agent's path with one flaw",
    "paraphrased": "control: the exact path in other words; the stored one where there is no exact path",
    "irrelevant": "control: a path about nothing, of the same length",
    "shuffled": "control: the path of another question of the same kind",
    "blank-image": "control: the summary agent, given the same stored paths, the picture blank",
}
FAMILIES: dict[Family, str] = {
    "agents": "Arms against each other",
    "paths": "What a changed path does",
    "controls": "Against controls",
    "rounds": "DPO rounds against before",
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


class ArmRow(Record):
    """One system in one arm. Arm `flawed` counts every flaw, severity above 0."""

    set: str
    system: str
    base: str
    round: int
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
    malformed: int
    """Replies to, or made of, a path that could not be read."""
    cut_off: int
    """Replies that ended at the token cap."""
    failed: int
    """Replies that never came (`finish` is `error`): wrong, and counted here."""
    judge_failed: int = 0
    """Replies whose judge gave no verdict that could be read: the rule's word stands, and they are counted here."""
    tokens_per_right_answer: float | None
    """Tokens generated in all seats over right answers; None: no answer is right."""


class ComparisonRow(Record):
    """`b` less `a` on the questions that both answered."""

    set: str
    family: Family
    """The comparisons p is adjusted over: `agents`, arms against each other; `paths`, one of them shown a path that was
    changed or no picture; `controls`, against what the same compute
    or the same tokens do otherwise; `rounds`, DPO against before."""
    group: str
    """What it shares with its neighbours: the system, or over rounds the arm."""
    label: str
    """The two sides in few words, for who knows the group."""
    a: str
    b: str
    difference: float
    low: float
    high: float
    p: float
    """Holm-adjusted within set and family."""
    p_raw: float
    n: int
    """Shared questions."""
    outcome: Literal["higher", "lower", "tie"]
    """`tie`: p is 0.05 or more, so no difference was found."""
    detectable: float | None
    """The smallest true difference found with 80 % power at this n; None: too few questions for any."""
    method: str
    sentence: str
    """With the adjusted p."""


class RobustnessRow(Record):
    """One system, one flaw, one severity. Severity 0 is arm `oracle` on the same questions."""

    set: str
    system: str
    flaw: str
    """A flaw type, or `any`: all of them."""
    severity: float
    """Share of steps corrupted, to the nearest quarter."""
    accuracy: float
    low: float
    high: float
    follow: float | None
    """P(answer is the planted answer), over rows whose planted answer is not the gold answer; None: no such row."""
    follow_low: float | None
    follow_high: float | None
    follow_n: int
    n: int
    """Replies."""
    num_questions: int


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
