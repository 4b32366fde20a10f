"""A board's first words: who is best and how sure, what the second agent adds, what a flaw costs; and why, where that
is plain. Every figure is one of the board's own."""

from __future__ import annotations

from collections.abc import Iterator

from insightv_bench.statistics import percent, points

from ..board import ArmRow, Board, ComparableSet, ComparisonRow

MAIN = ("reason+summary", "reason", "direct", "base")
MANY_UNREAD = 0.25
"""Of an arm's replies: so many unread replies are what its accuracy is mostly about."""
FEW_QUESTIONS = 100


def headline(board: Board) -> list[str]:
    """Sentences on the first comparable set."""
    return list(_of_set(board, board.sets[0])) if board.sets else []


def _of_set(board: Board, comparable: ComparableSet) -> Iterator[str]:
    rows = [row for row in board.arms if row.set == comparable.name]
    arm = next((arm for arm in MAIN if sum(row.arm == arm for row in rows) > 0), "")
    own = [row for row in rows if row.arm == arm and not row.twin_of]
    if own:
        yield _best(own, comparable)
        leader = max(own, key=lambda row: row.accuracy).system
        tests = [row for row in board.comparisons if row.set == comparable.name]
        yield from _change(tests, leader, "reason+summary", "reason", "The second agent")
        yield from _change(tests, leader, "flawed", "oracle", "A flaw in the path shown")
    yield from _why(rows)
    if comparable.num_questions < FEW_QUESTIONS:
        yield f"This is a toy run: {comparable.num_questions:,} questions tell little apart."


def _best(rows: list[ArmRow], comparable: ComparableSet) -> str:
    best = max(rows, key=lambda row: row.accuracy)
    told = f"{best.system} has {percent(best.accuracy, best.low, best.high)} % right in arm {best.arm}"
    scale = f"{len(rows):,} systems on {comparable.num_questions:,} questions of {comparable.task}"
    if len(rows) == 1:
        return f"{told}; {comparable.num_questions:,} questions of {comparable.task}."
    level = [row for row in rows if row is not best and row.rank_best == 1]
    sure = "and was found better than every other" if not level else f"and is not told apart from {len(level):,} others"
    if len(level) == 1:
        sure = f"and is not told apart from {level[0].system}"
    return f"Of {scale}, {told}, {sure}."


def _change(tests: list[ComparisonRow], system: str, b: str, a: str, what: str) -> Iterator[str]:
    for row in tests:
        if (row.b, row.a) == (f"{system}: {b}", f"{system}: {a}"):
            words = {"higher": "adds", "lower": "takes away", "tie": "makes no difference that was found:"}[row.outcome]
            figure = row.difference if row.outcome == "tie" else abs(row.difference)
            low, high = (row.low, row.high) if row.outcome != "lower" else (-row.high, -row.low)
            shown = points(figure, low, high) if row.outcome == "tie" else percent(figure, low, high)
            yield f"{what} {words} {shown} points ({system})."


def _why(rows: list[ArmRow]) -> Iterator[str]:
    most = max(rows, key=lambda row: row.unread / row.n if row.n else 0, default=None)
    if most and most.n and most.unread / most.n >= MANY_UNREAD:
        share = percent(most.unread / most.n)
        yield f"In {share} % of the replies of {most.system} in arm {most.arm} no answer could be read: they are wrong."
