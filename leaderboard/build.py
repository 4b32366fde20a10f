"""`leaderboard build`: evaluation folders in, `board.json`, `index.html` and its figures out.

Figures need the `plots` extra; without it the board and the page are made all the same, and say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from insightv_bench.errors import MissingExtra, RunError
from insightv_bench.stages import Context

from .board import Board, Sets, Sources, load_board
from .board import compute as compute
from .figures import draw_figures
from .page import write_page
from .submissions import collect
from .tables import write_files


def leaderboard(context: Context) -> None:
    """The last stage of a run, every system's evaluation on one board. Inputs: the evaluations."""
    board = build(list(context.inputs.values()), context.folder, f"{context.recipe.name}, seed {context.seed}")
    context.totals["notes"] = list(board.notes)


def build(sources: Sequence[Path] | Sources, out: Path, title: str, notes: Sequence[str] = ()) -> Board:
    """Read the rows of the sources, folders with `notes` on them or what `collect` found, and write `out/board.json`,
    its tables and the page (see `page`).

    Raises RunError where a folder holds no evaluation rows, or `out` cannot be written.
    """
    sources = sources if isinstance(sources, Sources) else Sources(sources, notes=notes)
    board, sets = load_board(sources, title)
    try:
        return _write(board, sets, sources.every, out)
    except OSError as error:
        raise RunError(f"`{out}` cannot be written: {error.strerror or error}", "name another folder") from error


def read(results: Sequence[str], title: str = "insightv-bench") -> tuple[Board, Sets]:
    """The board over what `RESULTS` names, and its rows; writes nothing."""
    return load_board(collect(results), title)


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
