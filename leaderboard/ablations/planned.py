"""The planned comparisons: fixed before any figure is seen, each paired on the same questions of the same seed.

A seed is one draw of a training: of several, the difference, its interval and p are those of a random-effects mean
over them; what holds for these trainings alone, their questions pooled, stands beside. p is adjusted after Holm as on
the board, over the comparisons of one kind between the same two systems; what the board has not, topic by topic.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, NamedTuple

import polars as pl

from insightv_bench.arms import ARMS
from insightv_bench.controls import CONTROLS
from insightv_bench.statistics import (
    CONFIDENCE,
    Comparison,
    OverTrainings,
    detectable_at,
    over_trainings,
    paired,
    percent,
    standard_error,
    trainings_needed,
)

from ..board import (
    ROUND_ARMS,
    Method,
    Pair,
    Side,
    System,
    Tested,
    compared_columns,
    control_pairs,
    counted,
    family_tests,
    method_of,
    natural_pairs,
    systems_in,
)
from .records import Decoding, PlannedRow, Topic
from .table import BOTH, OF_K, WORDS, majority_words

SOUGHT = 0.02
"""The difference that `seeds_needed` is about."""
BESIDE_BASE = {"reason": "reasoning agent alone", BOTH: "both agents", "direct": "summary agent without a path"}
Answers = Mapping[tuple[int, str], list[bool]]
"""(seed, question id) -> right or wrong, reply by reply."""
Cells = dict[Side, Answers]
MISLED, FOLLOWED = "misled", "followed"
"""Arm `flawed` on paths that end wrong, and what it would be if the path were followed: wrong each time."""


class Planned(NamedTuple):
    """b less a."""

    topic: Topic
    a: Side
    b: Side
    name: str


def planned(cells: Cells, method: Method, num_paths: int, twin: str = "") -> list[Planned]:
    """Every planned comparison of the sampled systems; whether a side has rows is not looked at.

    `twin`: the greedy twin of the agents after supervised fine-tuning.
    """
    flaws = sorted({side.flaw for side in cells if side.flaw})
    chance = _decoding(method, twin)
    return [*_controls(method, num_paths), *chance, *_rounds(method), *_base(method), *_flaws(method, flaws)]


def _decoding(method: Method, twin: str) -> Iterator[Planned]:
    """A second agent and greedy decoding both take the chance out of an answer: which of them a gain is owed to."""
    alone, both = Side(method.agent, "reason"), Side(method.agent, BOTH)
    yield Planned("controls", alone, Side(method.agent, "sampled-summary"), "both agents sampled against one, sampled")
    yield Planned("controls", Side(twin, "reason"), both, "both agents on sampled paths against one greedy path")


def _controls(method: Method, num_paths: int) -> Iterator[Planned]:
    for a, b in control_pairs(method):
        if b.arm == OF_K:
            rival = majority_words(num_paths) if a.arm == "majority" else WORDS.get(a.arm, a.arm)
            yield Planned("controls", a, b, f"{WORDS[OF_K]} against {rival}")
        if b != Side(method.agent, BOTH):
            continue
        chosen = {arm: f"{WORDS[arm]} of {num_paths} paths" for arm in ("likeliest", "most-certain")}
        rival = {"majority": majority_words(num_paths), "reason": WORDS["reason"], **chosen}.get(a.arm, "")
        if a.system != method.agent:
            rival = f"{a.system}, {rival}" if rival else a.system
        yield Planned("controls", a, b, f"both agents against {rival}")


def _rounds(method: Method) -> Iterator[Planned]:
    """Each round against supervised fine-tuning; the last one against its controls too."""
    last = list(method.rounds.values())[-1:]
    for arm in ROUND_ARMS:
        pairs = [(Side(method.agent, arm), Side(label, arm)) for label in method.rounds.values()]
        pairs += [(a, b) for a, b in control_pairs(method) if a.arm == b.arm == arm and b.system in last]
        yield from (Planned("rounds", a, b, f"{b.system} against {a.system}, {WORDS[arm]}") for a, b in pairs)


def _base(method: Method) -> Iterator[Planned]:
    for arm, words in BESIDE_BASE.items():
        yield Planned("base", Side(method.base, "base"), Side(method.agent, arm), f"{words} against base model")
    longer = method.controls.get("longer-sft", "")  # whether the agent was near a plateau
    words = f"{longer} against {method.agent}, {WORDS['reason']}"
    yield Planned("base", Side(method.agent, "reason"), Side(longer, "reason"), words)


def _flaws(method: Method, flaws: list[str]) -> Iterator[Planned]:
    agent = method.agent
    for flaw in flaws:
        a, b = Side(agent, "flawed", flaw), Side(agent, "oracle")
        yield Planned("flaws", a, b, f"exact path against flaw: {flaw}")
    for flaw in flaws:
        a, b = Side(agent, FOLLOWED, flaw), Side(agent, MISLED, flaw)
        yield Planned("flaws", a, b, f"right against following it: {flaw}")
    for name in ("optimal-only", "without-flaws", "without-own-wrong"):
        if label := method.controls.get(name, ""):
            a, b = Side(agent, "flawed"), Side(label, "flawed")
            yield Planned("flaws", a, b, f"{label} against {agent}, all flawed paths")
    yield from _held_out(method, flaws)


def _held_out(method: Method, flaws: list[str]) -> Iterator[Planned]:
    """A flaw that one summary agent never saw: against the agent that saw it, and against those that saw none at all,
    where a difference is what it carried over from the other flaws."""
    ignorant = [label for name in ("without-flaws", "optimal-only") if (label := method.controls.get(name, ""))]
    for name, label in method.controls.items():
        held = CONTROLS["held-out-flaw"].flaw_in(name)
        for flaw in [one for one in flaws if held and (one == held or one.startswith(f"{held}, "))]:
            for other in (method.agent, *ignorant):
                a, b = Side(other, "flawed", flaw), Side(label, "flawed", flaw)
                yield Planned("flaws", a, b, f"{label} against {other}, the flaw held out: {flaw}")


def planned_rows(rows: pl.DataFrame, num_paths: int) -> list[PlannedRow]:
    """Every planned comparison that the runs have both sides of, the sampled ones first. `rows` has `kind_of_flaw`."""
    cells = cells_of(rows)
    systems = systems_in(rows)
    method = method_of(systems)
    twins = {system.twin_of: system.system for system in systems if system.twin_of}
    sampled = planned(cells, method, num_paths, twins.get(method.agent, ""))
    greedy = [_greedy(pair, cells, twins) for pair in sampled]
    greedily = _compared([pair for pair in greedy if pair], cells, systems, "greedy")
    return [*_compared(sampled, cells, systems, "sampled"), *greedily]


def cells_of(rows: pl.DataFrame) -> Cells:
    """Right or wrong of every side that a comparison may name."""
    flawed = counted(rows).filter(pl.col("arm") == "flawed")
    misled = flawed.filter("misleads").with_columns(arm=pl.lit(MISLED))
    followed = misled.with_columns(arm=pl.lit(FOLLOWED), correct=pl.lit(False))
    kinds = pl.concat([flawed, misled, followed]).with_columns(side_flaw=pl.col("kind_of_flaw"))
    whole = counted(rows).with_columns(side_flaw=pl.lit(""))
    keys = ["system", "arm", "side_flaw"]
    grouped = pl.concat([whole, kinds]).group_by(*keys, "seed", "cluster").agg("correct").sort(*keys)
    cells: dict[Side, dict[tuple[int, str], list[bool]]] = {}
    for system, arm, flaw, seed, question, correct in grouped.iter_rows():
        cells.setdefault(Side(system, arm, flaw), {})[seed, question] = correct
    return dict(cells)


def _greedy(pair: Planned, cells: Cells, twins: Mapping[str, str]) -> Planned | None:
    """The same comparison of the greedy twins; None where b has none: nothing in it would be greedy.

    Sides that have no paths, or are made of sampled ones, stand in it as they are.
    """
    b = pair.b._replace(system=twins.get(pair.b.system, ""))
    is_asked_greedily = pair.a.arm in ARMS and ARMS[pair.a.arm].greedy_twin
    a = pair.a._replace(system=twins.get(pair.a.system, "")) if is_asked_greedily else pair.a
    return pair._replace(a=a, b=b) if b in cells and a in cells else None


def _compared(pairs: list[Planned], cells: Cells, systems: list[System], decoding: Decoding) -> list[PlannedRow]:
    """Tested in the families of the board, so that one comparison has one p; those that it has not, topic by topic."""
    sides = [(pair, Paired(cells[pair.a], cells[pair.b])) for pair in pairs if pair.a in cells and pair.b in cells]
    sides = [(pair, both) for pair, both in sides if both.seeds]
    labels = {system.label: system for system in systems}
    natural = {(pair.a, pair.b): pair for pair in natural_pairs(list(labels), cells, labels)}
    mine = {pair: natural.get((pair.a, pair.b)) or Pair(pair.topic, pair.a, pair.b) for pair, _ in sides}
    asked = {pair.tested_with for pair in mine.values()}
    every = dict.fromkeys([*mine.values(), *(pair for pair in natural.values() if pair.tested_with in asked)])
    shared = {pair: Paired(cells[pair.a], cells[pair.b]) for pair in every}
    tested = family_tests(
        [pair for pair in every if shared[pair].seeds], lambda pair, level: shared[pair].compared(level)
    )
    return [_row(pair, both, tested[mine[pair]], decoding) for pair, both in sides]


class Paired:
    """Two sides on the questions that both answered in the same seed."""

    def __init__(self, a: Answers, b: Answers) -> None:
        self.shared = sorted(key for key in a.keys() & b.keys() if a[key] and b[key])
        self.seeds = sorted({seed for seed, _ in self.shared})
        self.sides = (a, b)

    def by_question(self, seed: int | None = None) -> tuple[dict[str, list[bool]], dict[str, list[bool]]]:
        """Both sides by question id, of one seed or of all."""
        replies: tuple[dict[str, list[bool]], dict[str, list[bool]]] = ({}, {})
        for key in self.shared:
            if seed in (None, key[0]):
                for side, of in zip(self.sides, replies, strict=True):
                    of.setdefault(key[1], []).extend(side[key])
        return replies

    @cached_property
    def own(self) -> list[Comparison]:
        """Each seed's difference, with its interval over questions."""
        return [paired(*self.by_question(seed)) for seed in self.seeds]

    def pooled(self, confidence: float = CONFIDENCE) -> Comparison:
        """Of these trainings alone: all questions of all seeds, as if no other seed could have been drawn."""
        return paired(*self.by_question(), confidence=confidence)

    def over_trainings(self, confidence: float = CONFIDENCE) -> OverTrainings:
        return over_trainings(
            [one.difference for one in self.own], [standard_error(one) for one in self.own], confidence
        )

    def compared(self, confidence: float) -> Comparison:
        """Of one seed, over its questions; of several, what another training would show.

        Seeds that share questions are no independent draws of them: never surer than their questions pooled.
        """
        pooled = self.pooled(confidence)
        if len(self.seeds) < 2:
            return pooled
        over = self.over_trainings(confidence)
        return Comparison(
            over.difference,
            min(over.low, pooled.low),
            max(over.high, pooled.high),
            max(over.p, pooled.p),
            pooled.n,
            "random effects over trainings, Hartung-Knapp t interval",
        )


def _over_seeds(both: Paired) -> dict[str, Any]:
    """What several seeds say of one another; empty for one seed."""
    if len(both.seeds) < 2:
        return {}
    over, pooled = both.over_trainings(), both.pooled()
    error = math.sqrt(sum(standard_error(one) ** 2 for one in both.own) / len(both.own))
    return {
        "pooled_difference": pooled.difference,
        "pooled_low": pooled.low,
        "pooled_high": pooled.high,
        "pooled_p": pooled.p,
        "seed_spread": over.spread,
        "heterogeneity_p": over.heterogeneity_p,
        "seeds_needed": trainings_needed(SOUGHT, over.spread, error),
    }


def _row(pair: Planned, both: Paired, tested: Tested, decoding: Decoding) -> PlannedRow:
    own = both.own
    columns = compared_columns(_code(pair.a), _code(pair.b), tested, both.by_question())
    if len(own) > 1:
        columns["detectable"] = detectable_at(tested.alone.low, tested.alone.high, alpha=1 - tested.adjusted.level)
    return PlannedRow(
        **columns,
        topic=pair.topic,
        decoding=decoding,
        name=pair.name,
        verdict=verdict(
            columns["outcome"], columns["detectable"], [one.difference for one in own], columns["num_differ"]
        ),
        seeds=tuple(both.seeds),
        seed_differences=tuple(one.difference for one in own),
        seed_lows=tuple(one.low for one in own),
        seed_highs=tuple(one.high for one in own),
        **_over_seeds(both),
    )


def verdict(outcome: str, detectable: float | None, own: list[float], num_differ: int) -> str:
    """What the comparison shows, in plain words. `own`: each seed's difference."""
    if outcome == "tie":
        least = f"smallest detectable {percent(detectable)} points"
        if detectable is None:
            least = "too few questions to find any" if num_differ else "the two never differ"
        shown = f"not told apart over {len(own)} trainings" if len(own) > 1 else "no difference shown"
        return f"{shown}; {least}"
    same = sum((difference > 0) == (outcome == "higher") and difference != 0 for difference in own)
    return f"{outcome}, in {same} of {len(own)} seeds" if len(own) > 1 else outcome


def _code(side: Side) -> str:
    return f"{side.system}: {side.arm}{f' ({side.flaw})' if side.flaw else ''}"
