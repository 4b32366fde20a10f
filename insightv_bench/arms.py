"""The arms: ways of asking the same questions. One row an arm; whoever lists arms reads this table.

To add one: its name in `Arm`, its row in `ARMS`, and, where it shows what no other arm shows, its documents in
`evals/arms`. Imports nothing of the project.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Arm = Literal[
    "base",
    "direct",
    "reason",
    "majority",
    "likeliest",
    "most-certain",
    "best-of-k",
    "multi-turn",
    "reason+summary",
    "sampled-summary",
    "reason+summary-of-k",
    "oracle",
    "flawed",
    "self-flawed",
    "paraphrased",
    "irrelevant",
    "shuffled",
    "early",
    "injected",
    "resumed",
    "blank-image",
]
ArmSeat = Literal["base", "reason", "summary", "vote"]
"""Who replies; `vote`: nobody is asked."""
Role = Literal["base", "agent", "control", "round", "other"]
"""What a system is to the method: its base model, the agents after supervised fine-tuning, a control of theirs, the
agents after a DPO round, or a system that stands for itself."""


@dataclass(frozen=True)
class ArmSpec:
    """What there is to know of one arm."""

    seat: ArmSeat
    sentence: str
    """For a reader."""
    words: str = ""
    """In a few words, for a table; empty: its name."""
    prompt: str = "summary"
    shows: Literal["nothing", "own", "exact", "flawed", "changed"] = "own"
    """Of a path: nothing; a stored one of the reasoning agent (in arm `reason` the reply is that path itself); the
    exact one; one of the flawed benchmark; one that is changed, beforehand and over all questions."""
    needs: Literal["nothing", "paths", "exact path", "exact path or paths"] = "paths"
    """What must be there of paths. The drawn world has exact paths; other questions have sampled ones alone."""
    without: Literal["base", "reason", "summary", "judge"] = "summary"
    """The seat without which it cannot be run; `judge`: that of whoever chooses the best path."""
    min_paths: int = 1
    """Sampled paths a question."""
    verdict: Literal["none", "stated", "counted"] = "none"
    """Whether its replies state a verdict on the path shown, and whether the figures of robustness count it: paths that
    stand for a control are right or wrong in a way of their own."""
    shows_several: bool = False
    """Whether several paths of a question stand in one prompt; its replies state a verdict on each of them."""
    own_questions: bool = False
    """Its questions depend on the system: not every path of an agent's own can be given a flaw."""
    greedy_twin: bool = False
    """It is asked again on greedy paths; DPO rounds are evaluated in these arms."""
    blank_images: bool = False
    usual: bool = False
    """Asked where a recipe names no arms, and shown first."""
    chosen_by: Literal["", "logprob", "certainty"] = ""
    """Of a vote that is one path's answer: the column of its writer's own figure, whose highest is taken."""
    answer_sampled: bool = False
    """The answer is sampled as paths are, and not as `eval.answer_sampling` says."""
    against: tuple[Arm, ...] = ()
    """The arms of the same system that it is compared with."""


ARMS: dict[Arm, ArmSpec] = {
    "base": ArmSpec(
        "base",
        "the base model, no path",
        words="no path",
        prompt="direct",
        shows="nothing",
        needs="nothing",
        without="base",
        usual=True,
    ),
    "direct": ArmSpec(
        "summary",
        "the summary agent, no path",
        words="summary agent alone, no path",
        prompt="direct",
        shows="nothing",
        needs="nothing",
        usual=True,
    ),
    "reason": ArmSpec(
        "reason",
        "the reasoning agent's own answer",
        words="reasoning agent alone",
        prompt="reason",
        without="reason",
        greedy_twin=True,
        usual=True,
    ),
    "majority": ArmSpec(
        "vote",
        "control: the answer that most of the reasoning agent's sampled paths give",
        prompt="reason",
        without="reason",
        min_paths=3,
    ),
    "likeliest": ArmSpec(
        "vote",
        "control: the answer of the sampled path whose tokens its writer finds likeliest, on average",
        words="the likeliest",
        prompt="reason",
        without="reason",
        min_paths=2,
        chosen_by="logprob",
    ),
    "most-certain": ArmSpec(
        "vote",
        "control: the answer of the sampled path that its writer is most certain of, token by token",
        words="the most certain",
        prompt="reason",
        without="reason",
        min_paths=2,
        chosen_by="certainty",
    ),
    "best-of-k": ArmSpec(
        "vote",
        "control: the answer of the sampled path that a judge finds best",
        prompt="reason",
        without="judge",
        min_paths=2,
    ),
    "multi-turn": ArmSpec(
        "reason",
        "the reasoning agent, asked to judge its path and answer in the same conversation",
        words="answer in its second turn",
        without="reason",
        verdict="stated",
        greedy_twin=True,
        against=("reason",),
    ),
    "reason+summary": ArmSpec(
        "summary",
        "the summary agent, given the same stored paths",
        words="both agents",
        verdict="counted",
        greedy_twin=True,
        usual=True,
        against=("reason", "multi-turn"),
    ),
    "sampled-summary": ArmSpec(
        "summary",
        "control: the summary agent, given the same stored paths, its answer sampled as paths are",
        words="both agents, the answer sampled too",
        verdict="stated",
        answer_sampled=True,
        against=("reason", "reason+summary"),
    ),
    "reason+summary-of-k": ArmSpec(
        "summary",
        "the summary agent, given several stored paths at once",
        words="both agents, several paths at once",
        prompt="more/summary_of_k",
        min_paths=2,
        shows_several=True,
        against=("reason", "majority", "best-of-k", "reason+summary"),
    ),
    "oracle": ArmSpec(
        "summary",
        "the summary agent, given the exact path",
        shows="exact",
        needs="exact path",
        verdict="counted",
        usual=True,
    ),
    "flawed": ArmSpec(
        "summary",
        "the summary agent, given a path with a planted flaw",
        shows="flawed",
        needs="exact path or paths",
        verdict="counted",
        usual=True,
        against=("oracle",),
    ),
    "self-flawed": ArmSpec(
        "summary",
        "the summary agent, given the reasoning agent's path with one flaw",
        shows="changed",
        verdict="counted",
        own_questions=True,
        against=("reason+summary",),
    ),
    "paraphrased": ArmSpec(
        "summary",
        "control: the exact path in other words; the stored one where there is no exact path",
        shows="changed",
        needs="exact path or paths",
        verdict="stated",
        against=("oracle",),
    ),
    "irrelevant": ArmSpec(
        "summary",
        "control: a path about nothing, of the same length",
        shows="changed",
        needs="exact path or paths",
        verdict="stated",
        against=("direct",),
    ),
    "shuffled": ArmSpec(
        "summary",
        "control: the path of another question of the same kind",
        shows="changed",
        needs="exact path or paths",
        verdict="stated",
        against=("direct",),
    ),
    "early": ArmSpec(
        "summary",
        "the summary agent, given the beginning of the exact path, from a tenth of its steps to all",
        shows="changed",
        needs="exact path or paths",
        against=("direct",),
    ),
    "injected": ArmSpec(
        "reason",
        "the reasoning agent goes on from a right beginning and one flawed step",
        prompt="more/resume",
        shows="changed",
        needs="exact path or paths",
        without="reason",
        against=("resumed",),
    ),
    "resumed": ArmSpec(
        "reason",
        "control: the reasoning agent goes on from the same beginning, unflawed",
        prompt="more/resume",
        shows="changed",
        needs="exact path or paths",
        without="reason",
        against=("reason",),
    ),
    "blank-image": ArmSpec(
        "summary",
        "control: the summary agent, given the same stored paths, the image blank",
        verdict="stated",
        blank_images=True,
        against=("reason+summary",),
    ),
}
"""In the order of every table."""
ROUND_ARMS: tuple[Arm, ...] = ("reason", "reason+summary")
"""The arms that a DPO round is meant to move."""
