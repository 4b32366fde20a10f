"""Traces of step-by-step reasoning whose steps are labelled: JSON lines, `.gz` too, of any set in `step_sets`.

A line that is no such row is an error that names it: a benchmark with rows left out is another benchmark.
"""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path as File
from typing import Any

from insightv_bench.errors import SourceError
from insightv_bench.records import content_id
from insightv_bench.storage import first_line

from ..sources import Folder
from .step_sets import Trace, trace_of


def read_traces(file: File, limit: int | None = None, seed: int = 0, images: bool = True) -> list[Trace]:
    """All of them, or `limit` in equal shares of their tasks, drawn by seed. `images`: read those that the rows name
    beside the file. Raises SourceError."""
    beside = Folder(file.parent)
    traces = [trace_of(row, f"`{file}`, line {number}", beside, images) for number, row in enumerate(_lines(file), 1)]
    if not traces:
        raise SourceError(f"`{file}` holds no traces")
    return traces if limit is None else _in_shares(traces, limit, seed)


def _lines(file: File) -> Iterator[Any]:
    try:
        with (gzip.open if file.suffix == ".gz" else open)(file, "rt", encoding="utf-8") as handle:
            lines = handle.readlines()
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise SourceError(f"`{file}` cannot be read: {error}") from error
    for number, line in enumerate(lines, 1):
        try:
            yield json.loads(line)
        except (json.JSONDecodeError, RecursionError) as error:
            raise SourceError(f"`{file}`, line {number}, is no JSON: {first_line(error)}") from error


def _in_shares(traces: Iterable[Trace], limit: int, seed: int) -> list[Trace]:
    """Round and round the tasks, each one's rows in an order by seed."""
    by_task: dict[str, list[Trace]] = defaultdict(list)
    for trace in sorted(traces, key=lambda trace: content_id(seed, trace.question.id)):
        by_task[trace.question.kind].append(trace)
    rounds = [(place, task) for task, rows in by_task.items() for place in range(len(rows))]
    return [by_task[task][place] for place, task in sorted(rounds)[:limit]]
