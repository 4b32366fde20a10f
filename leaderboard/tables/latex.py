"""The board for a paper: LaTeX in booktabs' form, and a CSV of one row a system. Computes no figure."""

from __future__ import annotations

import csv
import io
import re

from insightv_bench.escape import visible
from insightv_bench.statistics import NONE, percent

from ..board import ARMS, ArmRow, Board, ComparableSet

SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
}
PER_ARM = ("accuracy", "low", "high", "n", "unread", "rank_best", "rank_worst")
FORMULA = re.compile(r"^[=+\-@\t\r]")
"""How a cell begins that a spreadsheet would run."""


def escape(text: str) -> str:
    return "".join(SPECIAL.get(character, character) for character in " ".join(visible(text).split()))


def latex(board: Board) -> str:
    """A table a comparable set: accuracy with its interval, and bold those that no other was found better than."""
    return "\n\n".join(_table(board, comparable) for comparable in board.sets) + "\n"


def _table(board: Board, comparable: ComparableSet) -> str:
    cells = {(row.system, row.arm): row for row in board.arms if row.set == comparable.name}
    arms = [arm for arm in ARMS if any(own == arm for _, own in cells)]
    alone = {arm for arm in arms if sum(own == arm for _, own in cells) == 1}
    lines = [
        f"{escape(system)} & {' & '.join(_cell(cells.get((system, arm)), arm in alone) for arm in arms)} \\\\"
        for system in comparable.systems
    ]
    heads = " & ".join(["system", *(escape(arm) for arm in arms)])
    caption = (
        f"Accuracy (\\%) with 95 \\% intervals on {comparable.num_questions:,} questions of {escape(comparable.task)}"
    )
    return "\n".join(
        [
            "% needs \\usepackage{booktabs}",
            "\\begin{table}",
            "\\centering",
            f"\\caption{{{caption}; bold: no system was found better (paired tests, Holm-adjusted).}}",
            f"\\begin{{tabular}}{{l{'r' * len(arms)}}}",
            "\\toprule",
            f"{heads} \\\\",
            "\\midrule",
            *lines,
            "\\bottomrule",
            "\\end{tabular}",
            "\\end{table}",
        ]
    )


def _cell(row: ArmRow | None, is_alone: bool) -> str:
    if row is None:
        return "--"
    value = percent(row.accuracy)
    shown = f"\\textbf{{{value}}}" if row.rank_best == 1 and not is_alone else value
    return f"{shown} {{\\scriptsize [{percent(row.low)}, {percent(row.high)}]}}".replace(NONE, "--")


def as_csv(board: Board) -> str:
    """One row a system and set; shares are 0-1, a cell is empty where there is nothing."""
    arms = [arm for arm in ARMS if any(row.arm == arm for row in board.arms)]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    head = ["set", "system", "base", "round", *(f"{arm} {name}" for arm in arms for name in PER_ARM)]
    writer.writerow(head)
    cells = {(row.set, row.system, row.arm): row for row in board.arms}
    for comparable in board.sets:
        for system in comparable.systems:
            own = [cells.get((comparable.name, system, arm)) for arm in arms]
            first = next(row for row in own if row)
            figures = ["" if row is None else getattr(row, name) for row in own for name in PER_ARM]
            writer.writerow([*map(_inert, (comparable.name, system, first.base)), first.round, *figures])
    return buffer.getvalue()


def _inert(text: str) -> str:
    shown = visible(text)
    return f"'{shown}" if FORMULA.match(shown) else shown
