"""What systems are to the method, as their rows say, and which comparisons follow from it. Names say nothing here."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, get_args

import polars as pl

from insightv_bench.arms import ARMS, Role
from insightv_bench.arms import ROUND_ARMS as ROUND_ARMS
from insightv_bench.controls import CONTROLS, ControlSpec

OWN_CHOICE = [arm for arm, spec in ARMS.items() if spec.seat == "vote" and spec.without == "reason"]
"""Arms in which one answer is taken of the reasoning agent's paths, by themselves."""
MAIN_ARMS = ("reason+summary", "reason", "direct", "base")
"""The arm that a board speaks of first is the first of these that any of its systems has."""


class System(NamedTuple):
    label: str
    """Its name on the board."""
    system: str
    base: str
    role: Role
    round: int
    twin_of: str
    """The system whose greedy twin it is; empty: nobody's."""
    twin: str
    """That system's label."""

    @property
    def control(self) -> ControlSpec | None:
        """The control that it, or the system it is the twin of, stands for."""
        return control_named(self.twin_of or self.system, self.round) if self.role == "control" else None


def control_named(system: str, number: int) -> ControlSpec | None:
    return next((spec for spec in CONTROLS.values() if spec.is_of(system, number)), None)


def systems_in(rows: pl.DataFrame) -> list[System]:
    """The systems of rows that `load_rows` gave, by label."""
    return [System(*row) for row in rows.select(System._fields).unique().sort("label").iter_rows()]


def twins_among(systems: Collection[str], twins: Mapping[str, str]) -> set[str]:
    """Those that are another's greedy twin; a greedy system that stands alone is a system like any."""
    return {system for system in systems if twins.get(system) in systems}


class Side(NamedTuple):
    """One system in one arm."""

    system: str
    arm: str
    flaw: str = ""
    """Of arm `flawed`: one kind of flaw; empty: all of them."""


class Method(NamedTuple):
    """The sampled systems of one base model, by what they are to the method; labels, empty for what is not there."""

    base: str
    agent: str
    """After supervised fine-tuning."""
    rounds: Mapping[int, str]
    """By number, the agents after a DPO round."""
    controls: Mapping[str, str]
    """By the name of the system."""


def method_of(systems: Iterable[System]) -> Method:
    """Of several systems of one name the first by label."""
    sampled = sorted((system for system in systems if not system.twin_of), key=lambda one: one.label, reverse=True)
    labels: dict[Role, dict[Any, str]] = {role: {} for role in get_args(Role)}
    for system in sampled:
        key = {"round": system.round, "control": system.system}.get(system.role, "")
        labels[system.role][key] = system.label
    rounds = dict(sorted(labels["round"].items()))
    return Method(labels["base"].get("", ""), labels["agent"].get("", ""), rounds, labels["control"])


def control_pairs(method: Method) -> Iterator[tuple[Side, Side]]:
    """What the controls are for, as (a, b) with b the method's: two agents or a DPO round; or a control against sft.

    Only what is planned is named: whether a side has rows is the caller's to see.
    """
    both = Side(method.agent, "reason+summary")
    yield Side(method.agent, "reason"), both
    yield from ((Side(method.agent, arm), both) for arm in OWN_CHOICE)
    yield from _beside(method, method.agent, 0, ["agent"])
    for number, label in method.rounds.items():
        yield from ((Side(label, arm), Side(label, "reason+summary")) for arm in OWN_CHOICE)
        is_last = number == max(method.rounds)
        yield from _beside(method, label, number, ["each round", "last round"] if is_last else ["each round"])


def _beside(method: Method, rival: str, number: int, rivals: list[str]) -> Iterator[tuple[Side, Side]]:
    for spec in CONTROLS.values():
        labels = [label for name, label in method.controls.items() if spec.is_of(name, number)]
        for label in labels if spec.rival in rivals else ():
            for own_arm, arm in spec.pairs:
                a, b = Side(label, own_arm), Side(rival, arm)
                yield (b, a) if spec.is_b else (a, b)
