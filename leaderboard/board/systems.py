"""What the names of systems mean: what the method makes, what stands beside it as a control, and what decodes greedily.

A system whose name ends in `-greedy` is its twin without the suffix, its paths written greedily instead of sampled.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

GREEDY = "-greedy"
ENDING = re.compile(r"-greedy(?=$| \(| #|,)")
"""In a label the base model or the setting's number may follow."""
TRAINED = r"^(sft|dpo-\d+)$"
"""Supervised fine-tuning and the DPO rounds, sampled: what the rounds' view shows."""
CONTROL = re.compile(r"(longer-sft|continued-sft(-dpo)?|rejection-\d+|pooled-dpo|optimal-only|single-model|multi-turn)")

ROUND_ARMS = ("reason", "reason+summary")
"""The arms that a DPO round is meant to move."""


def twin(system: str) -> str:
    """The name, or the board's label, without `-greedy`."""
    return ENDING.sub("", system, count=1)


def is_greedy(system: str) -> bool:
    return ENDING.search(system) is not None


def twins_among(systems: Collection[str]) -> set[str]:
    """Those that are another's greedy twin; a greedy system that stands alone is a system like any."""
    return {system for system in systems if is_greedy(system) and twin(system) in systems}


def is_control(system: str) -> bool:
    """Whether it, or its twin, shows what the same compute does without one part of the method."""
    return CONTROL.fullmatch(twin(system)) is not None


def number_of(system: str, kind: str) -> int | None:
    """The round in `dpo-2` or `rejection-2`, greedy or not; None: it is no system of this kind."""
    found = re.fullmatch(rf"{kind}-(\d+)", twin(system))
    return int(found[1]) if found else None


class Side(NamedTuple):
    """One system in one arm."""

    system: str
    arm: str
    flaw: str = ""
    """Of arm `flawed`: one kind of flaw; empty: all of them."""


def control_pairs(systems: Collection[str]) -> Iterator[tuple[Side, Side]]:
    """What the controls are for, as (a, b) with b the method's: two agents or a DPO round; or a control against sft.

    Only what is planned is named: whether a side has rows is the caller's to see.
    """
    rounds = sorted({number for system in systems if (number := number_of(system, "dpo"))})
    both = Side("sft", "reason+summary")
    yield Side("sft", "reason"), both
    yield Side("sft", "majority"), both
    yield Side("continued-sft", "reason"), both
    yield Side("single-model", "reason+summary"), both
    yield Side("multi-turn", "multi-turn"), both
    yield Side("sft", "flawed"), Side("optimal-only", "flawed")
    yield Side("sft", "reason"), Side("longer-sft", "reason")
    for number in rounds:
        own = f"dpo-{number}"
        yield Side(own, "majority"), Side(own, "reason+summary")
        # Only the last round has spent what these two spent.
        rivals = [f"rejection-{number}", *(["continued-sft-dpo", "pooled-dpo"] if number == rounds[-1] else [])]
        yield from ((Side(rival, arm), Side(own, arm)) for rival in rivals for arm in ROUND_ARMS)
