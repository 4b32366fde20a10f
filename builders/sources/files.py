"""Rows of parquet and JSON lines files, one at a time, and images that lie beside them.

A file that cannot be read is an error; a line that cannot is a row left out. An image's path leads to a file inside
the data's folder, or to none.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple, Protocol

import polars as pl

from insightv_bench.errors import RunError, SourceError
from insightv_bench.records import content_id
from insightv_bench.settings import FileSource, ParquetSource
from insightv_bench.sources import MAX_BYTES
from insightv_bench.stages import Dropped
from insightv_bench.storage import first_line, guard_parquet, repeated_columns, sha256

NUM_ROWS_AT_ONCE = 64
MAX_LIST = 1_000
"""Items of one list of a row."""
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
    """By pyarrow: polars itself stops the whole process over types that it does not know."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pl.Schema({field.name: _dtype(field.type) for field in pq.read_schema(file)})
    except (pa.ArrowException, OSError, ValueError) as error:
        raise unreadable(file, error) from error


def _dtype(type_: Any) -> Any:
    """As an error names it; a time zone is left out, since it may be none that there is."""
    import pyarrow as pa

    if pa.types.is_list(type_) or pa.types.is_large_list(type_) or pa.types.is_fixed_size_list(type_):
        return pl.List(_dtype(type_.value_type))
    if pa.types.is_struct(type_):
        return pl.Struct({field.name: _dtype(field.type) for field in type_})
    if pa.types.is_timestamp(type_):
        return pl.Datetime(type_.unit if type_.unit != "s" else "ms")
    if pa.types.is_dictionary(type_):
        return _dtype(type_.value_type)
    known = {pa.null(): pl.Null, pa.bool_(): pl.Boolean, pa.string(): pl.String, pa.large_string(): pl.String}
    known |= {pa.binary(): pl.Binary, pa.large_binary(): pl.Binary, pa.string_view(): pl.String}
    numbers = {name: getattr(pl, name.capitalize()) for name in ("int8", "int16", "int32", "int64")}
    numbers |= {name: getattr(pl, f"UInt{name[4:]}") for name in ("uint8", "uint16", "uint32", "uint64")}
    numbers |= {"halffloat": pl.Float32, "float": pl.Float32, "double": pl.Float64}
    return known.get(type_) or numbers.get(str(type_), pl.Unknown)


def parquet_rows(file: Path, columns: Sequence[str]) -> Iterator[dict[str, Any] | Dropped]:
    """A few rows at a time: images of a whole file may be more than there is memory. Raises SourceError for a file that
    holds more than its size can say (see `guard_parquet`)."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        guard_parquet(file, columns)
        packed = repeated_columns(file)
        number = 0
        with pq.ParquetFile(file, read_dictionary=packed) as opened:
            for batch in opened.iter_batches(NUM_ROWS_AT_ONCE, columns=list(columns)):
                for place in range(batch.num_rows):
                    yield _row(batch.slice(place, 1), number)
                    number += 1
    except RunError as error:
        raise SourceError(error.fact, error.hint) from error
    except (pa.ArrowException, OSError, ValueError) as error:  # also a column's name that is no UTF-8
        raise unreadable(file, error) from error


def _row(batch: Any, number: int) -> dict[str, Any] | Dropped:
    """The one row of a batch; a value that Python has none for (a far date, a time zone nobody knows, broken UTF-8)
    makes it one that is left out."""
    import pyarrow as pa

    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if pa.types.is_list(column.type) and len(column.flatten()) > MAX_LIST:
            return Dropped(f"row {number}", f"`{name[:40]}` is a list of more than {MAX_LIST:,}")
    try:
        return dict(batch.to_pylist()[0])
    except (ValueError, TypeError, LookupError, ArithmeticError, pa.ArrowException) as error:
        return Dropped(f"row {number}", "a value cannot be read", f"{type(error).__name__}: {str(error)[:200]}")


def unreadable(file: Path, error: Exception) -> SourceError:
    return SourceError(
        f"`{file}` cannot be read as parquet: {first_line(error)}", "it may be truncated; download it again"
    )


def jsonl_rows(file: Path) -> Iterator[dict[str, Any] | Dropped]:
    """Of a plain file or a `.gz`, a line of it in memory at a time. Raises SourceError for a file that cannot be opened
    or unpacked, or has a line without end."""
    try:
        with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as handle:
            number = 0
            while line := handle.readline(MAX_LINE_BYTES):
                number += 1
                if len(line) == MAX_LINE_BYTES:
                    raise SourceError(f"line {number} of `{file}` is longer than {MAX_LINE_BYTES:,} bytes")
                if line.strip():
                    yield _parsed(line, number)
    except (OSError, EOFError, zlib.error) as error:  # the last two of a `.gz` that is cut off or damaged
        words = getattr(error, "strerror", None) or first_line(error)
        raise SourceError(f"`{file}` cannot be read: {words}") from error


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
