"""The board in a terminal, 80 columns wide."""

from __future__ import annotations

from typing import Literal

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from insightv_bench.escape import visible
from insightv_bench.results import cut_warning
from insightv_bench.statistics import percent

from ..board import FAMILIES, ArmRow, Board, ComparableSet
from . import views
from .headline import headline
from .views import View, questions, short

NAME_WIDTH = 28
MAX_SYSTEMS = 20
"""Of one comparable set; a page or a file shows more."""
MAP_SYSTEMS = 5
"""Columns of the heat map that fit beside each other."""
STYLES = {"higher": "green", "lower": "red", "tie": "dim"}
VERDICTS = {"accepted": "green", "judged": "yellow", "rejected": "red"}
COUNTS = {
    "likely": "answer likely, not sure",
    "unread": "no answer read",
    "unread_cut": "of these, cut off",
    "malformed": "malformed paths",
    "cut_off": "cut off at the token cap",
    "failed": "replies that never came",
    "judge_failed": "no verdict of the judge",
    "tokens_missing": "tokens not counted, or too few for the text",
    "tokens_hidden": "tokens counted for thought that is not shown",
}


def print_board(board: Board, console: Console) -> None:
    """All tasks, then every comparable set, then lineage and the notes."""
    console.print(Text(visible(board.title), style="bold"))
    systems = list(dict.fromkeys(row.system for row in board.averages))
    print_view(views.averages(board, systems[:MAX_SYSTEMS]), console)
    print_view(views.gaps(board), console)
    for comparable in board.sets:
        console.print(Text(f"\n{visible(comparable.name)}: {questions(comparable)}", style="bold"))
        _print_set(board, comparable, console)
    print_view(views.lineage(board), console)
    for row in board.submissions:
        told = f"{row.status:9} {short(row.id, NAME_WIDTH * 2)}" + (f": {visible(row.why)}" if row.why else "")
        console.print(Text(told, style=VERDICTS[row.status]))
    for note in board.notes:
        console.print(Text(f"note: {visible(note)}", style="yellow"))
    for sentence in headline(board):
        console.print(Text(visible(sentence), style="bold"))


def _print_set(board: Board, comparable: ComparableSet, console: Console) -> None:
    systems = _leading(board, comparable)
    if len(systems) < len(comparable.systems):
        console.print(_left_out(systems, comparable), style="yellow")
    print_view(views.arms(board, comparable, systems), console, heading=False)
    _print_remarks([row for row in board.arms if row.set == comparable.name and row.system in systems], console)
    _print_comparisons(board, comparable, systems, console)
    print_view(views.rounds(board, comparable), console)
    print_view(views.training(board, comparable), console)
    print_view(views.curve(board, comparable, systems), console)
    _print_map(views.flaw_map(board, comparable, systems), console)
    print_view(views.measures(board, comparable, systems), console)
    print_view(views.cost(board, comparable, systems), console)


def _left_out(systems: list[str], comparable: ComparableSet) -> str:
    """Which systems are shown."""
    if systems == views.without_twins(comparable, comparable.systems):
        return f"{len(systems)} of {len(comparable.systems):,} systems, the greedy twins left out; the page shows all"
    return f"the {len(systems)} best of {len(comparable.systems):,} systems; the page shows all"


def _leading(board: Board, comparable: ComparableSet) -> list[str]:
    """All where they are few, else without greedy twins, and of many such those that are best in any arm."""
    if len(comparable.systems) <= MAX_SYSTEMS:
        return list(comparable.systems)
    best: dict[str, float] = {}
    for row in board.arms:
        if row.set == comparable.name:
            best[row.system] = max(row.accuracy, best.get(row.system, 0.0))
    sampled = views.without_twins(comparable, comparable.systems)
    leading = sorted(sampled, key=lambda system: -best.get(system, 0.0))[:MAX_SYSTEMS]
    return [system for system in comparable.systems if system in leading]


def print_view(view: View, console: Console, heading: bool = True) -> None:
    """One table, its first column said once and a blank line before the next name; nothing where it has no rows."""
    if not view.rows:
        return
    if heading:
        console.print(Text(f"\n{visible(view.heading)}", style="bold"))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), header_style="bold")
    for place, column in enumerate(view.columns):
        # A long name goes on below: cut off, a control would look like its greedy twin.
        justify: Literal["left", "right"] = "left" if place < view.num_names else "right"
        head = Text(short(column, NAME_WIDTH))
        table.add_column(head, justify=justify, no_wrap=0 < place < view.num_names, overflow="fold")
    last = ""
    for row in view.rows:
        if view.num_names > 1 and last and row[0] != last:
            table.add_section()
        name = "" if view.num_names > 1 and row[0] == last else short(row[0], NAME_WIDTH)
        table.add_row(Text(name), *(Text(short(cell, NAME_WIDTH)) for cell in row[1:]))
        last = row[0]
    console.print(table)
    if view.remark:
        console.print(Text(visible(view.remark), style="dim"))


def _print_map(view: View, console: Console) -> None:
    """The heat map, a few systems at a time."""
    for start in range(1, len(view.columns), MAP_SYSTEMS):
        part = slice(start, start + MAP_SYSTEMS)
        rows = [(row[0], *row[part]) for row in view.rows]
        print_view(view._replace(columns=(view.columns[0], *view.columns[part]), rows=rows), console, start == 1)


def _print_remarks(rows: list[ArmRow], console: Console) -> None:
    """What the figures of single arms hide, system by system."""
    guessing = {row: "" for row in rows if row.above_chance is False}
    _print_remark("not above chance", guessing, console, "yellow")
    for column, words in COUNTS.items():
        counts = {row: f" {getattr(row, column):,} of {row.n:,}" for row in rows if getattr(row, column)}
        if column == "likely":
            counts = {row: f"{counted}, sure alone {percent(row.sure_accuracy)}" for row, counted in counts.items()}
        if column == "cut_off":
            counts = {row: counted + _finished(row) for row, counted in counts.items()}
        _print_remark(words, counts, console)
    if any(not told.startswith("json ") for row in rows for told in row.dialects):
        laid_out = {row: f" {' '.join(row.dialects)}" for row in rows if row.dialects}
        _print_remark("dialects of the paths", laid_out, console)
    for row in rows:
        if warning := cut_warning(row.arm, row.cut_off, row.n):
            console.print(Text(f"warning: {short(row.system, NAME_WIDTH)}: {warning}", style="yellow"))


def _finished(row: ArmRow) -> str:
    """What the replies that were not cut off say, and between what accuracy may lie."""
    thought = f", {row.cut_in_thought:,} of them in thought" if row.cut_in_thought else ""
    if row.if_cut_wrong is None or row.if_cut_right is None:
        return thought
    among = row.finished_accuracy
    finished = (
        "" if among is None else f", {percent(among, row.finished_low, row.finished_high)} % of the finished right"
    )
    return f"{thought}{finished}, {percent(row.if_cut_wrong)}-{percent(row.if_cut_right)} % if all cut wrong-right"


def _print_remark(words: str, details: dict[ArmRow, str], console: Console, style: str = "") -> None:
    by_system: dict[str, list[str]] = {}
    for row, detail in details.items():
        by_system.setdefault(short(row.system, NAME_WIDTH), []).append(row.arm + detail)
    if by_system:
        systems = "; ".join(f"{system}: {', '.join(arms)}" for system, arms in by_system.items())
        console.print(Text(f"{words}: {systems}", style=style))


def _print_comparisons(board: Board, comparable: ComparableSet, systems: list[str], console: Console) -> None:
    for family, caption in FAMILIES.items():
        rows = [row for row in board.comparisons if row.set == comparable.name and row.family == family]
        sizes = {row.n for row in rows}
        shared = f"n = {rows[0].n:,}, " if len(sizes) == 1 else ""
        rows = [row for row in rows if row.b.rpartition(": ")[0] in systems or row.b in systems]
        if not rows:
            continue
        heading = f"\n{caption} ({shared}p Holm-adjusted; ▲ higher, ▼ lower, = not shown to differ)"
        console.print(Text(heading, style="bold"))
        if any(row.family_size > 1 for row in rows):
            console.print(Text(views.FAMILY, style="dim"))
        for row in rows:
            mark = (views.MARKS[row.outcome], STYLES[row.outcome])
            sentence = visible(row.sentence).replace(f", n = {row.n:,}, p", ", p") if shared else visible(row.sentence)
            if len(sentence) > console.width - 2:  # its figures on a line of their own
                sentence = ":\n    ".join(sentence.rsplit(": ", 1))
            console.print(Text.assemble(mark, " ", sentence))
