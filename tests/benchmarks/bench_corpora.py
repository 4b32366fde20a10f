"""Scored paths to every corpus's index: ours against the same with `datasets` map and filter, both printed.

8M rows are 1M questions with 8 scored paths each; the `datasets` side runs at a smaller size, stated beside it, and
both run at that size in one process for the ratio. A process of its own tells the most memory that ours takes.
"""

from __future__ import annotations

import hashlib
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from insightv_bench.builders import selection
from insightv_bench.settings import CorporaSettings, PairsSettings

NUM_PATHS = 8
NUM_QUESTIONS = int(os.environ.get("BENCH_QUESTIONS", 1_000_000))
NUM_SMALL = int(os.environ.get("BENCH_SMALL", 10_000))
"""Questions for the comparison with `datasets`."""
CORPORA = CorporaSettings(
    max_paths_per_question=2, flawed_from=("sampled",), flawed_shares={"mid": 1, "low": 1, "wrong": 2}
)
PAIRS = PairsSettings(per_question=2)
SUMMARY_NUM = 1_200_000


def make_scored(file: Path, num_questions: int) -> None:
    """Synthetic metadata of scored paths: one in five wrong, one in fifty unscored or unfinished, some texts twice."""
    random_ = np.random.default_rng(0)
    num = num_questions * NUM_PATHS
    correct, luck = random_.random(num) < 0.8, random_.random(num)
    text = random_.integers(0, 2**63, num, dtype=np.uint64)
    text[1::9] = text[0:-1:9]
    ids = [hashlib.md5(place.to_bytes(8, "little")).hexdigest()[:16] for place in range(num)]
    frame = pl.DataFrame(
        {
            "question": np.repeat(np.arange(num_questions, dtype=np.uint32), NUM_PATHS),
            "path": np.arange(num, dtype=np.uint32),
            "path_id": ids,
            "status": np.where(luck < 0.02, "max_steps", "complete"),
            "text": text,
            "normal": text,
            "silent": luck < 0.001,
            "order": random_.integers(0, 2**63, num, dtype=np.uint64),
            "assessment": np.arange(num, dtype=np.uint32),
            "correct": correct,
            "score": random_.integers(1, 101, num),
        }
    )
    frame.with_columns(score=pl.when(pl.col("correct") & (pl.Series(luck) < 0.98)).then("score")).write_parquet(file)


def settings_for(num_questions: int) -> CorporaSettings:
    return CORPORA.model_copy(update={"summary_num": max(1, SUMMARY_NUM * num_questions // 1_000_000)})


def ours(file: Path, num_questions: int) -> dict[str, pl.DataFrame]:
    scored, settings = pl.scan_parquet(file), settings_for(num_questions)
    ranked = selection.best_first(scored).collect().lazy()
    found = {"reasoning": selection.reasoning(ranked, settings).filter(pl.col("reason") == "").collect()}
    found["preference"] = selection.pairs(ranked, PAIRS).collect()
    found["unpaired"] = selection.unpaired(scored, found["preference"].lazy(), PAIRS).collect()
    for name, candidates, num in pools(settings):
        found[name] = selection.first_of_each(candidates(scored), num).collect()
    return found


def pools(settings: CorporaSettings) -> Iterator[tuple[str, Callable[[pl.LazyFrame], pl.LazyFrame], int]]:
    """The parts of the summary corpus that are made of paths."""
    num = settings.summary_num
    yield "optimal", lambda scored: selection.optimal(scored, settings), round(0.3 * num)
    total = sum(settings.flawed_shares.values())
    for name, share in settings.flawed_shares.items():
        yield (
            name,
            lambda scored, n=name: selection.fallible(scored, settings).filter(pl.col("range") == n),
            round(0.3 * num * share / total),
        )
    for verdict in (True, False):
        yield (
            f"agent-{verdict}",
            lambda scored, v=verdict: selection.agents(scored, settings).filter(pl.col("correct") == v),
            round(0.1 * num),
        )


def theirs(file: Path, num_questions: int) -> dict[str, list[Any]]:
    """The same corpora with `map` and `filter`, a question a row where its paths have to be compared."""
    import datasets

    datasets.disable_progress_bars()
    settings = settings_for(num_questions)
    rows = datasets.Dataset.from_parquet(str(file), cache_dir=str(file.parent / "cache"))
    rows = rows.map(lambda row: {"range": range_of(row, settings)})
    grouped = rows.map(group, batched=True, batch_size=NUM_PATHS * 128, remove_columns=rows.column_names)
    kept = grouped.map(lambda row: {"kept": best_paths(row, settings)})
    paired = grouped.map(lambda row: {"pairs": pairs_of(row)})
    found = {
        "reasoning": [path for row in kept.filter(lambda row: bool(row["kept"]))["kept"] for path in row],
        "preference": [tuple(pair) for row in paired.filter(lambda row: bool(row["pairs"]))["pairs"] for pair in row],
        "unpaired": paired.filter(lambda row: not row["pairs"])["question"],
    }
    for name, keep, num in their_pools(settings):
        part = rows.filter(keep).sort("order")
        found[name] = distinct(part["path"], part["order"], num)
    return found


def distinct(paths: Any, orders: Any, num: int) -> list[int]:
    first: dict[int, int] = {}
    for path, order in zip(paths, orders, strict=True):
        first.setdefault(order, path)
    return list(first.values())[:num]


def their_pools(settings: CorporaSettings) -> Iterator[tuple[str, Callable[[dict[str, Any]], bool], int]]:
    sizes = {name: num for name, _, num in pools(settings)}
    yield "optimal", lambda row: row["status"] == "complete" and row["range"] == "high", sizes["optimal"]
    for name in settings.flawed_shares:
        yield name, lambda row, n=name: row["range"] == n and row["status"] != "malformed", sizes[name]
    for verdict in (True, False):
        yield (
            f"agent-{verdict}",
            lambda row, v=verdict: row["correct"] == v and not row["silent"],
            sizes[f"agent-{verdict}"],
        )


def range_of(row: dict[str, Any], settings: CorporaSettings) -> str:
    if not row["correct"]:
        return "wrong" if row["correct"] is False else "unknown"
    if row["score"] is None:
        return "unscored"
    return "high" if row["score"] >= settings.high else "mid" if row["score"] >= settings.mid else "low"


def group(batch: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Rows of one question lie side by side, and batches hold whole questions."""
    names = list(batch)
    groups: dict[int, list[dict[str, Any]]] = {}
    for values in zip(*batch.values(), strict=True):
        row = dict(zip(names, values, strict=True))
        groups.setdefault(row["question"], []).append(row)
    return {"question": list(groups), "paths": list(groups.values())}


def ranked(paths: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(paths, key=lambda path: (-(path["score"] or 0), path["path_id"]))


def best_paths(row: dict[str, Any], settings: CorporaSettings) -> list[int]:
    kept: dict[int, int] = {}
    for path in ranked(row["paths"]):
        high = path["status"] == "complete" and path["range"] == "high"
        if high and len(kept) < settings.max_paths_per_question:
            kept.setdefault(path["text"], path["path"])
    return list(kept.values())


def pairs_of(row: dict[str, Any]) -> list[list[int]]:
    rows = ranked(row["paths"])
    right = [path for path in rows if path["correct"] and path["status"] == "complete"]
    wrong = [path for path in rows if path["correct"] is False]
    good = [path for path in right if path["score"] is None or path["score"] >= PAIRS.min_chosen]
    made = [pair for pair in zip(good, wrong, strict=False) if pair[0]["normal"] != pair[1]["normal"]]
    for a, b in zip(good, reversed(right), strict=False):
        scored = a["score"] is not None and b["score"] is not None
        if scored and a["score"] - b["score"] >= PAIRS.min_margin and a["normal"] != b["normal"]:
            made.append((a, b))
    return [[a["path"], b["path"]] for a, b in made[: PAIRS.per_question]]


def test_all_indexes_against_datasets(tmp_path: Path) -> None:
    small, large = tmp_path / "small.parquet", tmp_path / "large.parquet"
    make_scored(small, NUM_SMALL)
    started = time.perf_counter()
    mine = ours(small, NUM_SMALL)
    own = time.perf_counter() - started
    started = time.perf_counter()
    others = theirs(small, NUM_SMALL)
    other = time.perf_counter() - started
    assert_same(mine, others)
    num = NUM_SMALL * NUM_PATHS
    print(f"\n{num:,} rows, the same indexes: datasets {other:.1f} s, ours {own:.2f} s: {other / own:.0f} times faster")
    make_scored(large, NUM_QUESTIONS)
    run = [sys.executable, __file__, str(large), str(NUM_QUESTIONS)]
    print(subprocess.run(run, check=True, capture_output=True, text=True).stdout.strip())


def assert_same(mine: dict[str, pl.DataFrame], others: dict[str, list[Any]]) -> None:
    assert mine["reasoning"]["path"].to_list() == others["reasoning"]
    assert mine["preference"].select("chosen", "rejected").rows() == others["preference"]
    assert mine["unpaired"]["question"].to_list() == list(others["unpaired"])
    for name, _, _ in pools(CORPORA):
        assert mine[name]["path"].to_list() == others[name], name


def main(file: Path, num_questions: int) -> None:
    started = time.perf_counter()
    found = ours(file, num_questions)
    seconds, cpu = time.perf_counter() - started, time.process_time()
    gigabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"{num_questions * NUM_PATHS:,} rows: {seconds:.1f} s ({cpu:.1f} s of CPU, start included), {gigabytes:.1f} GB"
    )
    print(", ".join(f"{name} {frame.height:,}" for name, frame in found.items()))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
