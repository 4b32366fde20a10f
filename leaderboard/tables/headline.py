"""A board's first words: who is best and how sure, what the second agent adds, what a flaw costs; and why, where that
is plain. Every figure is one of the board's own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from insightv_bench.statistics import percent, points

from ..board import MAIN_ARMS, ArmRow, Board, ComparableSet, ComparisonRow, GapRow

MANY_UNREAD = 0.25
"""Of an arm's replies: so many unread replies are what its accuracy is mostly about."""
FEW_QUESTIONS = 100
MAX_GAPS = 3


def headline(board: Board) -> list[str]:
    """Sentences on the first comparable set, and on systems that do better on a fixed set than on fresh questions."""
    return [*_of_set(board, board.sets[0]), *_gaps(board.gaps)] if board.sets else []


def _gaps(rows: Sequence[GapRow]) -> Iterator[str]:
    """Who does better on a fixed set than on fresh questions; once, that nobody does."""
    seen = sorted((row for row in rows if row.outcome == "higher"), key=lambda row: -row.difference)
    for row in seen[:MAX_GAPS]:
        shown = percent(row.difference, row.low, row.high)
        told = (
            f"{row.system} has {percent(row.fixed)} % right on {row.set} and {percent(row.fresh)} % on fresh questions"
        )
        yield f"{told}: {shown} points that it may owe to having seen the set."
    if len(seen) > MAX_GAPS:
        yield f"So do {len(seen) - MAX_GAPS:,} other systems."
    if rows and not seen:
        systems = len({row.system for row in rows})
        yield f"On fresh questions no gap was found, of {systems:,} system{'s' if systems > 1 else ''}."


def _of_set(board: Board, comparable: ComparableSet) -> Iterator[str]:
    rows = [row for row in board.arms if row.set == comparable.name]
    arm = next((arm for arm in MAIN_ARMS if sum(row.arm == arm for row in rows) > 0), "")
    own = [row for row in rows if row.arm == arm and not row.twin_of]
    others = {row.system for row in own}
    bases = [row for row in rows if row.arm == "base" and row.system not in others]
    if own:
        yield _best([*own, *bases], comparable)
        best_first = sorted(own, key=lambda row: -row.accuracy)
        leading, systems = best_first[0], [row.system for row in best_first]
        tests = [row for row in board.comparisons if row.set == comparable.name]
        yield from _base(tests, bases, leading)
        yield from _change(tests, systems, "reason+summary", "reason", "The second agent")
        yield from _change(tests, systems, "flawed", "oracle", "A flaw in the path shown")
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


def _base(tests: list[ComparisonRow], bases: list[ArmRow], leading: ArmRow) -> Iterator[str]:
    """The leader against the base model that it came from, by their planned comparison."""
    for base in (row for row in bases if row.base == leading.base):
        told = f"The base model alone ({base.system}) has {percent(base.accuracy, base.low, base.high)} % right"
        side = f"{leading.system}: {leading.arm}"
        test = next((row for row in tests if (row.a, row.b) == (base.system, side)), None)
        if test is None:
            yield f"{told}."
        elif test.outcome == "tie":
            shown = points(test.difference, test.low, test.high)
            yield f"{told}; {leading.system} is not told apart from it: {shown} points."
        else:
            limits = (test.low, test.high) if test.outcome == "higher" else (-test.high, -test.low)
            shown = percent(abs(test.difference), *limits)
            where = "above" if test.outcome == "higher" else "below"
            yield f"{told}; {leading.system} is {where} it by {shown} points."


def _change(tests: list[ComparisonRow], systems: Sequence[str], b: str, a: str, what: str) -> Iterator[str]:
    """Of the first system that was asked both ways."""
    asked = {(row.b, row.a): row for row in tests}
    for system in systems:
        if row := asked.get((f"{system}: {b}", f"{system}: {a}")):
            words = {"higher": "adds", "lower": "takes away", "tie": "makes no difference that was found:"}[row.outcome]
            figure = row.difference if row.outcome == "tie" else abs(row.difference)
            low, high = (row.low, row.high) if row.outcome != "lower" else (-row.high, -row.low)
            shown = points(figure, low, high) if row.outcome == "tie" else percent(figure, low, high)
            yield f"{what} {words} {shown} points ({system})."
            return


def _why(rows: list[ArmRow]) -> Iterator[str]:
    most = max(rows, key=lambda row: row.unread / row.n if row.n else 0, default=None)
    if most and most.n and most.unread / most.n >= MANY_UNREAD:
        share = percent(most.unread / most.n)
        yield f"In {share} % of the replies of {most.system} in arm {most.arm} no answer could be read: they are wrong."
