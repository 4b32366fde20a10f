"""Scored paths to every corpus's index, as anyone would write it with `datasets` map and filter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from scored_rows import NUM_PATHS, PAIRS, settings_for, wanted

from insightv_bench.settings import CorporaSettings


def indexes(file: Path, num_questions: int) -> dict[str, list[Any]]:
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
    for name, keep, num in pools(settings):
        part = rows.filter(keep).sort("order")
        found[name] = distinct(part["path"], part["order"], num)
    return found


def distinct(paths: Any, orders: Any, num: int) -> list[int]:
    first: dict[int, int] = {}
    for path, order in zip(paths, orders, strict=True):
        first.setdefault(order, path)
    return list(first.values())[:num]


def pools(settings: CorporaSettings) -> Iterator[tuple[str, Callable[[dict[str, Any]], bool], int]]:
    sizes = wanted(settings)
    yield "optimal", lambda row: row["status"] == "complete" and row["range"] == "high", sizes["optimal"]
    for name in settings.flawed_shares:
        yield name, lambda row, n=name: row["range"] == n and row["status"] != "malformed", sizes[name]
    for verdict in (True, False):
        name = f"agent-{verdict}"
        yield name, lambda row, v=verdict: row["correct"] == v and not row["silent"], sizes[name]


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
