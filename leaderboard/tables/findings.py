"""What a board of the method shows, in sentences for who has never seen one: what was found, how sure, what was not.

Every figure is one of the board's own. A board without the method's agents has no such sentences (see `headline`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from insightv_bench.controls import CONTROLS
from insightv_bench.flaws import ATTACKS
from insightv_bench.statistics import p_value, percent, points

from ..board import ArmRow, Board, ComparisonRow, FlawRow, MeasureRow

RIGHT_ONLY = CONTROLS["optimal-only"].name(0)
MIN_REPLIES = 50
"""Of a flaw, to be called the easiest or the hardest."""


class Seen(NamedTuple):
    """The method's systems of one comparable set."""

    base: str
    agent: str
    last: str
    """After the last DPO round; empty: none was evaluated."""
    round: int
    rows: Mapping[tuple[str, str], ArmRow]
    """By system and arm."""
    tests: Mapping[tuple[str, str], ComparisonRow]
    """By the two sides, `b` first."""
    flaws: Mapping[tuple[str, str], FlawRow]
    """By system and flaw."""
    follow: Mapping[str, MeasureRow]
    """By system: how often a planted answer is repeated."""


def findings(board: Board) -> list[str]:
    """Of the first comparable set that has the method's agents; none where no set has."""
    for comparable in board.sets:
        seen = _seen(board, comparable.name)
        if seen:
            return list(_of(seen))
    return []


def _seen(board: Board, name: str) -> Seen | None:
    rows = [row for row in board.arms if row.set == name]
    by_role: dict[str, dict[str, int]] = {}
    for row in rows:
        if not row.twin_of:
            by_role.setdefault(row.role, {})[row.system] = row.round
    agents, rounds = by_role.get("agent", {}), by_role.get("round", {})
    if len(agents) != 1:
        return None
    last = max(rounds, key=rounds.__getitem__, default="")
    return Seen(
        next(iter(by_role.get("base", {})), ""),
        next(iter(agents)),
        last,
        rounds.get(last, 0),
        {(row.system, row.arm): row for row in rows},
        {(row.b, row.a): row for row in board.comparisons if row.set == name},
        {(row.system, row.flaw): row for row in board.flaws if row.set == name},
        {row.system: row for row in board.measures if row.set == name and row.measure == "follow"},
    )


def _of(seen: Seen) -> Iterator[str]:
    agent, last = seen.agent, seen.last
    rounds = f"{seen.round} training round" + "s" * (seen.round != 1)
    reason, both = f"{agent}: reason", f"{agent}: reason+summary"
    yield from _shares(seen)
    yield from _told(seen, "Writing a path, against the base model's answer without one", reason, seen.base)
    yield from _told(seen, "A second agent that reads the path", both, reason)
    yield from _told(seen, "The same two agents, against a vote of several paths", both, f"{agent}: majority")
    yield from _told(seen, f"{rounds}, the reasoning agent alone", f"{last}: reason", reason)
    yield from _told(seen, f"{rounds}, both agents together", f"{last}: reason+summary", both)
    yield from _told(seen, "An error planted in the path shown", f"{agent}: flawed", f"{agent}: oracle")
    yield from _follow(seen)
    yield from _hardest(seen)
    yield from _cost(seen)


def _shares(seen: Seen) -> Iterator[str]:
    """What is right, arm by arm."""
    named = {"reason": "from a path alone", "reason+summary": "with the second agent", "oracle": "given an exact path"}
    rows = [(words, seen.rows[seen.agent, arm]) for arm, words in named.items() if (seen.agent, arm) in seen.rows]
    if rows:
        told = "; ".join(f"{percent(row.accuracy, row.low, row.high)} % {words}" for words, row in rows)
        yield f"Right answers: {told}."


def _told(seen: Seen, what: str, b: str, a: str) -> Iterator[str]:
    row = seen.tests.get((b, a))
    if row is None:
        return
    p = p_value(row.p)
    shown = "not shown" if row.outcome == "tie" else f"shown (p {p if p[0] == '<' else f'= {p}'})"
    yield f"{what}: {points(row.difference, row.low, row.high)} points, {shown}."


def _follow(seen: Seen) -> Iterator[str]:
    """How often a planted wrong answer is repeated, and by an agent that never saw one in training."""
    own, other = seen.follow.get(seen.agent), seen.follow.get(RIGHT_ONLY)
    if own:
        told = f"Of wrong answers planted so, the summary agent repeats {percent(own.value, own.low, own.high)} %"
        if other:
            told += f"; one trained on right paths alone {percent(other.value, other.low, other.high)} %"
        yield f"{told}."


def _hardest(seen: Seen) -> Iterator[str]:
    rows = [row for (system, _), row in seen.flaws.items() if system == seen.agent]
    rows = [row for row in rows if row.follow_n >= MIN_REPLIES and row.flaw not in ATTACKS]
    if len(rows) > 1:
        worst = min(rows, key=lambda row: row.accuracy)
        best = max(rows, key=lambda row: row.accuracy)
        told = [f"{row.flaw} ({percent(row.accuracy, row.low, row.high)} % right)" for row in (worst, best)]
        yield f"The planted error that misleads it most: {told[0]}; the least: {told[1]}."


def _cost(seen: Seen) -> Iterator[str]:
    named = {"reason": "one path", "reason+summary": "two agents", "majority": "the vote"}
    costs = {
        words: row.tokens_per_right_answer
        for arm, words in named.items()
        if (row := seen.rows.get((seen.agent, arm))) and row.tokens_per_right_answer
    }
    if len(costs) > 1:
        yield (
            "Tokens written for a right answer: "
            + ", ".join(f"{cost:.0f} by {who}" for who, cost in costs.items())
            + "."
        )
