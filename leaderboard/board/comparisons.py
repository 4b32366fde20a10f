"""The natural pairs, each compared on shared questions.

Kind `agents`: within a system, reason+summary and multi-turn against reason and against each other; reason,
reason+summary and direct against the base model; flawed against oracle. Kind `paths`: arms that show a changed path,
or no image, against the arm that shows the same unchanged, and texts that say nothing against no path at all. Kind
`controls`: what the same tokens or the same compute do without one part of the method; where it has rows for a system,
its reason+summary against reason stands there. Kind `rounds`: each DPO round against supervised fine-tuning and
against the round before.
Of greedy systems and of the controls only their own arms are compared with each other.

The family that p is adjusted over, and that the interval's level comes from, is the comparisons of one kind between the
same two systems, or within one: who else stands on the board changes neither.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import polars as pl

from insightv_bench.arms import ARMS
from insightv_bench.statistics import (
    CONFIDENCE,
    Adjusted,
    Comparison,
    adjusted,
    detectable_in,
    num_differ,
    paired,
    sentence,
)

from .arms import counted
from .records import FAMILIES, ComparableSet, ComparisonRow, Family
from .systems import ROUND_ARMS, Side, System, control_pairs, method_of, systems_in

UNSPOILT = "unspoilt"
"""As a side's flaw: of arm `reason+summary` those paths that arm `self-flawed` shows with a flaw."""
AGAINST_BASE = ["reason", "reason+summary", "direct"]

Answers = dict[str, list[bool]]
"""Question id -> right or wrong, reply by reply."""
Cells = dict[Side, Answers]


class Pair(NamedTuple):
    """Two sides with answers, still to be compared: b against a."""

    family: str
    """A `Family`, or a kind of the ablations' own."""
    a: Side
    b: Side

    @property
    def tested_with(self) -> tuple[str, str, str]:
        """Pairs that have this in common are one family."""
        return self.family, self.a.system, self.b.system


def comparison_rows(in_set: ComparableSet, rows: pl.DataFrame) -> list[ComparisonRow]:
    """Every natural pair of one comparable set that shares questions."""
    cells = _cells(rows)
    systems = {system.label: system for system in systems_in(rows)}
    pairs = [
        pair for pair in natural_pairs(in_set.systems, cells, systems) if cells[pair.a].keys() & cells[pair.b].keys()
    ]
    tested = family_tests(pairs, lambda pair, level: paired(cells[pair.a], cells[pair.b], confidence=level))
    return [_row(in_set.name, pair, tested[pair], cells) for pair in sorted(pairs, key=_place)]


def _place(pair: Pair) -> int:
    return [str(family) for family in FAMILIES].index(pair.family)


def natural_pairs(order: Sequence[str], cells: Collection[Side], systems: Mapping[str, System]) -> list[Pair]:
    """Every pair of sides that have rows; `order`: the systems as they are listed."""
    controls = list(_control_pairs(cells, systems.values()))
    across = {(pair.a, pair.b) for pair in controls}
    agents = [pair for pair in _agent_pairs(order, cells, systems) if (pair.a, pair.b) not in across]
    candidates = (sides for system in order for sides in _within(system, "paths"))
    paths = [Pair("paths", a, b) for a, b in candidates if a in cells and b in cells]
    return [*agents, *paths, *controls, *_round_pairs(cells, systems.values())]


class Tested(NamedTuple):
    """One comparison by itself, and as its family leaves it."""

    alone: Comparison
    adjusted: Adjusted
    family_size: int


Test = Callable[["Pair", float], Comparison]
"""Compares the two sides, with an interval of this confidence."""


def family_tests(pairs: Sequence[Pair], test: Test) -> dict[Pair, Tested]:
    """Every pair, tested in its family."""
    families: dict[tuple[str, str, str], list[Pair]] = {}
    for pair in pairs:
        families.setdefault(pair.tested_with, []).append(pair)
    tested: dict[Pair, Tested] = {}
    for members in families.values():
        alone = [test(pair, CONFIDENCE) for pair in members]
        found = adjusted(alone, partial(_again, test, members))
        tested |= {pair: Tested(one, each, len(members)) for pair, one, each in zip(members, alone, found, strict=True)}
    return tested


def _again(test: Test, members: Sequence[Pair], place: int, level: float) -> Comparison:
    return test(members[place], level)


def _cells(rows: pl.DataFrame) -> Cells:
    spoilt = rows.filter(pl.col("arm") == "self-flawed").select("label", path_id="made_from").unique()
    unspoilt = rows.filter(pl.col("arm") == "reason+summary").join(spoilt, on=["label", "path_id"], how="semi")
    sides = [(counted(rows), ""), (unspoilt, UNSPOILT)]
    cells: Cells = {}
    for side, flaw in sides:
        grouped = side.group_by("label", "arm", "cluster").agg("correct")
        for label, arm, question, correct in grouped.iter_rows():
            cells.setdefault(Side(label, arm, flaw), {})[question] = correct
    return cells


def _agent_pairs(order: Sequence[str], cells: Collection[Side], systems: Mapping[str, System]) -> Iterator[Pair]:
    bases = {system.base: label for label, system in sorted(systems.items(), reverse=True) if system.role == "base"}
    for label in order:
        system = systems[label]
        if system.twin_of and system.role == "control":
            continue  # its sampled twin is told
        candidates = list(_within(label, "agents"))
        if not system.twin_of and system.role != "control":
            base = Side(label, "base") if Side(label, "base") in cells else Side(bases.get(system.base, ""), "base")
            candidates += [(base, Side(label, arm)) for arm in AGAINST_BASE]
        yield from (Pair("agents", a, b) for a, b in candidates if a in cells and b in cells)


def _within(system: str, family: Family) -> Iterator[tuple[Side, Side]]:
    """Each arm against those of the same system that `ARMS` names beside it."""
    for arm, spec in ARMS.items():
        is_changed = spec.shows == "changed" or spec.blank_images
        flaw = UNSPOILT if spec.own_questions else ""
        if is_changed == (family == "paths"):
            yield from ((Side(system, other, flaw), Side(system, arm)) for other in spec.against)


def _control_pairs(cells: Collection[Side], systems: Collection[System]) -> Iterator[Pair]:
    """The control pairs with answers, base model by base model; of greedy systems the ablation table has them."""
    for base in sorted({system.base for system in systems}):
        planned = control_pairs(method_of(system for system in systems if system.base == base))
        answered = [(a, b) for a, b in planned if a in cells and b in cells]
        # Two agents against one is a control's business only where there is a control.
        controlled = {b for a, b in answered if a.system != b.system or a.arm != "reason"}
        yield from (Pair("controls", a, b) for a, b in answered if b in controlled)


def _round_pairs(cells: Collection[Side], systems: Collection[System]) -> Iterator[Pair]:
    """Rounds of one base model; the first round's predecessor is supervised fine-tuning itself."""
    trained = [system for system in systems if system.role in ("agent", "round") and not system.twin_of]
    in_order = sorted(trained, key=lambda one: (one.base, one.round, one.label))
    rounds = {(system.base, system.round): system.label for system in in_order}
    for (base, number), label in rounds.items():
        before = [rounds[base, earlier] for earlier in sorted({0, number - 1}) if (base, earlier) in rounds]
        for earlier in before if number else []:
            sides = [(Side(earlier, arm), Side(label, arm)) for arm in ROUND_ARMS]
            yield from (Pair("rounds", a, b) for a, b in sides if a in cells and b in cells)


def _row(set_name: str, pair: Pair, tested: Tested, cells: Cells) -> ComparisonRow:
    # What both sides share is said once: `sft: reason+summary against reason`, `dpo-1: reason against sft`.
    against = _against(pair)
    over_rounds = pair.family == "rounds"
    shown = tested.alone._replace(p=tested.adjusted.p, low=tested.adjusted.low, high=tested.adjusted.high)
    return ComparisonRow(
        **compared_columns(_name(pair.a), _name(pair.b), tested, (cells[pair.a], cells[pair.b])),
        set=set_name,
        family=pair.family,
        group=pair.b.arm if over_rounds else pair.b.system,
        label=f"{pair.b.system if over_rounds else pair.b.arm} against {against}",
        sentence=sentence(against, _name(pair.b), shown),
    )


def difference_columns(a: str, tested: Tested) -> dict[str, Any]:
    """Of a `Difference`."""
    one, found = tested.alone, tested.adjusted
    outcome = "tie" if not found.is_found else "higher" if one.difference > 0 else "lower"
    shares = {"difference": one.difference, "low": found.low, "high": found.high}
    return {"a": a, **shares, "level": found.level, "p": found.p, "n": one.n, "outcome": outcome}


def compared_columns(a: str, b: str, tested: Tested, sides: tuple[Answers, Answers]) -> dict[str, Any]:
    """Of a `Compared`. `sides`: what was compared."""
    least = detectable_in(tested.alone, *sides, alpha=1 - tested.adjusted.level)
    more: dict[str, Any] = {
        "b": b,
        "p_raw": tested.alone.p,
        "family_size": tested.family_size,
        "num_differ": num_differ(*sides),
        "detectable": None if math.isnan(least) else least,
        "method": tested.alone.method,
    }
    return {**difference_columns(a, tested), **more}


def _against(pair: Pair) -> str:
    """The other side in as few words as tell it apart."""
    if pair.a.system == pair.b.system:
        return pair.a.arm
    return pair.a.system if pair.a.arm in (pair.b.arm, "base") else _name(pair.a)


def _name(side: Side) -> str:
    """`sft: reason`; a base model's own arm is called by the model's name alone."""
    return side.system if side.arm == "base" else f"{side.system}: {side.arm}"
