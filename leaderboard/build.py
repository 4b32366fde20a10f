"""`leaderboard build`: evaluation folders in, `board.json`, `index.html` and its figures out.

Figures need the `plots` extra; without it the board and the page are made all the same, and say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from insightv_bench.errors import MissingExtra, RunError
from insightv_bench.stages import Context

from .board import (
    Board,
    ComparableSet,
    arm_rows,
    average_rows,
    comparison_rows,
    find,
    flaw_rows,
    lineage_rows,
    load_rows,
    measure_rows,
    robustness_rows,
    round_rows,
    split_sets,
    with_ranks,
)
from .figures import draw_figures
from .page import write_page
from .tables import write_files

Sets = list[tuple[ComparableSet, pl.DataFrame]]


def leaderboard(context: Context) -> None:
    """The last stage of a run, every system's evaluation on one board. Inputs: the evaluations."""
    board = build(list(context.inputs.values()), context.folder, f"{context.recipe.name}, seed {context.seed}")
    context.totals["notes"] = list(board.notes)


def build(eval_folders: Sequence[Path], out: Path, title: str, notes: Sequence[str] = ()) -> Board:
    """Read the rows under the folders, and write `out/board.json`, its tables and the page (see `page`).

    Raises RunError where a folder holds no evaluation rows, or `out` cannot be written.
    """
    board, sets = load_board(eval_folders, title, notes)
    try:
        return _write(board, sets, eval_folders, out)
    except OSError as error:
        raise RunError(f"`{out}` cannot be written: {error.strerror or error}", "name another folder") from error


def read(results: Sequence[str], title: str = "insightv-bench") -> tuple[Board, Sets]:
    """The board over what `RESULTS` names, and its rows; writes nothing."""
    folders, notes = find(results)
    return load_board(folders, title, notes)


def load_board(eval_folders: Sequence[Path], title: str, notes: Sequence[str] = ()) -> tuple[Board, Sets]:
    """The board over the rows under the folders, and the rows set by set; `notes` come before its own."""
    frame, own = load_rows(eval_folders)
    sets, apart = split_sets(frame)
    return compute(sets, [*notes, *own, *apart], title), sets


def compute(sets: Sets, notes: Sequence[str], title: str) -> Board:
    """Every figure of the board; writes nothing."""
    arms = [row for one in sets for row in with_ranks(arm_rows(*one), one[1])]
    comparisons = [row for one in sets for row in comparison_rows(*one)]
    lineage = lineage_rows(pl.concat([rows.select("label", "evaluation") for _, rows in sets]))
    return Board(
        title=title,
        notes=tuple(notes),
        sets=tuple(comparable for comparable, _ in sets),
        arms=tuple(arms),
        comparisons=tuple(comparisons),
        robustness=tuple(row for one in sets for row in robustness_rows(*one)),
        measures=tuple(row for one in sets for row in measure_rows(*one)),
        averages=tuple(average_rows(sets, arms)),
        rounds=tuple(row for one in sets for row in round_rows(*one, arms, comparisons)),
        flaws=tuple(row for one in sets for row in flaw_rows(*one)),
        lineage=tuple(lineage),
    )


def _write(board: Board, sets: Sets, eval_folders: Sequence[Path], out: Path) -> Board:
    out.mkdir(parents=True, exist_ok=True)
    try:
        drawn = draw_figures(board, out / "figures")
    except MissingExtra as error:
        drawn = []
        board = board.model_copy(update={"notes": (*board.notes, f"The figures were left out: {error.fact}.")})
    write_files(board, out)
    write_page(out, board, sets, drawn, eval_folders)
    return board
