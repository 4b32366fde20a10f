"""Records to parquet and back, with one schema derived from the record type.

Every file carries the `datasets` feature description too, so that `load_dataset` shows `images` as images. A file is
written under another name and renamed, so that it is whole or absent.
"""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Literal, TypeVar

import polars as pl
import pyarrow as pa
from pydantic import BaseModel

from insightv_bench.errors import RunError
from insightv_bench.records import Image, Record, as_row

from .files import first_line

R = TypeVar("R", bound=Record)
BYTES_A_FILE = 256 * 1024 * 1024
"""Of images: a parquet file ends early when it holds so many."""
BYTES_A_GROUP = 8 * 1024 * 1024
"""Of images, in one row group: one of them can be read without the rest of the file."""
ROWS_LOOKED_AT = 500
MANY_ROWS = 1_000_000
"""More of them than bytes are nobody's data."""
MAX_ITEMS_A_ROW, MAX_ITEMS = 64, 10_000
"""Of lists: in each row of a group on the average, and beyond that in all."""
FEW_BYTES, MAX_UNPACKED, MAX_RATIO = 64 * 2**20, 4 * 2**30, 200
"""Of one column in one group of rows: what may unpack however small its file is, what may not, and how many times."""
ROWS_HELD = 50_000
"""Rows without images that are held until they are written."""
SCALARS: dict[Any, tuple[pa.DataType, str]] = {
    str: (pa.string(), "string"),
    bool: (pa.bool_(), "bool"),
    int: (pa.int64(), "int64"),
    float: (pa.float64(), "float64"),
    bytes: (pa.binary(), "binary"),
}


def column_types(annotation: Any) -> tuple[pa.DataType, Any]:
    """The Arrow type and the `datasets` feature of one annotation."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Literal:
        return column_types(type(arguments[0]))
    if origin in (typing.Union, types.UnionType):
        return column_types(next(argument for argument in arguments if argument is not type(None)))
    if origin in (tuple, list):
        inner, feature = column_types(arguments[0])
        return pa.list_(inner), {"feature": feature, "_type": "List"}
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        fields = {name: column_types(inner) for name, inner in field_types(annotation).items()}
        features = {name: feature for name, (_, feature) in fields.items()}
        struct = pa.struct([(name, inner) for name, (inner, _) in fields.items()])
        return struct, {"_type": "Image"} if annotation is Image else features
    dtype, name = SCALARS[annotation]
    return dtype, {"dtype": name, "_type": "Value"}


def field_types(record: type[BaseModel]) -> dict[str, Any]:
    return {name: field.annotation for name, field in record.model_fields.items()}


def schema_of(record: type[BaseModel]) -> pa.Schema:
    """The Arrow schema, with the `datasets` features in its metadata, where `load_dataset` finds them."""
    columns = {name: column_types(annotation) for name, annotation in field_types(record).items()}
    features = {name: feature for name, (_, feature) in columns.items()}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    return pa.schema([(name, dtype) for name, (dtype, _) in columns.items()], metadata=metadata)


def write_file(file: Path, rows: Sequence[Record], record: type[Record]) -> None:
    """One parquet file, whole or absent."""
    import pyarrow.parquet as pq

    partial = file.with_suffix(".partial")
    num_bytes = sum(map(_image_bytes, rows))
    # None, the library's own, where images are small or there are none.
    rows_a_group = max(1, len(rows) * BYTES_A_GROUP // num_bytes) if num_bytes > BYTES_A_GROUP else None
    pq.write_table(_table(rows, record), partial, compression="zstd", row_group_size=rows_a_group)
    partial.replace(file)


def _table(rows: Sequence[Record], record: type[Record]) -> pa.Table:
    return pa.Table.from_pylist([as_row(row) for row in rows], schema=schema_of(record))


class Appending:
    """One parquet file of rows without images that come one by one, whole or absent; a portion is held in memory.

    The file is there only where rows came. A context manager; after an error no file is left.
    """

    def __init__(self, file: Path, record: type[Record]) -> None:
        self._file, self._record = file, record
        self._partial = file.with_suffix(".partial")
        self._held: list[Record] = []
        self._writer: Any = None

    def add(self, row: Record) -> None:
        self._held.append(row)
        if len(self._held) == ROWS_HELD:
            self._write()

    def _write(self) -> None:
        import pyarrow.parquet as pq

        table, self._held = _table(self._held, self._record), []
        self._writer = self._writer or pq.ParquetWriter(self._partial, table.schema, compression="zstd")
        self._writer.write_table(table)

    def __enter__(self) -> Appending:
        return self

    def __exit__(self, error: type[BaseException] | None, *more: Any) -> None:
        if self._held and not error:
            self._write()
        if not self._writer:
            return
        self._writer.close()
        if error:
            self._partial.unlink()
        else:
            self._partial.replace(self._file)


def write_frames(file: Path, frames: Iterable[pl.DataFrame]) -> None:
    """Tables of the same columns as one parquet file of metadata; a row group is held in memory."""
    import pyarrow.parquet as pq

    held: list[pa.Table] = []
    writer = None
    for frame in frames:
        held.append(frame.to_arrow(compat_level=pl.CompatLevel.oldest()))
        writer = writer or pq.ParquetWriter(file, held[0].schema, compression="lz4")
        if sum(table.num_rows for table in held) >= ROWS_HELD:
            writer.write_table(pa.concat_tables(held))
            held = []
    if writer and held:
        writer.write_table(pa.concat_tables(held))
    if writer:
        writer.close()


def write_shards(folder: Path, rows: Iterable[Record], record: type[Record], rows_per_file: int = 5000) -> int:
    """Parquet files of at most `rows_per_file` rows, at least one. Returns the number of rows."""
    iterator, total, shard = iter(rows), 0, 0
    while (chunk := _portion(iterator, rows_per_file)) or shard == 0:
        write_file(folder / f"data-{shard:05d}.parquet", chunk, record)
        total, shard = total + len(chunk), shard + 1
    return total


def _portion(rows: Iterator[Record], most: int) -> list[Record]:
    """At most `most` rows, fewer where their images are large: a portion is held in memory."""
    chunk: list[Record] = []
    num_bytes = 0
    for row in islice(rows, most):
        chunk.append(row)
        num_bytes += _image_bytes(row)
        if num_bytes >= BYTES_A_FILE:
            break
    return chunk


def _image_bytes(row: Record) -> int:
    return sum(len(image.bytes) for image in getattr(row, "images", ()))


def parquet_files(folder: Path) -> list[Path]:
    """The row files of a folder, or the file itself; raises RunError where there are none."""
    files = [folder] if folder.is_file() else sorted(folder.glob("data-*.parquet"))
    if not files:
        raise RunError(f"no rows in `{folder}`: it holds no `data-*.parquet`", "name a finished stage's folder")
    return files


def row_counts(files: Iterable[Path]) -> list[tuple[int, int]]:
    """How many rows each file has, and how many bytes they are, unpacked."""
    import pyarrow.parquet as pq

    read = map(pq.read_metadata, files)
    return [(it.num_rows, sum(it.row_group(n).total_byte_size for n in range(it.num_row_groups))) for it in read]


def guard_parquet(file: Path, columns: Sequence[str] | None = None) -> None:
    """Raises RunError for a file whose footer says that it holds far more than its size can: rows, list items, bytes.
    `columns`: those that are to be read; all of them if left out.

    Files come from others, and a few kilobytes of them can unpack into all the memory that there is.
    """
    import pyarrow.parquet as pq

    with reading(file):
        footer, size = pq.read_metadata(file), file.stat().st_size
    hint = "its maker packed what is always the same, or means harm: write it again"
    if footer.num_rows > max(size, MANY_ROWS):
        raise RunError(f"`{file}` says that it has {footer.num_rows:,} rows, and has {size:,} bytes", hint)
    for group in map(footer.row_group, range(footer.num_row_groups)):
        for column in map(group.column, range(group.num_columns)):
            if columns is not None and column.path_in_schema.partition(".")[0] not in columns:
                continue
            if column.num_values > MAX_ITEMS_A_ROW * group.num_rows + MAX_ITEMS:
                items = f"{column.num_values:,} items in {group.num_rows:,} rows"
                raise RunError(f"`{file}` says that `{column.path_in_schema}` holds {items}", hint)
            unpacked = column.total_uncompressed_size
            if unpacked > MAX_UNPACKED or (unpacked > FEW_BYTES and unpacked > MAX_RATIO * size):
                raise RunError(f"`{file}`: `{column.path_in_schema}` unpacks to {unpacked:,} bytes", hint)


def repeated_columns(file: Path) -> list[str]:
    """Columns of text or bytes that may be one value many times over: they are to be read as references to it."""
    import pyarrow.parquet as pq

    with reading(file):
        footer = pq.read_metadata(file)
    found: dict[str, None] = {}
    for group in map(footer.row_group, range(footer.num_row_groups)):
        for column in map(group.column, range(group.num_columns)):
            most = column.num_values * column.total_uncompressed_size
            is_small = column.total_uncompressed_size < FEW_BYTES
            if column.physical_type == "BYTE_ARRAY" and most > MAX_UNPACKED and is_small:
                found[column.path_in_schema] = None
    return list(found)


def pieces_of(file: Path) -> Iterator[bytes]:
    """The values of every column, unpacked, text and bytes end to end; nothing where it is no parquet file."""
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file) as opened:
            for batch in opened.iter_batches(ROWS_LOOKED_AT):
                buffers = (buffer for column in batch.columns for buffer in column.buffers() if buffer)
                yield from (buffer.to_pybytes() for buffer in buffers)
    except (pa.ArrowException, OSError):
        return


@contextmanager
def reading(folder: Path) -> Iterator[None]:
    """Turns what the readers of parquet raise into one line."""
    try:
        yield
    except (pl.exceptions.PolarsError, pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise RunError(
            f"a parquet file in `{folder}` cannot be read: {first_line(error)}",
            "it is truncated or no parquet file; remove it and make it again",
        ) from error


def read_frame(folder: Path, columns: Sequence[str] | None = None) -> pl.DataFrame:
    files = parquet_files(folder)
    for file in files:
        guard_parquet(file, columns)
    with reading(folder):
        return pl.read_parquet(files, columns=list(columns) if columns else None, glob=False)


def read_rows(folder: Path | str, record: type[R], without: Sequence[str] = ()) -> Iterator[R]:
    """The rows of a stage's folder, or of one parquet file, as records; a column too many is left aside. `without`:
    columns that are not read, which the record can do without."""
    for file in parquet_files(Path(folder)):
        for row in read_frame(file, columns_of_record(file, record, without)).iter_rows(named=True):
            yield record.model_validate(row)


def columns_of_record(file: Path, record: type[Record], without: Sequence[str] = ()) -> list[str]:
    """The record's columns that a file has: those that came later may be missing. Raises RunError where it holds other
    rows."""
    import pyarrow.parquet as pq

    with reading(file):
        there = pq.read_schema(file).names
    missing = missing_columns(record, there)
    if missing:
        raise RunError(f"`{file}` holds no {record.__name__} rows: column `{missing[0]}` is missing")
    return [name for name in record.model_fields if name in there and name not in without]


def missing_columns(record: type[Record], columns: Iterable[str]) -> list[str]:
    """The record's columns that a file lacks; one that came later has a default, and may be missing."""
    there = set(columns)
    return [name for name, field in record.model_fields.items() if field.is_required() and name not in there]


def batched(rows: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """Portions of at most `size` (`itertools.batched` came with Python 3.12)."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def read_slice(folder: Path, record: type[R], start: int, stop: int, without: Sequence[str] = ()) -> list[R]:
    """Rows `start` to `stop` of a stage's folder; files that hold none of them are not read. `without`: as in
    `read_rows`."""
    rows: list[R] = []
    files = parquet_files(folder)
    for file, (num, _) in zip(files, row_counts(files), strict=True):
        first, end = max(start, 0), min(stop, num)
        if first < end:
            part = read_frame(file, columns_of_record(file, record, without)).slice(first, end - first)
            rows += [record.model_validate(row) for row in part.iter_rows(named=True)]
        start, stop = start - num, stop - num
    return rows


def spans(num: int, size: int) -> Iterator[tuple[int, int]]:
    """`num` rows in portions of at most `size`, each as [start, stop)."""
    return ((start, min(start + size, num)) for start in range(0, num, size))
