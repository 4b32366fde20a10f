"""The board as tables of plain text, which terminal and Markdown both show.

A view's cells are made of others' names and of our figures; whoever shows them makes them safe. This module computes no
figure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from insightv_bench.escape import visible
from insightv_bench.statistics import NONE, interval, percent, points

from ..board import (
    ANY,
    MEANINGS,
    ArmRow,
    AverageRow,
    Board,
    ComparableSet,
    Difference,
    FlawRow,
    LineageRow,
    Measure,
    RoundRow,
    twins_among,
)

AMONG = "; greedy twins are ranked among themselves"
FAMILY = "p and interval: of this kind between the same two systems, whoever else is listed"
MARKS = {"higher": "▲", "lower": "▼", "tie": "="}
ROBUST: tuple[Measure, ...] = ("rescue", "over_rejection", "recovery", "follow")


class View(NamedTuple):
    """One table. Columns of names come first, of figures after."""

    heading: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    num_names: int = 2
    remark: str = ""


def short(text: str, length: int) -> str:
    """The visible text, on one line and cut to `length` characters."""
    line = " ".join(visible(text).split())
    return line if len(line) <= length else line[: length - 1] + "…"


def questions(comparable: ComparableSet) -> str:
    """How many there are, and what guessing would get: `500 questions, chance 25.0 % on the 500 with options`."""
    total = f"{comparable.num_questions:,} questions"
    if comparable.chance is None:
        return total
    return f"{total}, chance {percent(comparable.chance)} % on the {comparable.num_with_options:,} with options"


def without_twins(comparable: ComparableSet, systems: Collection[str]) -> list[str]:
    """The systems but greedy ones whose sampled twin is in the set: a table would say everything twice."""
    twins = twins_among(comparable.systems, comparable.twins)
    return [one for one in systems if one not in twins]


def rank(row: ArmRow | AverageRow) -> str:
    """`2–4`, or `2` where no other place is possible."""
    if row.rank_best is None or row.rank_worst is None:
        return NONE
    return str(row.rank_best) if row.rank_best == row.rank_worst else f"{row.rank_best}–{row.rank_worst}"


def arms(board: Board, comparable: ComparableSet, systems: Collection[str]) -> View:
    """Every system in every arm."""
    rows = [
        (row.system, row.arm, rank(row), percent(row.accuracy), interval(row.low, row.high), f"{row.n:,}")
        for row in board.arms
        if row.set == comparable.name and row.system in systems
    ]
    twins = twins_among({row[0] for row in rows}, comparable.twins)
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


def gaps(board: Board) -> View:
    """Fixed sets beside fresh questions; empty where there are none."""
    rows = [
        (
            row.system,
            row.arm,
            f"{percent(row.fixed)} | {percent(row.fresh)}",
            f"{MARKS[row.outcome]} {points(row.difference, row.low, row.high)}",
            f"{row.n_fixed:,} | {row.n_fresh:,}",
        )
        for row in board.gaps
    ]
    columns = ("system", "arm", "fixed | fresh %", "gap, points", "n")
    remark = "a gap above 0: more is right on the public set than on fresh questions of the same make"
    return View("Fixed questions and fresh ones", columns, rows, remark=remark if rows else "")


def tasks(board: Board, arm: str) -> View:
    """One arm's systems, a column a comparable set; empty where there is one set."""
    there = {row.set for row in board.arms if row.arm == arm}
    sets = [comparable.name for comparable in board.sets if comparable.name in there]
    if len(sets) < 2:
        return View(f"Tasks, arm {arm}", (), [])
    cells = {(row.system, row.set): row for row in board.arms if row.arm == arm}
    systems = dict.fromkeys(row.system for row in board.arms if row.arm == arm)
    rows = [(system, *(_cell(cells.get((system, name))) for name in sets)) for system in systems]
    return View(f"Accuracy % by task, arm {arm}", ("system", *sets), rows, num_names=1)


def _cell(row: ArmRow | FlawRow | None) -> str:
    return NONE if row is None else f"{percent(row.accuracy, row.low, row.high)}, n = {row.n:,}"


def cost(board: Board, comparable: ComparableSet, systems: Collection[str]) -> View:
    """Tokens generated in all seats, for each right answer and for each reply; of greedy twins nothing."""
    sampled = without_twins(comparable, systems)
    rows = [
        (row.system, row.arm, *_tokens(row), percent(row.accuracy), f"{row.n:,}")
        for row in board.arms
        if row.set == comparable.name and row.system in sampled
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
    ordered = sorted(users.items(), key=lambda user: (user[0].kind, user[0].name, user[0].fingerprint))
    rows = [_came_from(row, systems, several) for row, systems in ordered]
    return View(
        "Lineage", ("what", "name", "fingerprint", "rows", "went into"), rows, num_names=3, remark=made_by(board)
    )


def _came_from(row: LineageRow, systems: Sequence[str], with_run: bool) -> tuple[str, ...]:
    run = f"{row.recipe} seed {row.seed}: " if with_run and row.recipe else ""
    num = NONE if row.num_rows is None else f"{row.num_rows:,}"
    users = f"{len(systems)} systems" if len(systems) > 3 else ", ".join(systems)
    return row.kind, f"{run}{row.name}", row.fingerprint or NONE, num, users


def submissions(board: Board) -> View:
    """What `verify` said of each submission."""
    rows = [
        (row.status, row.id, row.date or NONE, " ".join(row.links) or NONE, row.why or NONE, f"{row.num_rows:,}")
        for row in board.submissions
    ]
    columns = ("verdict", "submission", "date", "links", "why", "rows")
    return View("Submissions, verified", columns, rows, num_names=5)


def measured(board: Board) -> str:
    """What a reader asks before any figure: when, on which data, how sampled; empty where nothing is known."""
    own = [row for row in board.lineage if row.kind == "evaluation"]
    days = sorted({row.date for row in own if row.date})
    span = " to ".join(dict.fromkeys([days[0], days[-1]])) if days else ""
    sampling = _distinct(row.detail for row in own if row.detail)
    data = _distinct(f"{one.task}, version {one.task_version}" for one in board.sets)
    parts = [f"data {data[0]}" if len(data) == 1 else "", f"evaluated {span}" if span else ""]
    parts += [sampling[0] if len(sampling) == 1 else "sampled in several ways" if sampling else ""]
    return " · ".join(part for part in parts if part)


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


def rounds(board: Board, comparable: ComparableSet, whole: bool = False) -> View:
    """Accuracy by arm and round, and what the round changed; `whole` has the round before beside the start."""
    rows = [
        (
            row.arm,
            row.system,
            percent(row.accuracy),
            interval(row.low, row.high),
            _change(row.from_start),
            *([_change(row.from_before)] if whole else []),
        )
        for row in sorted(_rounds(board, comparable), key=lambda row: (row.arm, row.base, row.round))
    ]
    columns = ("arm", "system", "accuracy %", "95 % interval", "against round 0")
    more = ("against the round before",) if whole else ()
    return View(
        "Rounds",
        (*columns, *more),
        rows,
        remark="points, Holm-adjusted: ▲ higher, ▼ lower, = not shown to differ",
    )


def _rounds(board: Board, comparable: ComparableSet) -> list[RoundRow]:
    return [row for row in board.rounds if row.set == comparable.name]


def _change(change: Difference | None) -> str:
    """`▼ -2.2 [-3.8, -0.6]`."""
    if change is None:
        return NONE
    return f"{MARKS[change.outcome]} {points(change.difference, change.low, change.high)}"


def training(board: Board, comparable: ComparableSet) -> View:
    """Path lengths, the training's end, and robustness on own paths, round by round."""
    measures = {(row.system, row.measure): row for row in board.measures if row.set == comparable.name}
    names = [name for name in ROBUST if any((row.system, name) in measures for row in _rounds(board, comparable))]
    first = {row.system: row for row in reversed(_rounds(board, comparable))}
    rows = []
    for row in sorted(first.values(), key=lambda row: (row.base, row.round)):
        cells = (measures.get((row.system, name)) for name in names)
        rows.append((row.system, *_path(row), *(percent(cell.value if cell else None) for cell in cells)))
    columns = ("system", "tokens a path", "margin", "pairs", *(f"{name.replace('_', ' ')} %" for name in names))
    remark = "margin: reward of chosen over rejected when training ended; robustness is on each round's own paths"
    return View("Rounds: paths and training", columns, rows, num_names=1, remark=remark)


def _path(row: RoundRow) -> tuple[str, str, str]:
    tokens, low, high = row.path_tokens, row.path_tokens_low, row.path_tokens_high
    known = tokens is not None and low is not None and high is not None
    return (
        f"{tokens:,.1f} [{low:,.1f}, {high:,.1f}]" if known else NONE,
        NONE if row.reward_margin is None else f"{row.reward_margin:.3f}",
        NONE if row.num_pairs is None else f"{row.num_pairs:,}",
    )


def curve(board: Board, comparable: ComparableSet, systems: Collection[str], flaws: Collection[str] = (ANY,)) -> View:
    """Accuracy against severity."""
    points_ = [
        row for row in board.robustness if row.set == comparable.name and row.system in systems and row.flaw in flaws
    ]
    several = len(set(flaws)) > 1
    rows = [
        (
            row.system,
            *([row.flaw] if several else []),
            f"{row.severity:.2f}",
            percent(row.accuracy),
            interval(row.low, row.high),
            percent(row.follow),
            f"{row.n:,}",
        )
        for row in points_
    ]
    columns = ("system", *(["flaw"] if several else []), "severity", "accuracy %", "95 % interval", "follow %", "n")
    heading = "Accuracy against severity, flaw by flaw" if several else "Robustness to a flawed path, all flaws"
    return View(heading, columns, rows)


def flaw_map(board: Board, comparable: ComparableSet, systems: Collection[str], whole: bool = False) -> View:
    """Flaws by systems: accuracy, severities above 0 together; `whole` gives interval and n in each cell."""
    cells = {(row.flaw, row.system): row for row in board.flaws if row.set == comparable.name and row.system in systems}
    columns = [system for system in comparable.systems if any(system == of for _, of in cells)]
    rows = []
    for flaw in dict.fromkeys(flaw for flaw, _ in cells):
        own = [cells.get((flaw, system)) for system in columns]
        rows.append((flaw, *(_cell(row) if whole else percent(row.accuracy if row else None) for row in own)))
    return View("Flaw by system, accuracy %", ("flaw", *columns), rows, num_names=1)


def measures(board: Board, comparable: ComparableSet, systems: Collection[str]) -> View:
    """One figure for each way to fail; of a greedy system whose sampled twin is there nothing."""
    sampled = without_twins(comparable, systems)
    rows = [
        (row.system, row.measure.replace("_", " "), percent(row.value), interval(row.low, row.high), f"{row.n:,}")
        for row in board.measures
        if row.set == comparable.name and row.system in sampled
    ]
    return View("Robustness, in figures", ("system", "measure", "value %", "95 % interval", "n"), rows)


def meanings(board: Board) -> list[tuple[str, str]]:
    """What each measure on the board is."""
    there = {row.measure for row in board.measures}
    return [(name.replace("_", " "), words) for name, words in MEANINGS.items() if name in there]
