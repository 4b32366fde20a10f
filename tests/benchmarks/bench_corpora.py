"""Scored paths to every corpus's index: ours, beside bare polars, pandas, and `datasets` map and filter.

    python -m pytest tests/benchmarks/bench_corpora.py -s
    BENCH_ROWS=1000000,5000000,20000000,50000000 python -m pytest tests/benchmarks/bench_corpora.py -s

Bare polars reads the file and sorts it once by question and score, all in memory: what any selection begins with. Each
way has a process of its own, which tells its peak memory. The indexes are compared, pandas' and those of `datasets` at
10,000 questions. The last size is held against 5M rows: a row is to cost 1.2 of that at most, and the peak to stay
below 6 GB.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import corpora_datasets
import corpora_pandas
import polars as pl
import pytest
from figures import Took, Work, keep, scaled, turn_about
from processes import child
from scored_rows import NUM_PATHS, PAIRS, make_scored, settings_for, wanted

from insightv_bench.builders.corpora import blocks, selection
from insightv_bench.settings import CorporaSettings

ROWS = scaled(*map(int, os.environ.get("BENCH_ROWS", "1000000,5000000,20000000").split(",")))
IN_MEMORY = 5_000_000
"""Bare polars and pandas stop at so many rows: they hold all of them several times."""
(WITH_DATASETS,) = scaled(80_000)
(A_ROW_FROM,), MOST_A_ROW, MOST_MB = scaled(5_000_000), 1.2, 6_000
AREA, BARE = "corpora", "bare polars: read and sort"


def ours(file: Path, num_questions: int) -> dict[str, pl.DataFrame]:
    scored, settings = pl.scan_parquet(file), settings_for(num_questions)
    kept = [index.filter(pl.col("reason") == "") for index in blocks.reasoning(scored, settings)]
    pairs = blocks.pairs(scored, PAIRS)
    found = {"reasoning": pl.concat(kept), "preference": pairs.made, "unpaired": pairs.left}
    sizes = wanted(settings)
    for name, choose in pools(settings):
        found[name] = blocks.draw(blocks.candidates(scored, choose), sizes[name])
    return found


def pools(settings: CorporaSettings) -> Iterator[tuple[str, Callable[[pl.LazyFrame], pl.LazyFrame]]]:
    """The parts of the summary corpus that are made of paths."""
    yield "optimal", lambda scored: selection.optimal(scored, settings)
    for name in settings.flawed_shares:
        yield name, lambda scored, n=name: selection.fallible(scored, settings).filter(pl.col("range") == n)
    for verdict in (True, False):
        yield (
            f"agent-{verdict}",
            lambda scored, v=verdict: selection.agents(scored, settings).filter(pl.col("correct") == v),
        )


def bare(file: Path, num_questions: int) -> None:
    pl.scan_parquet(file).sort(
        "question", pl.col("score").fill_null(0), "path_id", descending=[False, True, False]
    ).collect()


WAYS: dict[str, Callable[[Path, int], Any]] = {
    "ours": ours,
    BARE: bare,
    "pandas": corpora_pandas.indexes,
    "datasets: map and filter": corpora_datasets.indexes,
}


def took(way: str, file: Path, num_rows: int) -> Took:
    ended = child([sys.executable, __file__, way, str(file), str(num_rows // NUM_PATHS)])
    return Took(ended.processor_s, ended.peak_mb)


def compare(folder: Path, num_rows: int, others: list[str], times: int) -> list[Took]:
    file = folder / f"{num_rows}.parquet"
    if not file.exists():
        make_scored(file, num_rows // NUM_PATHS)
    ways = {way: lambda way=way: took(way, file, num_rows) for way in ("ours", *others)}
    runs = turn_about(ways, times)
    if others:
        work = Work(AREA, num_rows, "scored paths", "s")
        keep(work, runs["ours"], {way: runs[way] for way in others}, bare=BARE)
    return runs["ours"]


def test_the_indexes_are_those_of_datasets_and_pandas(tmp_path: Path) -> None:
    num_questions = WITH_DATASETS // NUM_PATHS
    make_scored(tmp_path / f"{WITH_DATASETS}.parquet", num_questions)
    mine = ours(tmp_path / f"{WITH_DATASETS}.parquet", num_questions)
    for other in (corpora_pandas, corpora_datasets):
        others = other.indexes(tmp_path / f"{WITH_DATASETS}.parquet", num_questions)
        assert mine["preference"].select("chosen", "rejected").rows() == others["preference"]
        assert mine["unpaired"]["question"].to_list() == list(others["unpaired"])
        for name in mine.keys() - {"preference", "unpaired"}:
            assert mine[name]["path"].to_list() == others[name], (name, other.__name__)
    compare(tmp_path, WITH_DATASETS, list(WAYS)[1:], 1)


def test_a_curve_over_sizes(tmp_path: Path) -> None:
    runs = {}
    for num_rows in ROWS:
        in_memory = num_rows <= IN_MEMORY
        runs[num_rows] = compare(tmp_path, num_rows, list(WAYS)[1:3] if in_memory else [], 3 if in_memory else 1)
        least = min(run.spent for run in runs[num_rows])
        print(f"\n{num_rows:,} rows: {least:.1f} s of the processor, {1e6 * least / num_rows:.2f} us a row", end="")
        print(f", {max(run.peak_mb or 0 for run in runs[num_rows]):,.0f} MB", end="")
        (tmp_path / f"{num_rows}.parquet").unlink()
    largest = max(runs)
    if largest <= A_ROW_FROM or A_ROW_FROM not in runs:
        pytest.skip(f"a cost a row is held against that at {A_ROW_FROM:,} rows, and only {', '.join(map(str, ROWS))}")
    mine, base = ([Took(1e6 * run.spent / num, run.peak_mb) for run in runs[num]] for num in (largest, A_ROW_FROM))
    (ratio,) = keep(
        Work("corpora: a row", largest, "scored paths", "us"), mine, {"ours at 5M": base[:1]}, aim=MOST_A_ROW
    )
    assert ratio <= MOST_A_ROW and max(run.peak_mb or 0 for run in mine) < MOST_MB


if __name__ == "__main__":
    made = WAYS[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))
    print(json.dumps({name: len(index) for name, index in (made or {}).items()}))
