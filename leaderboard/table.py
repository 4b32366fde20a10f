"""The board in a terminal, 80 columns wide."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .board import FAMILIES, ArmRow, Board, ComparableSet
from .robustness import ANY
from .systems import is_greedy, twin
from .text import percent, questions, short, visible

NAME_WIDTH = 28
OUTCOMES = {"higher": ("▲", "green"), "lower": ("▼", "red"), "tie": ("=", "dim")}
COUNTS = {"malformed": "malformed paths", "cut_off": "cut off at the token cap", "failed": "replies that never came"}


def print_board(board: Board, console: Console) -> None:
    """Arms, comparisons and robustness of every comparable set, then the notes."""
    console.print(Text(visible(board.title), style="bold"))
    for found in board.sets:
        console.print(Text(f"\n{visible(found.name)}: {questions(found)}", style="bold"))
        console.print(_arms(board, found))
        _print_remarks([row for row in board.arms if row.set == found.name], console)
        _print_comparisons(board, found, console)
        _print_robustness(board, found, console)
    for note in board.notes:
        console.print(Text(f"note: {visible(note)}", style="yellow"))


def _table(*columns: str) -> Table:
    """Names on the left, figures on the right."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), header_style="bold")
    for place, column in enumerate(columns):
        # A long name goes on below: cut off, a control would look like its greedy twin.
        table.add_column(column, justify="left" if place < 2 else "right", no_wrap=place != 0, overflow="fold")
    return table


def _add(table: Table, name: str, last: str, *cells: str) -> None:
    """A row, its name said once and a blank line before the next name."""
    if last and name != last:
        table.add_section()
    table.add_row(Text("" if name == last else short(name, NAME_WIDTH)), *cells)


def _arms(board: Board, found: ComparableSet) -> Table:
    table, last = _table("system", "arm", "accuracy %", "95 % interval", "n", "unread"), ""
    for row in (row for row in board.arms if row.set == found.name):
        figures = [percent(row.accuracy), _interval(row.low, row.high), f"{row.n:,}", f"{row.unread:,}"]
        _add(table, row.system, last, row.arm, *figures)
        last = row.system
    return table


def _print_remarks(rows: list[ArmRow], console: Console) -> None:
    """What the figures of single arms hide, system by system."""
    guessing = {row: "" for row in rows if row.above_chance is False}
    _print_remark("not above chance", guessing, console, "yellow")
    for column, words in COUNTS.items():
        counts = {row: f" {getattr(row, column):,} of {row.n:,}" for row in rows if getattr(row, column)}
        _print_remark(words, counts, console)


def _print_remark(words: str, told: dict[ArmRow, str], console: Console, style: str = "") -> None:
    by_system: dict[str, list[str]] = {}
    for row, detail in told.items():
        by_system.setdefault(short(row.system, NAME_WIDTH), []).append(row.arm + detail)
    if by_system:
        systems = "; ".join(f"{system}: {', '.join(arms)}" for system, arms in by_system.items())
        console.print(Text(f"{words}: {systems}", style=style))


def _interval(low: float, high: float) -> str:
    return f"{percent(low):>5} – {percent(high):>5}"


def _print_comparisons(board: Board, found: ComparableSet, console: Console) -> None:
    for family, caption in FAMILIES.items():
        rows = [row for row in board.comparisons if row.set == found.name and row.family == family]
        if not rows:
            continue
        sizes = {row.n for row in rows}
        shared = f"n = {rows[0].n:,}, " if len(sizes) == 1 else ""
        heading = f"\n{caption} ({shared}p Holm-adjusted; ▲ higher, ▼ lower, = tie)"
        console.print(Text(heading, style="bold"))
        for row in rows:
            mark, style = OUTCOMES[row.outcome]
            sentence = visible(row.sentence).replace(f", n = {row.n:,}, p", ", p") if shared else visible(row.sentence)
            console.print(Text.assemble((mark, style), " ", _fitted(sentence, console.width - 2)))


def _fitted(sentence: str, width: int) -> str:
    """The sentence on one line, or its figures on a line of their own."""
    names, _, figures = sentence.rpartition(": ")
    return sentence if len(sentence) <= width else f"{names}:\n    {figures}"


def _print_robustness(board: Board, found: ComparableSet, console: Console) -> None:
    for heading, table in (
        ("Robustness to a flawed path, all flaws", _curve(board, found)),
        ("Robustness, in figures", _measures(board, found)),
    ):
        if table.row_count:
            console.print(Text(f"\n{heading}", style="bold"))
            console.print(table)


def _curve(board: Board, found: ComparableSet) -> Table:
    table, last = _table("system", "severity", "accuracy %", "95 % interval", "follow %", "n"), ""
    for row in (row for row in board.robustness if row.set == found.name and row.flaw == ANY):
        follow = "–" if row.follow is None else percent(row.follow)
        figures = [percent(row.accuracy), _interval(row.low, row.high), follow, f"{row.n:,}"]
        _add(table, row.system, last, f"{row.severity:.2f}", *figures)
        last = row.system
    return table


def _measures(board: Board, found: ComparableSet) -> Table:
    table, last = _table("system", "measure", "value %", "95 % interval", "n"), ""
    # With greedy twins the terminal would say everything twice; the page has them.
    told = [system for system in found.systems if not is_greedy(system) or twin(system) not in found.systems]
    for row in (row for row in board.measures if row.set == found.name and row.system in told):
        figures = [percent(row.value), _interval(row.low, row.high), f"{row.n:,}"]
        _add(table, row.system, last, row.measure.replace("_", " "), *figures)
        last = row.system
    return table
