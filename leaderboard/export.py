"""The board's figures as files that other programs read: `board.json`, `board.md`, and parquet, one file a table."""

from __future__ import annotations

from pathlib import Path

from insightv_bench import tables
from insightv_bench.records import Record

from . import board as board_module
from .board import Board
from .markdown import markdown

TABLES: dict[str, type[Record]] = {
    "arms": board_module.ArmRow,
    "comparisons": board_module.ComparisonRow,
    "robustness": board_module.RobustnessRow,
    "measures": board_module.MeasureRow,
    "averages": board_module.AverageRow,
    "rounds": board_module.RoundRow,
    "flaws": board_module.FlawRow,
    "lineage": board_module.LineageRow,
}
"""Field of `Board` -> its rows."""
FOLDER = "tables"


def write_files(board: Board, out: Path) -> None:
    """`out/board.json`, `out/board.md` and `out/tables/<table>.parquet`; an empty table has its columns too."""
    (out / FOLDER).mkdir(parents=True, exist_ok=True)
    for name, record in TABLES.items():
        tables.write_file(out / FOLDER / f"{name}.parquet", getattr(board, name), record)
    tables.write_text(out / "board.md", markdown(board))
    tables.write_text(out / "board.json", board.model_dump_json(indent=1) + "\n")
