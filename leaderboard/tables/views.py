"""The board as tables of plain text, which terminal and Markdown both show: board, tasks, cost and lineage.

A view's cells are made of others' names and of our figures; whoever shows them makes them safe. See also
`robust_views`. This module computes no figure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from ..board import ArmRow, AverageRow, Board, ComparableSet, LineageRow, twins_among
from .text import percent

NONE = "–"
AMONG = "; greedy twins are ranked among themselves"


class View(NamedTuple):
    """One table. Columns of names come first, of figures after."""

    heading: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    num_names: int = 2
    remark: str = ""


def without_twins(found: ComparableSet, systems: Collection[str]) -> list[str]:
    """The systems but greedy ones whose sampled twin is in the set: a table would say everything twice."""
    twins = twins_among(found.systems, found.twins)
    return [one for one in systems if one not in twins]


def interval(low: float | None, high: float | None) -> str:
    return NONE if low is None or high is None else f"{percent(low):>5} – {percent(high):>5}"


def share(value: float | None) -> str:
    return NONE if value is None else percent(value)


def rank(row: ArmRow | AverageRow) -> str:
    """`2–4`, or `2` where no other place is possible."""
    if row.rank_best is None or row.rank_worst is None:
        return NONE
    return str(row.rank_best) if row.rank_best == row.rank_worst else f"{row.rank_best}–{row.rank_worst}"


def arms(board: Board, found: ComparableSet, systems: Collection[str]) -> View:
    """Every system in every arm."""
    rows = [
        (row.system, row.arm, rank(row), percent(row.accuracy), interval(row.low, row.high), f"{row.n:,}")
        for row in board.arms
        if row.set == found.name and row.system in systems
    ]
    twins = twins_among({row[0] for row in rows}, found.twins)
    remark = "rank: the places that paired tests, Holm-adjusted, leave a system in its arm" + (AMONG if twins else "")
    ranked = bool(twins) or any(row[2] not in ("1", NONE) for row in rows)
    return View(
        "Board", ("system", "arm", "rank", "accuracy %", "95 % interval", "n"), rows, remark=remark if ranked else ""
    )


def averages(board: Board, systems: Collection[str]) -> View:
    """Systems over all tasks; empty where there is one task."""
    rows = [
        (row.system, row.arm, rank(row), f"{len(row.sets)}", percent(row.accuracy), interval(row.low, row.high))
        for row in board.averages
        if row.system in systems
    ]
    twins = twins_among({row[0] for row in rows}, {row.system: row.twin_of for row in board.averages})
    remark = "every task counts the same; systems that lack a task of the arm are not ranked here"
    remark += AMONG if twins else ""
    columns = ("system", "arm", "rank", "tasks", "mean accuracy %", "95 % interval")
    return View("All tasks", columns, rows, remark=remark if rows else "")


def tasks(board: Board, arm: str) -> View:
    """One arm's systems, a column a comparable set; empty where there is one set."""
    sets = [found.name for found in board.sets if any(row.set == found.name and row.arm == arm for row in board.arms)]
    if len(sets) < 2:
        return View(f"Tasks, arm {arm}", (), [])
    cells = {(row.system, row.set): row for row in board.arms if row.arm == arm}
    systems = dict.fromkeys(row.system for row in board.arms if row.arm == arm)
    rows = [(system, *(_cell(cells.get((system, name))) for name in sets)) for system in systems]
    return View(f"Accuracy % by task, arm {arm}", ("system", *sets), rows, num_names=1)


def _cell(row: ArmRow | None) -> str:
    return NONE if row is None else f"{percent(row.accuracy)} ({percent(row.low)} – {percent(row.high)}, n = {row.n:,})"


def cost(board: Board, found: ComparableSet, systems: Collection[str]) -> View:
    """Tokens generated in all seats, for each right answer and for each reply; of greedy twins nothing."""
    told = without_twins(found, systems)
    rows = [
        (row.system, row.arm, *_tokens(row), percent(row.accuracy), f"{row.n:,}")
        for row in board.arms
        if row.set == found.name and row.system in told
    ]
    columns = ("system", "arm", "tokens a right answer", "tokens a reply", "accuracy %", "n")
    return View("Cost", columns, rows)


def _tokens(row: ArmRow) -> tuple[str, str]:
    price = row.tokens_per_right_answer
    return (NONE, NONE) if price is None else (f"{price:,.1f}", f"{price * row.accuracy:,.1f}")


def lineage(board: Board, kinds: Collection[str] = ("corpus", "model")) -> View:
    """What the systems came from, each thing once with the systems it went into."""
    users: dict[LineageRow, list[str]] = {}
    for row in board.lineage:
        if row.kind in kinds:
            users.setdefault(row.model_copy(update={"system": ""}), []).append(row.system)
    several = len({(row.recipe, row.seed) for row in users}) > 1
    rows = [_came_from(row, systems, several) for row, systems in sorted(users.items(), key=_place)]
    return View(
        "Lineage", ("what", "name", "fingerprint", "rows", "went into"), rows, num_names=3, remark=made_by(board)
    )


def _place(item: tuple[LineageRow, Sequence[str]]) -> tuple[str, str, str]:
    return item[0].kind, item[0].name, item[0].fingerprint


def _came_from(row: LineageRow, systems: Sequence[str], with_run: bool) -> tuple[str, ...]:
    run = f"{row.recipe} seed {row.seed}: " if with_run and row.recipe else ""
    num = NONE if row.num_rows is None else f"{row.num_rows:,}"
    told = f"{len(systems)} systems" if len(systems) > 3 else ", ".join(systems)
    return row.kind, f"{run}{row.name}", row.fingerprint or NONE, num, told


def made_by(board: Board) -> str:
    """`recipe quickstart, seed 0; insightv-bench 0.1.0 at b2e7f0f6ed73`."""
    runs = _distinct(f"recipe {row.recipe}, seed {row.seed}" for row in board.lineage if row.recipe)
    versions = _distinct(
        f"insightv-bench {row.version}" + (f" at {row.git_commit[:12]}" if row.git_commit else "")
        for row in board.lineage
        if row.kind == "evaluation"
    )
    return "; ".join(runs + versions)


def _distinct(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(words))
