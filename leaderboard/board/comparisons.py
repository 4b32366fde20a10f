"""The natural pairs, each compared on shared questions, with p adjusted after Holm within each family.

Family `agents`: within a system, reason+summary and multi-turn against reason and against each other; reason,
reason+summary and direct against the base model; flawed against oracle. Family `paths`: arms that show a changed path,
or no picture, against the arm that shows the same unchanged, and texts that say nothing against no path at all. Family
`controls`: what the same tokens or the same compute do without one part of the method; where it has rows for a system,
its reason+summary against reason stands there. Family `rounds`: each DPO round against supervised fine-tuning and
against the round before.
Of greedy systems and of the controls only their own arms are compared with each other.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import polars as pl

from insightv_bench.statistics import Comparison, detectable_in, holm, paired, sentence

from .arms import counted
from .records import FAMILIES, ComparableSet, ComparisonRow, Family
from .systems import ROUND_ARMS, Side, control_pairs, is_control, is_greedy

ALPHA = 0.05
WITHIN = [
    ("reason", "multi-turn"),
    ("reason", "reason+summary"),
    ("multi-turn", "reason+summary"),
    ("oracle", "flawed"),
]
UNSPOILT = "unspoilt"
"""As a side's flaw: of arm `reason+summary` those paths that arm `self-flawed` shows with a flaw."""
CHANGED = [
    ("oracle", "paraphrased"),
    ("direct", "irrelevant"),
    ("direct", "shuffled"),
    ("reason+summary", "blank-image"),
]
"""Of these the second arm shows what the first does, but for one thing."""
AGAINST_BASE = ["reason", "reason+summary", "direct"]

Answers = dict[str, list[bool]]
"""Question id -> right or wrong, reply by reply."""


Cells = dict[Side, Answers]


class Pair(NamedTuple):
    """Two sides with answers, still to be compared: b against a."""

    family: Family
    a: Side
    b: Side


def comparison_rows(found: ComparableSet, rows: pl.DataFrame) -> list[ComparisonRow]:
    """Every natural pair of one comparable set that shares questions."""
    cells = _cells(rows)
    controls = list(_control_pairs(cells, rows))
    agents = [pair for pair in _agent_pairs(found, cells, rows) if (pair.a, pair.b) not in {x[1:] for x in controls}]
    pairs = [*agents, *_path_pairs(found, cells), *controls, *_round_pairs(found, cells, rows)]
    compared = [(pair, paired(cells[pair.a], cells[pair.b])) for pair in pairs]
    compared = [(pair, comparison) for pair, comparison in compared if comparison.n]
    made: list[ComparisonRow] = []
    for family in FAMILIES:
        members = [(pair, comparison) for pair, comparison in compared if pair.family == family]
        adjusted = holm([comparison.p for _, comparison in members])
        made += [_row(found.name, *member, p, cells) for member, p in zip(members, adjusted, strict=True)]
    return made


def _cells(rows: pl.DataFrame) -> Cells:
    spoilt = rows.filter(pl.col("arm") == "self-flawed").select("label", path_id="made_from").unique()
    unspoilt = rows.filter(pl.col("arm") == "reason+summary").join(spoilt, on=["label", "path_id"], how="semi")
    sides = [(counted(rows), ""), (unspoilt, UNSPOILT)]
    cells: Cells = {}
    for side, flaw in sides:
        grouped = side.group_by("label", "arm", "question_id").agg("correct")
        for label, arm, question, correct in grouped.iter_rows():
            cells.setdefault(Side(label, arm, flaw), {})[question] = correct
    return cells


def _agent_pairs(found: ComparableSet, cells: Cells, rows: pl.DataFrame) -> Iterator[Pair]:
    bases = _bases(rows)
    names: dict[str, str] = dict(rows.select("label", "system").unique().iter_rows())
    for system in found.systems:
        base = Side(system, "base")
        if base not in cells:
            base = Side(bases.get(_base_model(rows, system), ""), "base")
        if is_greedy(names[system]) and is_control(names[system]):
            continue  # its sampled twin is told
        candidates = [(Side(system, a), Side(system, b)) for a, b in WITHIN]
        if not (is_greedy(names[system]) or is_control(names[system])):
            candidates += [(base, Side(system, arm)) for arm in AGAINST_BASE]
        yield from (Pair("agents", a, b) for a, b in candidates if a in cells and b in cells)


def _path_pairs(found: ComparableSet, cells: Cells) -> Iterator[Pair]:
    for system in found.systems:
        candidates = [(Side(system, "reason+summary", UNSPOILT), Side(system, "self-flawed"))]
        candidates += [(Side(system, a), Side(system, b)) for a, b in CHANGED]
        yield from (Pair("paths", a, b) for a, b in candidates if a in cells and b in cells)


def _control_pairs(cells: Cells, rows: pl.DataFrame) -> Iterator[Pair]:
    """The control pairs with answers, base model by base model; of greedy systems the ablation table has them."""
    keys = rows.select("base", "system", "label").unique().sort("base", "system", "label", descending=True)
    for base in sorted(keys["base"].unique()):
        labels: dict[str, str] = dict(keys.filter(pl.col("base") == base).select("system", "label").iter_rows())
        planned = [(_labelled(a, labels), _labelled(b, labels)) for a, b in control_pairs(labels)]
        found = [(a, b) for a, b in planned if a in cells and b in cells]
        # Two agents against one is a control's business only where there is a control.
        yield from (Pair("controls", a, b) for a, b in found if _is_across(a, b) or _has_control(b, found))


def _labelled(side: Side, labels: Mapping[str, str]) -> Side:
    return side._replace(system=labels.get(side.system, ""))


def _is_across(a: Side, b: Side) -> bool:
    return a.system != b.system or a.arm != "reason"


def _has_control(b: Side, pairs: Sequence[tuple[Side, Side]]) -> bool:
    return any(other == b and _is_across(a, b) for a, other in pairs)


def _round_pairs(found: ComparableSet, cells: Cells, rows: pl.DataFrame) -> Iterator[Pair]:
    """Rounds of one base model; the first round's predecessor is supervised fine-tuning itself."""
    rounds = {(base, number): label for base, number, label in _trained(rows).iter_rows()}
    for (base, number), label in rounds.items():
        before = [rounds[base, earlier] for earlier in sorted({0, number - 1}) if (base, earlier) in rounds]
        for earlier in before if number else []:
            sides = [(Side(earlier, arm), Side(label, arm)) for arm in ROUND_ARMS]
            yield from (Pair("rounds", a, b) for a, b in sides if a in cells and b in cells)


def _trained(rows: pl.DataFrame) -> pl.DataFrame:
    """Base model, round and label of every trained system; round 0 is supervised fine-tuning."""
    return rows.filter("trained").select("base", "round", "label").unique().sort("base", "round", "label")


def _bases(rows: pl.DataFrame) -> dict[str, str]:
    """Base model -> the label of the untrained system."""
    untrained = rows.filter(pl.col("system") == "base").select("base", "label").unique().sort("label", descending=True)
    return dict(untrained.iter_rows())


def _base_model(rows: pl.DataFrame, system: str) -> str:
    return str(rows.filter(pl.col("label") == system)["base"][0])


def _row(set_name: str, pair: Pair, comparison: Comparison, p: float, cells: Cells) -> ComparisonRow:
    # What both sides share is said once: `sft: reason+summary against reason`, `dpo-1: reason against sft`.
    against = _against(pair)
    over_rounds = pair.family == "rounds"
    found = detectable_in(comparison, cells[pair.a], cells[pair.b])
    return ComparisonRow(
        set=set_name,
        family=pair.family,
        group=pair.b.arm if over_rounds else pair.b.system,
        label=f"{pair.b.system if over_rounds else pair.b.arm} against {against}",
        a=_name(pair.a),
        b=_name(pair.b),
        difference=comparison.difference,
        low=comparison.low,
        high=comparison.high,
        p=p,
        p_raw=comparison.p,
        n=comparison.n,
        outcome="tie" if p >= ALPHA else ("higher" if comparison.difference > 0 else "lower"),
        detectable=None if math.isnan(found) else found,
        method=comparison.method,
        sentence=sentence(against, _name(pair.b), comparison._replace(p=p)),
    )


def _against(pair: Pair) -> str:
    """The other side in as few words as tell it apart."""
    if pair.a.system == pair.b.system:
        return pair.a.arm
    return pair.a.system if pair.a.arm in (pair.b.arm, "base") else _name(pair.a)


def _name(side: Side) -> str:
    """`sft: reason`; a base model's own arm is called by the model's name alone."""
    return side.system if side.arm == "base" else f"{side.system}: {side.arm}"
