"""Rows of parquet and JSON lines files, one at a time, and images that lie beside them.

A file that cannot be read is an error; a line that cannot is a row left out. An image's path leads to a file inside
the data's folder, or to none.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple, Protocol

import polars as pl

from insightv_bench.errors import SourceError
from insightv_bench.records import content_id
from insightv_bench.settings import FileSource, ParquetSource
from insightv_bench.sources import MAX_BYTES
from insightv_bench.stages import Dropped
from insightv_bench.storage import first_line, sha256

NUM_ROWS_AT_ONCE = 64
MAX_LINE_BYTES = 256 * 1024 * 1024
NUM_ROWS_SEEN = 100
"""JSON lines say nothing of their columns beforehand: so many rows are looked at."""


class Fetched(NamedTuple):
    """A file's bytes, or why there are none."""

    content: bytes
    problem: str = ""


OUTSIDE = "image file lies outside the data's folder"


class Beside(Protocol):
    """Where images lie that a row names by path."""

    def fetch(self, path: str) -> Fetched: ...


class Folder:
    """Files of one local folder, or of the first of several; none outside them, by `..` or by a link."""

    def __init__(self, *roots: Path) -> None:
        """Where a path is looked for, in order. A link may lead from one root into another."""
        self._roots = [root.resolve() for root in roots]

    def fetch(self, path: str) -> Fetched:
        try:
            places = [(root / path).resolve() for root in self._roots]
            held = [file for file in places if any(file.is_relative_to(root) for root in self._roots)]
            file = next((file for file in held if file.is_file()), None)
            if file is None and (not held or any(file.exists() for file in places if file not in held)):
                return Fetched(b"", OUTSIDE)
            if file is None:
                return Fetched(b"", "image file is missing")
            too_large = file.stat().st_size > MAX_BYTES
            return Fetched(b"", "image too large") if too_large else Fetched(file.read_bytes())
        except (OSError, ValueError):  # no permission; a name too long, or with a null in it
            return Fetched(b"", "image file cannot be read")


def inside(path: str) -> str | None:
    """The path in its plain form; None where it would leave its folder."""
    plain = PurePosixPath(path.replace("\\", "/"))
    whole = not plain.is_absolute() and ".." not in plain.parts and bool(plain.parts) and "\0" not in path
    return str(plain) if whole else None


def local_files(source: FileSource) -> list[Path]:
    """Raises SourceError where there are none."""
    path, ending = Path(source.path), "parquet" if isinstance(source, ParquetSource) else "jsonl"
    files = sorted(path.glob(f"*.{ending}")) if path.is_dir() else [path]
    if not files or not all(file.is_file() for file in files):
        raise SourceError(
            f"no {ending} file at `{source.path}`", f"download `{source.name}` and name its place: --data FILE"
        )
    return files


def hash_files(files: Sequence[Path]) -> str:
    """Of what the files hold, not of what they are called: a revision for files that have none."""
    try:
        digests = [sha256(file) for file in files]
    except OSError as error:
        raise SourceError(f"`{files[0]}` cannot be read: {error.strerror}") from error
    return f"sha256-{content_id(digests)}"


def parquet_schema(file: Path) -> pl.Schema:
    try:
        return pl.scan_parquet(file, glob=False).collect_schema()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise unreadable(file, error) from error


def parquet_rows(file: Path, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """A few rows at a time: images of a whole file may be more than there is memory."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file) as opened:
            for batch in opened.iter_batches(NUM_ROWS_AT_ONCE, columns=list(columns)):
                yield from batch.to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise unreadable(file, error) from error


def unreadable(file: Path, error: Exception) -> SourceError:
    return SourceError(
        f"`{file}` cannot be read as parquet: {first_line(error)}", "it may be truncated; download it again"
    )


def jsonl_rows(file: Path) -> Iterator[dict[str, Any] | Dropped]:
    """Raises SourceError for a file that cannot be opened or has a line without end."""
    try:
        with file.open("rb") as handle:
            number = 0
            while line := handle.readline(MAX_LINE_BYTES):
                number += 1
                if len(line) == MAX_LINE_BYTES:
                    raise SourceError(f"line {number} of `{file}` is longer than {MAX_LINE_BYTES:,} bytes")
                if line.strip():
                    yield _parsed(line, number)
    except OSError as error:
        raise SourceError(f"`{file}` cannot be read: {error.strerror}") from error


def _parsed(line: bytes, number: int) -> dict[str, Any] | Dropped:
    try:
        row = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        row = None
    if isinstance(row, dict):
        return row
    return Dropped(f"line {number}", "line is no JSON object", line[:2000].decode("utf-8", "replace").strip())


def seen_columns(file: Path) -> list[str]:
    """Columns of a JSON lines file, as its first rows have them."""
    columns: dict[str, None] = {}
    for number, row in enumerate(jsonl_rows(file)):
        if number == NUM_ROWS_SEEN:
            break
        if isinstance(row, dict):
            columns.update(dict.fromkeys(row))
    return list(columns)
