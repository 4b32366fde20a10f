"""Traces of step-by-step reasoning whose first wrong step is labelled: JSON lines, `.gz` too.

A row is `{"id", "task", "input", "steps": [text, ...], "mistake_index": 0-based or null}`, as in BIG-Bench-Mistake
(arXiv 2311.08516); `target` and `answer` are read where they are there. A line that is no such row is an error that
names it: a benchmark with rows left out is another benchmark.
"""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path as File
from typing import Any, NamedTuple

from insightv_bench.errors import SourceError
from insightv_bench.records import Question, Step, content_id
from insightv_bench.storage import first_line


class Trace(NamedTuple):
    question: Question
    steps: tuple[Step, ...]
    first_wrong: int | None
    """0-based; None: every step is right."""
    answer_right: bool


def read_traces(file: File, limit: int | None = None, seed: int = 0) -> list[Trace]:
    """All of them, or `limit` in equal shares of their tasks, drawn by seed. Raises SourceError."""
    traces = [_trace(row, f"`{file}`, line {number}") for number, row in enumerate(_lines(file), 1)]
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


def _trace(row: Any, place: str) -> Trace:
    steps, mistake = (row.get("steps"), row.get("mistake_index")) if isinstance(row, dict) else (None, None)
    if not isinstance(steps, list) or not steps or not all(isinstance(step, str) for step in steps):
        raise SourceError(f"{place}, is no trace: `steps` must be a list of texts", "see `builders.traces`")
    if not isinstance(row.get("input"), str) or "mistake_index" not in row:
        raise SourceError(f"{place}, is no trace: `input` and `mistake_index` are needed", "see `builders.traces`")
    if mistake is not None and not (type(mistake) is int and 0 <= mistake < len(steps)):
        raise SourceError(f"{place}: `mistake_index` must be null or 0 to {len(steps) - 1}; it is `{mistake!r:.40}`")
    path = [Step(summary="", reasoning=text, action="continue") for text in steps]
    path[-1] = path[-1].model_copy(update={"action": "summary"})
    right = "answer" in row and row["answer"] == row.get("target")
    return Trace(_question(row), tuple(path), mistake, right)


def _question(row: dict[str, Any]) -> Question:
    task = str(row.get("task", ""))
    return Question(
        id=content_id(task, row["input"]),
        question=row["input"],
        answer=str(row.get("target", "")),
        answer_type="text",
        source="traces",
        source_revision="",
        source_license="",
        kind=task,
    )


def _in_shares(traces: Iterable[Trace], limit: int, seed: int) -> list[Trace]:
    """Round and round the tasks, each one's rows in an order by seed."""
    by_task: dict[str, list[Trace]] = defaultdict(list)
    for trace in sorted(traces, key=lambda trace: content_id(seed, trace.question.id)):
        by_task[trace.question.kind].append(trace)
    rounds = [(place, task) for task, rows in by_task.items() for place in range(len(rows))]
    return [by_task[task][place] for place, task in sorted(rounds)[:limit]]
