"""Two results against each other: paired per task and arm on the same questions, or refused with the reason.

Nothing is averaged over tasks. p and interval are adjusted after Holm over all accuracies that one call compares, over
all its figures of robustness, and over all severities, each apart.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Generic, NamedTuple, TypeVar

import polars as pl

from insightv_bench import statistics
from insightv_bench.arms import ARMS
from insightv_bench.errors import RunError
from insightv_bench.statistics import (
    Adjusted,
    Comparison,
    Interval,
    Sums,
    accuracy,
    adjusted,
    detectable_in,
    estimate,
    paired,
)

from .load import Results
from .outcomes import counted
from .robustness import Measure, measured, severity_points

OWN_QUESTIONS = [arm for arm, spec in ARMS.items() if spec.own_questions]
SAME_PATHS = [arm for arm, spec in ARMS.items() if spec.shows == "flawed"]
"""Arms whose paths must be the same on both sides."""
SETTINGS = {"task_version": "version", "parser": "parser"}
HINTS = {
    "version": "evaluate both on one version of the task",
    "parser": "read both with one parser: insightv-bench rescore RESULTS --out FOLDER",
    "prompt": "evaluate both with one prompt",
    "token_cap": "evaluate both with one `eval.path_sampling.max_new_tokens` and `eval.answer_sampling.max_new_tokens`",
    "questions": "evaluate both on the same questions",
}


ALONE = Adjusted(math.nan, math.nan, math.nan, math.nan)


class Cell(NamedTuple):
    """One system in one arm of one task."""

    system: str
    arm: str


class Pairing(NamedTuple):
    """b less a in one task."""

    task: str
    a: Cell
    b: Cell
    accuracy_a: Interval
    accuracy_b: Interval
    comparison: Comparison
    p: float
    """Holm-adjusted."""
    detectable: float
    """The smallest true difference found with 80 % power at this n; nan: the sides never differ, or are too few."""
    adjusted: Adjusted = ALONE
    """`comparison`, by itself, as the table's family leaves it."""


class FigurePairing(NamedTuple):
    """One figure of robustness of both sides, and b less a."""

    task: str
    a: str
    b: str
    measure: Measure
    figure_a: Interval
    figure_b: Interval
    comparison: Comparison
    p: float
    adjusted: Adjusted = ALONE


class CurvePairing(NamedTuple):
    """Accuracy at one severity of both sides, and b less a."""

    task: str
    a: str
    b: str
    severity: float
    accuracy_a: Interval
    accuracy_b: Interval
    comparison: Comparison
    p: float
    adjusted: Adjusted = ALONE


class Compared(NamedTuple):
    pairings: tuple[Pairing, ...]
    figures: tuple[FigurePairing, ...]
    curves: tuple[CurvePairing, ...]
    notes: tuple[str, ...]


Sides = tuple[pl.DataFrame, pl.DataFrame]
AnyPairing = TypeVar("AnyPairing", Pairing, FigurePairing, CurvePairing)


class Made(NamedTuple, Generic[AnyPairing]):
    """A pairing by itself."""

    pairing: AnyPairing
    again: Callable[[float], Comparison]
    """With an interval of another confidence."""


def compare(a: Results, b: Results) -> Compared:
    """Raises RunError where the two cannot be compared, with what differs."""
    notes = [*a.notes, *b.notes, *drift(a, b)]
    pairings: list[Made[Pairing]] = []
    figures: list[Made[FigurePairing]] = []
    curves: list[Made[CurvePairing]] = []
    for systems in _systems(a, b, notes):
        rows = (_of(a.rows, "system", systems[0]), _of(b.rows, "system", systems[1]))
        for task in _shared(rows, "task", systems, notes):
            sides = (_of(rows[0], "task", task), _of(rows[1], "task", task))
            _guard_task(task, systems, sides)
            pairings += _pairings(task, systems, sides, a.named.arm or b.named.arm, notes)
            if not (a.named.arm or b.named.arm):
                figures += _figures(task, systems, sides)
                curves += _curves(task, systems, sides)
    if not pairings:
        raise RunError(f"`{a.named}` and `{b.named}` share no arm of a task", "; ".join(notes) or HINTS["questions"])
    told = tuple(dict.fromkeys(notes))
    return Compared(tuple(_family(pairings)), tuple(_family(figures)), tuple(_family(curves)), told)


def drift(a: Results, b: Results) -> Iterator[str]:
    """Models of one name that are not the same on both sides, or that changed on one of them."""
    for name in sorted(a.versions.keys() & b.versions.keys()):
        here, there = a.versions[name], b.versions[name]
        if here != there and here and there:
            told = " against ".join(", ".join(sorted(side)) for side in (here, there))
            yield f"warning: model `{name}` is not the same on both sides ({told}): a difference may be its own"


def _family(made: Sequence[Made[AnyPairing]]) -> Iterator[AnyPairing]:
    """The pairings of one table with p and interval as their family leaves them."""
    alone = [one.pairing.comparison for one in made]
    found = adjusted(alone, lambda place, level: made[place].again(level))
    for one, family in zip(made, found, strict=True):
        yield one.pairing._replace(p=family.p, adjusted=family)


def _of(rows: pl.DataFrame, column: str, value: str) -> pl.DataFrame:
    return rows.filter(pl.col(column) == value)


def _systems(a: Results, b: Results, notes: list[str]) -> list[tuple[str, str]]:
    """Which systems stand against which: the two that are named or alone, else those of one name."""
    if len(a.systems) == len(b.systems) == 1:
        pairs = [(a.systems[0], b.systems[0])]
    else:
        pairs = [(system, system) for system in a.systems if system in b.systems]
        apart = sorted({*a.systems} ^ {*b.systems})
        notes += [f"system `{system}` stands on one side only" for system in apart]
    if not pairs:
        here, there = (", ".join(f"`{system}`" for system in side.systems) for side in (a, b))
        raise RunError(f"no system stands on both sides: {here} against {there}", "name one a side: FOLDER:SYSTEM")
    same = a.named.folder.resolve() == b.named.folder.resolve()
    if same and all(one == other for one, other in pairs) and a.named.arm == b.named.arm:
        raise RunError(f"`{a.named}` and `{b.named}` are the same rows", "name another system or arm")
    return pairs


def _shared(rows: Sides, column: str, systems: Sequence[str], notes: list[str]) -> list[str]:
    here, there = (set(side[column].unique()) for side in rows)
    sides = " and ".join(f"`{system}`" for system in dict.fromkeys(systems))
    notes += [f"{column} `{value}` of {sides} stands on one side only" for value in sorted(here ^ there)]
    return sorted(here & there)


def _guard_task(task: str, systems: Sequence[str], sides: Sides) -> None:
    for column, word in SETTINGS.items():
        here, there = (sorted(side[column].unique()) for side in sides)
        if here != there or len(here) > 1:
            what = f"task `{task}` of `{systems[0]}` and `{systems[1]}`"
            _refuse(what, f"{word} {_told(here)} against {_told(there)}", word)


def _told(values: Sequence[object]) -> str:
    return " and ".join(f"`{value}`" for value in values)


def _refuse(what: str, difference: str, hint: str) -> None:
    raise RunError(f"{what} cannot be compared: {difference}", HINTS[hint])


def _pairings(
    task: str, systems: tuple[str, str], sides: Sides, one_arm: str, notes: list[str]
) -> Iterator[Made[Pairing]]:
    if one_arm:  # each side has one arm, or the arm that the other names
        arms = [(_lone_arm(sides[0], one_arm), _lone_arm(sides[1], one_arm))]
    else:
        shared = _shared(sides, "arm", systems, notes)
        arms = [(arm, arm) for arm in ARMS if arm in shared]
    for here, there in arms:
        cells = Cell(systems[0], here), Cell(systems[1], there)
        rows = counted(_of(sides[0], "arm", here)), counted(_of(sides[1], "arm", there))
        _guard_arm(task, cells, rows, notes)
        yield _pairing(task, cells, rows)


def _lone_arm(rows: pl.DataFrame, named: str) -> str:
    arms = rows["arm"].unique().to_list()
    return str(arms[0]) if len(arms) == 1 else named


def _guard_arm(task: str, cells: Sequence[Cell], sides: Sides, notes: list[str]) -> None:
    what = f"`{cells[0].system}: {cells[0].arm}` and `{cells[1].system}: {cells[1].arm}` on `{task}`"
    for side, cell in zip(sides, cells, strict=True):
        if side.is_empty():
            raise RunError(f"`{cell.system}` has no rows of arm `{cell.arm}` on `{task}`", "name an arm that both have")
    for column in ("prompt", "token_cap") if cells[0].arm == cells[1].arm else ("token_cap",):
        here, there = (sorted(side[column].unique()) for side in sides)
        if here != there and column == "prompt" and _only_asked_otherwise(sides):
            notes.append(f"{what}: one model asked in two ways, by prompt {_told(here)} against {_told(there)}")
        elif here != there:
            _refuse(what, f"{column.replace('_', ' ')} {_told(here)} against {_told(there)}", column)
    if any(cell.arm in OWN_QUESTIONS for cell in cells):
        return
    asked = [set(side["question_id"]) for side in sides]
    if asked[0] != asked[1]:
        num = f"{len(asked[0]):,} questions against {len(asked[1]):,}, of which {len(asked[0] & asked[1]):,} are shared"
        _refuse(what, num, "questions")
    if cells[0].arm == cells[1].arm and cells[0].arm in SAME_PATHS:
        shown = [set(side.select("question_id", "path").iter_rows()) for side in sides]
        if shown[0] != shown[1]:
            num = f"the paths shown differ in {len(shown[0] ^ shown[1]):,} of {len(shown[0] | shown[1]):,}"
            _refuse(what, num, "questions")


def _only_asked_otherwise(sides: Sides) -> bool:
    """Whether both sides are one model's, whose paths are asked for in two ways (`json`, `native`): that is compared
    then. Two versions of one prompt are no such."""
    models = [set(side["model"].unique()) for side in sides]
    prompts = [{label.rpartition("@")[0] for label in side["prompt"].unique()} for side in sides]
    names = [{prompt.rpartition("/")[2] for prompt in each} for each in prompts]
    return models[0] == models[1] and "" not in models[0] and names[0] == names[1] and not prompts[0] & prompts[1]


def _pairing(task: str, cells: tuple[Cell, Cell], rows: Sides) -> Made[Pairing]:
    replies = [dict(side.group_by("cluster").agg("correct").iter_rows()) for side in rows]
    gap = paired(replies[0], replies[1])
    shares = [accuracy(side["correct"].to_list(), side["cluster"].to_list()) for side in rows]
    pairing = Pairing(task, *cells, shares[0], shares[1], gap, gap.p, detectable_in(gap, replies[0], replies[1]))
    return Made(pairing, lambda level: paired(replies[0], replies[1], confidence=level))


def _figures(task: str, systems: tuple[str, str], sides: Sides) -> Iterator[Made[FigurePairing]]:
    here, there = ({one.measure: one for one in measured(side)} for side in sides)
    for measure in here:
        if measure in there:
            one, other = here[measure].sums, there[measure].sums
            gap = Comparison(math.nan, math.nan, math.nan, math.nan, 0, "the severities differ")
            if one.totals.shape[1] == other.totals.shape[1]:  # else curves over severities without a common area
                gap = statistics.compare(one, other)
            intervals = here[measure].interval, there[measure].interval
            pairing = FigurePairing(task, *systems, measure, *intervals, gap, gap.p)
            yield Made(pairing, partial(_at, one, other))


def _curves(task: str, systems: tuple[str, str], sides: Sides) -> Iterator[Made[CurvePairing]]:
    here, there = (severity_points(side) for side in sides)
    for level in sorted(here.keys() & there.keys()) if len(here) > 1 else ():
        one, other = here[level], there[level]
        gap = statistics.compare(one, other)
        shares = estimate(one), estimate(other)
        yield Made(CurvePairing(task, *systems, level, *shares, gap, gap.p), partial(_at, one, other))


def _at(one: Sums, other: Sums, level: float) -> Comparison:
    return statistics.compare(one, other, confidence=level)
