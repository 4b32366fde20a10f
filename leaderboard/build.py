"""`leaderboard build`: evaluation folders in, `board.json`, `index.html` and its figures out.

Figures need the `plots` extra; without it the board and the page are made all the same, and say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from insightv_bench import tables
from insightv_bench.errors import MissingExtra, RunError

from . import figures, page, rows, sets
from .arms import arm_rows
from .board import Board, ComparableSet
from .comparisons import comparison_rows
from .robustness import measure_rows, robustness_rows

Found = list[tuple[ComparableSet, pl.DataFrame]]


def build(eval_folders: Sequence[Path], out: Path, title: str) -> Board:
    """Read the rows under the folders, and write `out/board.json` and the page (see `page`) with `out/index.html`.

    Raises RunError where a folder holds no evaluation rows, or `out` cannot be written.
    """
    frame, notes = rows.load(eval_folders)
    found, apart = sets.split(frame)
    board = compute(found, [*notes, *apart], title)
    try:
        return _write(board, found, eval_folders, out)
    except OSError as error:
        raise RunError(f"`{out}` cannot be written: {error.strerror or error}", "name another folder") from error


def compute(found: Found, notes: Sequence[str], title: str) -> Board:
    """Every figure of the board; writes nothing."""
    return Board(
        title=title,
        notes=tuple(notes),
        sets=tuple(comparable for comparable, _ in found),
        arms=tuple(row for one in found for row in arm_rows(*one)),
        comparisons=tuple(row for one in found for row in comparison_rows(*one)),
        robustness=tuple(row for one in found for row in robustness_rows(*one)),
        measures=tuple(row for one in found for row in measure_rows(*one)),
    )


def _write(board: Board, found: Found, eval_folders: Sequence[Path], out: Path) -> Board:
    out.mkdir(parents=True, exist_ok=True)
    try:
        drawn = figures.draw(board, out / "figures")
    except MissingExtra as error:
        drawn = []
        board = board.model_copy(update={"notes": (*board.notes, f"The figures were left out: {error.fact}.")})
    tables.write_text(out / "board.json", board.model_dump_json(indent=1) + "\n")
    page.write(out, board, found, drawn, eval_folders)
    return board
