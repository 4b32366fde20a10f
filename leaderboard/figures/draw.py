"""The board as drawings: SVG files, one for a light page and one for a dark, and a PNG, with a text alternative.

This module says which are drawn and how large; `painters` draws them. Of many systems some are drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from insightv_bench.errors import require
from insightv_bench.statistics import percent

from ..board import ANY, ROUND_ARMS, ArmRow, Board, ComparableSet, FlawRow, MeasureRow, RobustnessRow
from ..tables import questions, short, without_twins
from . import painters
from .style import MAX_SYSTEMS, NAME_LENGTH, ROW_HEIGHT, WIDTH, Draw, Looks, legend_height, looks, save, style

PANEL_HEIGHT = 1.5


class Figure(NamedTuple):
    """A drawing on disk."""

    set: str
    section: str
    """The page's view: `board`, `robustness` or `rounds`."""
    name: str
    """Its file's name without suffix; the dark one's ends in `-dark`."""
    alternative: str
    """What it shows, in words."""
    caption: str


class Plan(NamedTuple):
    """A drawing still to be made."""

    section: str
    name: str
    caption: str
    alternative: str
    size: tuple[float, float]
    """Inches, width and height."""
    paint: Draw


def draw_figures(board: Board, folder: Path) -> list[Figure]:
    """Write every figure the board has rows for. Raises MissingExtra without seaborn."""
    require("seaborn", "plots", "the figures")
    import matplotlib

    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    for place, comparable in enumerate(board.sets, start=1):
        for plan in _planned(board, comparable):
            name = f"{plan.name}-{place}"
            with matplotlib.rc_context(style()):
                save(plan.paint, plan.size, folder, name)
            drawn.append(Figure(comparable.name, plan.section, name, plan.alternative, plan.caption))
    return drawn


def _planned(board: Board, comparable: ComparableSet) -> Iterator[Plan]:
    every = [row for row in board.arms if row.set == comparable.name]
    systems = drawn_systems(every, comparable)
    remark = left_out(systems, comparable)
    marks = looks(systems, comparable.twins)
    arms = [row for row in every if row.system in systems]
    yield from _of_arms(arms, comparable, marks, remark)
    yield from _of_flaws(board, comparable, marks, remark)
    rounds = [row for row in every if row.arm in ROUND_ARMS and row.trained]
    if len({row.round for row in rounds}) > 1:
        caption = "Accuracy over the rounds, with 95 % intervals; the axis is cut to them."
        yield Plan("rounds", "rounds", caption, rounds_words(rounds), (WIDTH, 3.0), painters.rounds(rounds))


def _of_arms(arms: Sequence[ArmRow], comparable: ComparableSet, systems: Looks, remark: str) -> Iterator[Plan]:
    height = 1.1 + ROW_HEIGHT * (len(arms) + len(painters.arms_of(arms))) + legend_height(systems)
    caption = f"Accuracy by arm, with 95 % intervals{remark}."
    paint = painters.accuracy(arms, comparable, systems)
    yield Plan("board", "board", caption, accuracy_words(arms, comparable), (WIDTH, height), paint)
    priced = [row for row in arms if row.tokens_per_right_answer]
    if len(priced) > 1:
        caption = (
            f"What a right answer costs: tokens generated in all seats, the path's included, against accuracy{remark}."
        )
        height = 0.9 + PANEL_HEIGHT * painters.panel_rows(painters.arms_of(priced)) + legend_height(systems)
        yield Plan("board", "cost", caption, cost_words(priced), (WIDTH, height), painters.cost(priced, systems))


def _of_flaws(board: Board, comparable: ComparableSet, systems: Looks, remark: str) -> Iterator[Plan]:
    curve = [row for row in board.robustness if row.set == comparable.name and row.system in systems]
    if curve:
        height = 0.9 + PANEL_HEIGHT * painters.panel_rows(painters.flaws_of(curve)) + legend_height(systems)
        caption = f"Accuracy against severity, one panel a flaw{remark}."
        paint = painters.severity(curve, systems)
        yield Plan("robustness", "robustness", caption, severity_words(curve), (WIDTH, height), paint)
    flaws = [row for row in board.flaws if row.set == comparable.name and row.system in systems]
    if flaws:
        height = 1.7 + 0.3 * len({row.system for row in flaws})
        caption = f"Accuracy under each flaw, severities together{remark}."
        yield Plan("robustness", "flaws", caption, heat_words(flaws), (WIDTH, height), painters.heat(flaws, systems))
    measures = [row for row in board.measures if row.set == comparable.name and row.system in systems]
    if measures:
        num_rows = painters.panel_rows({row.measure for row in measures})
        height = 0.7 + num_rows * (0.55 + ROW_HEIGHT * len({row.system for row in measures})) + legend_height(systems)
        caption = f"Each measure of robustness, with 95 % intervals clustered by question{remark}."
        paint = painters.measures(measures, systems)
        yield Plan("robustness", "measures", caption, measure_words(measures), (WIDTH, height), paint)


def drawn_systems(arms: Sequence[ArmRow], comparable: ComparableSet) -> list[str]:
    """All; of many those that are not another's greedy twin, and of many such the most accurate in the arm that most of
    them have."""
    if len(comparable.systems) <= MAX_SYSTEMS:
        return list(comparable.systems)
    sampled = without_twins(comparable, comparable.systems)
    if len(sampled) <= MAX_SYSTEMS:
        return sampled
    own = [row for row in arms if row.system in sampled]
    by_arm = [[row for row in own if row.arm == arm] for arm in ("reason+summary", "reason", "direct", "base")]
    rows = max(by_arm, key=len) or own
    best = [row.system for row in sorted(rows, key=lambda row: -row.accuracy)][:MAX_SYSTEMS]
    return [system for system in sampled if system in best]


def left_out(systems: Sequence[str], comparable: ComparableSet) -> str:
    """How a caption says which systems are drawn; empty where all are."""
    if len(systems) == len(comparable.systems):
        return ""
    if len(systems) == len(without_twins(comparable, comparable.systems)):
        return f"; {len(systems)} of {len(comparable.systems)} systems, the greedy twins left out"
    return f"; the {len(systems)} most accurate of {len(comparable.systems)} systems"


def accuracy_words(rows: Sequence[ArmRow], comparable: ComparableSet) -> str:
    cells = ", ".join(f"{short(row.system, NAME_LENGTH)} {row.arm} {percent(row.accuracy)} %" for row in rows)
    return f"Accuracy with 95 % intervals by arm and system, {questions(comparable)}: {cells}."


def severity_words(rows: Sequence[RobustnessRow]) -> str:
    parts = []
    for system in list(dict.fromkeys(row.system for row in rows)):
        points = [row for row in rows if row.system == system and row.flaw == ANY]
        falls = f"{percent(points[0].accuracy)} % at severity {points[0].severity:g}"
        parts.append(
            f"{short(system, NAME_LENGTH)} {falls}, {percent(points[-1].accuracy)} % at {points[-1].severity:g}"
        )
    return f"Accuracy against severity, one panel a flaw. Over all flaws: {'; '.join(parts)}."


def rounds_words(rows: Sequence[ArmRow]) -> str:
    ordered = sorted(rows, key=lambda row: (row.arm, row.base, row.round))
    cells = ", ".join(f"{row.arm} after round {row.round} {percent(row.accuracy)} %" for row in ordered)
    return f"Accuracy over rounds, round 0 being supervised fine-tuning: {cells}."


def cost_words(rows: Sequence[ArmRow]) -> str:
    cells = ", ".join(
        f"{short(row.system, NAME_LENGTH)} {row.arm} {row.tokens_per_right_answer:,.0f} at {percent(row.accuracy)} %"
        for row in rows
        if row.tokens_per_right_answer is not None
    )
    return f"Tokens generated for a right answer against accuracy: {cells}."


def heat_words(rows: Sequence[FlawRow]) -> str:
    parts = []
    for system in list(dict.fromkeys(row.system for row in rows)):
        cells = ", ".join(f"{row.flaw} {percent(row.accuracy)} %" for row in rows if row.system == system)
        parts.append(f"{short(system, NAME_LENGTH)} {cells}")
    return f"Accuracy under each flaw, all severities together: {'; '.join(parts)}."


def measure_words(rows: Sequence[MeasureRow]) -> str:
    parts = []
    for measure in list(dict.fromkeys(row.measure for row in rows)):
        members = [row for row in rows if row.measure == measure]
        cells = ", ".join(f"{short(row.system, NAME_LENGTH)} {percent(row.value)} %" for row in members)
        parts.append(f"{measure.replace('_', ' ')}: {cells}")
    return f"Measures of robustness with 95 % intervals. {'; '.join(parts)}."
