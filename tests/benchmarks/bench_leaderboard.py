"""Results to a board: how long rows take to be read, and 200 systems in 12 tasks to be compared.

The reading is set beside bare polars and pandas on the same files, which only parse them.
In seconds of the processor.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from board_rows import row
from figures import Took, Work, keep, scaled, turn_about

from insightv_bench.leaderboard.board import load_rows, split_sets
from insightv_bench.leaderboard.build import compute
from insightv_bench.leaderboard.tables.markdown import markdown

ARMS = ("direct", "reason", "reason+summary", "oracle", "flawed")


def results(folder: Path, num_systems: int, num_questions: int, tasks: int = 1) -> int:
    """Rows of every system in every arm and task, a file a system; flawed paths at three severities."""
    dice = np.random.default_rng(0)
    like = pl.DataFrame([row(0, "reason", True).model_dump()], infer_schema_length=None)
    cells = [(arm, severity) for arm in ARMS for severity in ((0.25, 0.5, 1.0) if arm == "flawed" else (0.0,))]
    num = num_questions * len(cells) * tasks
    arm, severity = (np.tile(np.repeat(list(column), num_questions), tasks) for column in zip(*cells, strict=True))
    asked = np.tile(np.char.add("q", np.arange(num_questions).astype(str)), len(cells) * tasks)
    for system in range(num_systems):
        right = dice.random(num) < 0.3 + 0.5 * system / num_systems
        frame = pl.concat([like] * num).with_columns(
            system=pl.lit(f"system-{system:03d}"),
            arm=pl.Series(arm),
            severity=pl.Series(severity),
            flaw=pl.when(pl.Series(severity) > 0).then(pl.lit("perception")).otherwise(pl.lit("none")),
            planted_answer=pl.when(pl.Series(severity) > 0).then(pl.lit("9")).otherwise(pl.lit("")),
            prompt=pl.Series(arm) + pl.lit("@1"),
            task=pl.Series(np.repeat([f"task-{n:02d}" for n in range(tasks)], num // tasks)),
            question_id=pl.Series(asked),
            correct=pl.Series(right),
            answer=pl.when(pl.Series(right)).then(pl.lit("7")).otherwise(pl.lit("9")),
        )
        (folder / f"eval-{system}").mkdir(parents=True)
        frame.write_parquet(folder / f"eval-{system}" / "data-00000.parquet")
    return num * num_systems


def took(function: object, *arguments: object) -> tuple[float, float, object]:
    """Wall and processor seconds, and what it gave."""
    wall, cpu = time.perf_counter(), time.process_time()
    made = function(*arguments)  # type: ignore[operator]
    return time.perf_counter() - wall, time.process_time() - cpu, made


@pytest.mark.parametrize("num_questions", scaled(179, 1_790, 8_950))
def test_rows_are_read(tmp_path: Path, num_questions: int) -> None:
    import pandas as pd

    num = results(tmp_path, 8, num_questions)
    ways: dict[str, Callable[[], object]] = {
        "ours": lambda: load_rows([tmp_path]),
        "bare polars": lambda: pl.read_parquet(tmp_path / "**/*.parquet"),
        "pandas": lambda: pd.concat([pd.read_parquet(file) for file in sorted(tmp_path.rglob("*.parquet"))]),
    }
    for way in ways.values():
        way()
    assert load_rows([tmp_path])[0].height == num
    turns = turn_about({name: lambda way=way: Took(took(way)[1]) for name, way in ways.items()})
    keep(Work("leaderboard load", num, "rows", "s"), turns.pop("ours"), turns)


@pytest.mark.parametrize(("num_systems", "tasks", "num_questions"), [(12, 1, 1000), (200, 12, 50)])
def test_boards_are_computed(tmp_path: Path, num_systems: int, tasks: int, num_questions: int) -> None:
    num = results(tmp_path, num_systems, num_questions, tasks)
    read = took(load_rows, [tmp_path])
    split = took(split_sets, read[2][0])  # type: ignore[index]
    board = took(compute, split[2][0], [], "A board")  # type: ignore[index]
    text = took(markdown, board[2])
    parts = zip(("read", "split", "compute", "markdown"), (read, split, board, text), strict=True)
    told = ", ".join(f"{name} {wall:.1f} s ({cpu:.1f} s processor)" for name, (wall, cpu, _) in parts)
    print(f"\n{num_systems} systems, {tasks} tasks, {num:,} rows: {told}")
