"""The board as tables of plain text: DPO rounds and robustness. See `views`. This module computes no figure."""

from __future__ import annotations

from collections.abc import Collection

from ..board import ANY, MEANINGS, Board, ComparableSet, Difference, Measure, RoundRow
from .text import percent
from .views import NONE, View, interval, share, without_twins

MARKS = {"higher": "▲", "lower": "▼", "tie": "="}
ROBUST: tuple[Measure, ...] = ("rescue", "over_rejection", "recovery", "follow")


def rounds(board: Board, found: ComparableSet, whole: bool = False) -> View:
    """Accuracy by arm and round, and what the round changed; `whole` has the round before beside the start."""
    rows = [
        (
            row.arm,
            row.system,
            percent(row.accuracy),
            interval(row.low, row.high),
            points(row.from_start),
            *([points(row.from_before)] if whole else []),
        )
        for row in sorted(_rounds(board, found), key=lambda row: (row.arm, row.base, row.round))
    ]
    columns = ("arm", "system", "accuracy %", "95 % interval", "against round 0")
    more = ("against the round before",) if whole else ()
    return View(
        "DPO rounds", (*columns, *more), rows, remark="differences in points, Holm-adjusted: ▲ higher, ▼ lower, = tie"
    )


def _rounds(board: Board, found: ComparableSet) -> list[RoundRow]:
    return [row for row in board.rounds if row.set == found.name]


def points(found: Difference | None) -> str:
    """`▼ -2.2 [-3.8, -0.6]`."""
    if found is None:
        return NONE
    difference, low, high = (round(100 * value, 1) + 0.0 for value in (found.difference, found.low, found.high))
    return f"{MARKS[found.outcome]} {difference:+.1f} [{low:.1f}, {high:.1f}]"


def training(board: Board, found: ComparableSet) -> View:
    """Path lengths, the training's end, and robustness on own paths, round by round."""
    measures = {(row.system, row.measure): row for row in board.measures if row.set == found.name}
    told = [name for name in ROBUST if any((row.system, name) in measures for row in _rounds(board, found))]
    first = {row.system: row for row in reversed(_rounds(board, found))}
    rows = []
    for row in sorted(first.values(), key=lambda row: (row.base, row.round)):
        cells = (measures.get((row.system, name)) for name in told)
        rows.append((row.system, *_path(row), *(share(cell.value if cell else None) for cell in cells)))
    names = [f"{name.replace('_', ' ')} %" for name in told]
    columns = ("system", "tokens a path", "margin", "pairs", *names)
    remark = "margin: reward of chosen over rejected when training ended; robustness is on each round's own paths"
    return View("DPO rounds: paths and training", columns, rows, num_names=1, remark=remark)


def _path(row: RoundRow) -> tuple[str, str, str]:
    tokens, low, high = row.path_tokens, row.path_tokens_low, row.path_tokens_high
    known = tokens is not None and low is not None and high is not None
    return (
        f"{tokens:,.1f} [{low:,.1f}, {high:,.1f}]" if known else NONE,
        NONE if row.reward_margin is None else f"{row.reward_margin:.3f}",
        NONE if row.num_pairs is None else f"{row.num_pairs:,}",
    )


def curve(board: Board, found: ComparableSet, systems: Collection[str], flaws: Collection[str] = (ANY,)) -> View:
    """Accuracy against severity."""
    told = [row for row in board.robustness if row.set == found.name and row.system in systems and row.flaw in flaws]
    several = len(set(flaws)) > 1
    rows = [
        (
            row.system,
            *([row.flaw] if several else []),
            f"{row.severity:.2f}",
            percent(row.accuracy),
            interval(row.low, row.high),
            share(row.follow),
            f"{row.n:,}",
        )
        for row in told
    ]
    columns = ("system", *(["flaw"] if several else []), "severity", "accuracy %", "95 % interval", "follow %", "n")
    heading = "Accuracy against severity, flaw by flaw" if several else "Robustness to a flawed path, all flaws"
    return View(heading, columns, rows)


def flaw_map(board: Board, found: ComparableSet, systems: Collection[str], whole: bool = False) -> View:
    """Flaws by systems: accuracy, severities above 0 together; `whole` gives interval and n in each cell."""
    cells = {(row.flaw, row.system): row for row in board.flaws if row.set == found.name and row.system in systems}
    columns = [system for system in found.systems if any(system == of for _, of in cells)]
    rows = []
    for flaw in dict.fromkeys(flaw for flaw, _ in cells):
        own = [cells.get((flaw, system)) for system in columns]
        rows.append((flaw, *(_flaw(percent(c.accuracy), c.low, c.high, c.n, whole) if c else NONE for c in own)))
    return View("Flaw by system, accuracy %", ("flaw", *columns), rows, num_names=1)


def _flaw(value: str, low: float, high: float, n: int, whole: bool) -> str:
    return f"{value} ({percent(low)} – {percent(high)}, n = {n:,})" if whole else value


def measures(board: Board, found: ComparableSet, systems: Collection[str]) -> View:
    """One figure for each way to fail; of a greedy system whose sampled twin is there nothing."""
    told = without_twins(found, systems)
    rows = [
        (row.system, row.measure.replace("_", " "), percent(row.value), interval(row.low, row.high), f"{row.n:,}")
        for row in board.measures
        if row.set == found.name and row.system in told
    ]
    return View("Robustness, in figures", ("system", "measure", "value %", "95 % interval", "n"), rows)


def meanings(board: Board) -> list[tuple[str, str]]:
    """What each measure on the board is."""
    there = {row.measure for row in board.measures}
    return [(name.replace("_", " "), words) for name, words in MEANINGS.items() if name in there]
