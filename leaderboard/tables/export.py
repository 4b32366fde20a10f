"""The board's figures as files that other programs read: `board.json`, `board.md`, and parquet, one file a table."""

from __future__ import annotations

from pathlib import Path

from insightv_bench.records import Record
from insightv_bench.storage import write_file, write_text

from ..board import ArmRow, AverageRow, Board, ComparisonRow, FlawRow, LineageRow, MeasureRow, RobustnessRow, RoundRow
from .markdown import markdown

TABLES: dict[str, type[Record]] = {
    "arms": ArmRow,
    "comparisons": ComparisonRow,
    "robustness": RobustnessRow,
    "measures": MeasureRow,
    "averages": AverageRow,
    "rounds": RoundRow,
    "flaws": FlawRow,
    "lineage": LineageRow,
}
"""Field of `Board` -> its rows."""
FOLDER = "tables"


def write_files(board: Board, out: Path) -> None:
    """`out/board.json`, `out/board.md` and `out/tables/<table>.parquet`; an empty table has its columns too."""
    (out / FOLDER).mkdir(parents=True, exist_ok=True)
    for name, record in TABLES.items():
        write_file(out / FOLDER / f"{name}.parquet", getattr(board, name), record)
    write_text(out / "board.md", markdown(board))
    write_text(out / "board.json", board.model_dump_json(indent=1) + "\n")
