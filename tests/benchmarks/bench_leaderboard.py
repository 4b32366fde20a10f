"""Results to a board: how long 10,000 rows take to be read, and 200 systems in 12 tasks to be compared.

The reading is set beside bare polars on the same files, which only parses them.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from board_rows import row

from insightv_bench.leaderboard import rows, sets
from insightv_bench.leaderboard.build import compute
from insightv_bench.leaderboard.markdown import markdown

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


def test_ten_thousand_rows_are_read(tmp_path: Path) -> None:
    num = results(tmp_path, 8, 179)
    bare_wall, bare_cpu, _ = took(lambda: pl.read_parquet(tmp_path / "**/*.parquet").height)
    wall, cpu, (frame, _) = took(rows.load, [tmp_path])  # type: ignore[misc]
    assert frame.height == num > 10_000
    print(f"\n{num:,} rows: {wall:.2f} s wall, {cpu:.2f} s processor; bare polars {bare_wall:.2f} s, {bare_cpu:.2f} s")


@pytest.mark.parametrize(("num_systems", "tasks", "num_questions"), [(12, 1, 1000), (200, 12, 50)])
def test_boards_are_computed(tmp_path: Path, num_systems: int, tasks: int, num_questions: int) -> None:
    num = results(tmp_path, num_systems, num_questions, tasks)
    read = took(rows.load, [tmp_path])
    split = took(sets.split, read[2][0])  # type: ignore[index]
    board = took(compute, split[2][0], [], "A board")  # type: ignore[index]
    text = took(markdown, board[2])
    parts = zip(("read", "split", "compute", "markdown"), (read, split, board, text), strict=True)
    told = ", ".join(f"{name} {wall:.1f} s ({cpu:.1f} s processor)" for name, (wall, cpu, _) in parts)
    print(f"\n{num_systems} systems, {tasks} tasks, {num:,} rows: {told}")
