"""The controls of the method: what is trained beside it so that a gain can be told from compute spent. One row each.

`plan/controls.py` plans their trainings, and the leaderboard compares the systems that they add. Knows arms alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from insightv_bench.arms import ROUND_ARMS, Arm

Control = Literal[
    "longer-sft",
    "continued-sft",
    "optimal-only",
    "without-flaws",
    "without-own-wrong",
    "held-out-flaw",
    "summary-of-k",
    "single-model",
    "multi-turn",
    "rejection-sampling",
    "grpo",
    "continued-sft-dpo",
    "pooled-dpo",
    "off-policy-dpo",
]


@dataclass(frozen=True)
class ControlSpec:
    """What there is to know of one control. Each is trained at the compute of what it is a control for, but
    `longer-sft`, `off-policy-dpo`, and `optimal-only` and `summary-of-k` where the recipe gives their training."""

    trained: str
    """What is trained, for a reader."""
    words: str
    """The system's name in plain words; `{round}` is its round."""
    system: str
    """The name on the board of the system that it adds; with `{round}` one for each round, with `{flaw}` one for each
    flaw that is held out."""
    pairs: tuple[tuple[Arm, Arm], ...]
    """What is compared: an arm of the control against an arm of the method."""
    needs: Literal["reason", "summary", "rounds"] = "summary"
    """The part of a recipe that it stands beside."""
    rival: Literal["agent", "each round", "last round"] = "agent"
    """The method's system that it is compared with; only the last round has spent what all rounds spent."""
    is_b: bool = False
    """The difference is the control's less the method's, and not the method's less the control's."""
    seats: tuple[Literal["reason", "summary"], ...] = ("reason",)
    """The seats that its model takes; in the other one sits the method's own agent."""
    arms: tuple[Arm, ...] = ()
    """What it is evaluated in, alone; empty: `eval.control_arms` where it has the reasoning agent's seat alone, else
    every arm that its seats can be asked in."""

    def name(self, number: int, flaw: str = "") -> str:
        """Of its system in round `number`, or without `flaw`."""
        return self.system.format(round=number, flaw=flaw)

    def flaw_in(self, system: str) -> str:
        """The flaw that the system of this name never saw; empty where it is no such system."""
        before, with_flaw, after = self.system.partition("{flaw}")
        is_one = with_flaw and system.startswith(before) and system.endswith(after)
        return system[len(before) : len(system) - len(after)] if is_one else ""

    def is_of(self, system: str, number: int) -> bool:
        """Whether a control's system of this name and round is this control's."""
        return self.name(number, self.flaw_in(system)) == system


BESIDE_ROUNDS = tuple((arm, arm) for arm in ROUND_ARMS)
CONTROLS: dict[Control, ControlSpec] = {
    "longer-sft": ControlSpec(
        "the reasoning agent, a quarter longer: near a plateau it gains little",
        "supervised fine-tuning, a quarter longer",
        "longer-sft",
        (("reason", "reason"),),
        needs="reason",
        is_b=True,
    ),
    "continued-sft": ControlSpec(
        "the reasoning agent, on its own corpus, with the summary agent's compute",
        "continued SFT at the summary agent's compute",
        "continued-sft",
        (("reason", "reason+summary"),),
    ),
    "optimal-only": ControlSpec(
        "a summary agent, on right paths alone",
        "summary agent trained on right paths only",
        "optimal-only",
        (("flawed", "flawed"),),
        is_b=True,
        seats=("summary",),
    ),
    "without-flaws": ControlSpec(
        "a summary agent, on its corpus with right paths in the place of flawed ones; the agent's own stay",
        "summary agent trained without planted flaws",
        "without-flaws",
        (("flawed", "flawed"), ("reason+summary", "reason+summary")),
        is_b=True,
        seats=("summary",),
    ),
    "without-own-wrong": ControlSpec(
        "a summary agent, on its corpus without the agent's own wrong paths; flawed ones stay",
        "summary agent trained without the agent's own wrong paths",
        "without-own-wrong",
        (("flawed", "flawed"), ("reason+summary", "reason+summary")),
        is_b=True,
        seats=("summary",),
    ),
    "held-out-flaw": ControlSpec(
        "a summary agent, on its corpus without one type of flaw (`held_out`, one training each): whether what it "
        "learns of the others holds for a type that it never saw",
        "summary agent that never saw flaw {flaw}",
        "held-out-{flaw}",
        (("flawed", "flawed"),),
        is_b=True,
        seats=("summary",),
    ),
    "summary-of-k": ControlSpec(
        "a summary agent, on several of the agent's own paths at once",
        "summary agent that is given several paths at once",
        "summary-of-k",
        (
            ("reason+summary-of-k", "reason"),
            ("reason+summary-of-k", "majority"),
            ("reason+summary-of-k", "best-of-k"),
            ("reason+summary-of-k", "reason+summary"),
        ),
        is_b=True,
        seats=("summary",),
        arms=("reason+summary-of-k",),
    ),
    "single-model": ControlSpec(
        "one model for both seats, on both corpora, with the compute of both agents",
        "one model in both seats",
        "single-model",
        (("reason+summary", "reason+summary"),),
        seats=("reason", "summary"),
    ),
    "multi-turn": ControlSpec(
        "the same, the path and the answer two turns of one conversation",
        "one model, two turns of a conversation",
        "multi-turn",
        (("multi-turn", "reason+summary"),),
        arms=("reason", "multi-turn"),
    ),
    "rejection-sampling": ControlSpec(
        "each round's model, on the chosen paths alone, with the DPO round's compute",
        "rejection sampling (SFT on the chosen), round {round}",
        "rejection-{round}",
        BESIDE_ROUNDS,
        needs="rounds",
        rival="each round",
    ),
    "grpo": ControlSpec(
        "each round's model, by GRPO on the round's questions, with the DPO round's compute, its sampling included",
        "GRPO, round {round}",
        "grpo-{round}",
        BESIDE_ROUNDS,
        needs="rounds",
        rival="each round",
    ),
    "continued-sft-dpo": ControlSpec(
        "the reasoning agent, on its own corpus, with the compute of all DPO rounds",
        "continued SFT at the DPO rounds' compute",
        "continued-sft-dpo",
        BESIDE_ROUNDS,
        needs="rounds",
        rival="last round",
    ),
    "pooled-dpo": ControlSpec(
        "one DPO training on as many pairs, all from the paths of the agent before any round",
        "one DPO on as many pairs, none from a round's own model",
        "pooled-dpo",
        BESIDE_ROUNDS,
        needs="rounds",
        rival="last round",
    ),
    "off-policy-dpo": ControlSpec(
        "one DPO training on the pairs of a given release, which other models wrote; as long as those pairs make it",
        "one DPO on pairs that other models wrote, not at equal compute",
        "off-policy-dpo",
        BESIDE_ROUNDS,
        needs="rounds",
        rival="last round",
    ),
}
"""In the order of a recipe and of every table."""
