"""Corpora as parquet shards for the Hub: images embedded, small row groups, the same bytes for the same rows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

ROWS_AT_ONCE, BYTES_AT_ONCE = 256, 32_000_000
"""Rows are read in pieces of whichever comes first."""
READ_BYTES = 2**20
GROUP_ROWS, GROUP_BYTES = 1_000, 50_000_000
"""A row group is closed at whichever comes first: viewers and streams read one at a time."""

LAYOUT: dict[str, Any] = {
    "use_dictionary": False,
    "use_content_defined_chunking": {"min_chunk_size": 2**16, "max_chunk_size": 2**18, "norm_level": 0},
    "write_page_index": True,
}
"""Pages end where the content says so, and hold no index into a dictionary: where few rows change, few bytes do, and
the Hub is sent those alone. Readers find a row by the page index."""


def _compression(schema: pa.Schema) -> dict[str, str]:
    """By column: images are compressed as they are, and left alone they stay the same bytes when a neighbour goes."""
    buffer = pa.BufferOutputStream()
    pq.write_table(schema.empty_table(), buffer)
    written = pq.ParquetFile(pa.BufferReader(buffer.getvalue())).schema
    paths = [written.column(place).path for place in range(len(written))]
    return {path: "NONE" if path.endswith(".bytes") else "ZSTD" for path in paths}


class Written(NamedTuple):
    num_rows: int
    num_left_out: int
    num_files: int
    num_bytes: int


Extend = Callable[[pa.RecordBatch], pa.RecordBatch]
"""Rows with more columns."""


def write_split(
    files: Iterable[Path], folder: Path, without: Collection[str], shard_bytes: int, extend: Extend | None = None
) -> Written:
    """The rows of `files` but for those whose `id` is in `without`, as `folder/data-NNNNN.parquet`, at least one."""
    extend = extend or (lambda batch: batch)
    folder.mkdir(parents=True, exist_ok=True)
    files = list(files)
    ids, left_out, num_rows, shard = pa.array(list(without), pa.string()), 0, 0, _Shards(folder, shard_bytes)
    for batch in _batches(files):
        kept = batch.filter(pc.invert(pc.is_in(batch.column("id"), ids)))
        left_out, num_rows = left_out + batch.num_rows - kept.num_rows, num_rows + kept.num_rows
        shard.add(extend(kept))
    empty = pa.RecordBatch.from_pylist([], schema=pq.read_schema(files[0]))
    shard.close(extend(empty).schema)
    shards = sorted(folder.glob("data-*.parquet"))
    return Written(num_rows, left_out, len(shards), sum(file.stat().st_size for file in shards))


def _batches(files: Iterable[Path]) -> Iterator[pa.RecordBatch]:
    """One after another, a row group at a time: of a row group, pages are read as they are asked for."""
    for file in files:
        with pq.ParquetFile(file, buffer_size=READ_BYTES) as opened:
            for number in range(opened.num_row_groups):
                group = opened.metadata.row_group(number)
                most = BYTES_AT_ONCE * group.num_rows // max(1, group.total_byte_size)
                yield from opened.iter_batches(max(1, min(ROWS_AT_ONCE, most)), row_groups=[number])


class _Shards:
    """Gathers rows into groups, and groups into files."""

    def __init__(self, folder: Path, shard_bytes: int) -> None:
        self._folder, self._shard_bytes = folder, shard_bytes
        self._held: list[pa.RecordBatch] = []
        self._writer: pq.ParquetWriter | None = None
        self._num_files = self._num_bytes = 0

    def add(self, batch: pa.RecordBatch) -> None:
        self._held += [batch] if batch.num_rows else []
        if (
            sum(held.num_rows for held in self._held) >= GROUP_ROWS
            or sum(held.nbytes for held in self._held) >= GROUP_BYTES
        ):
            self._flush()

    def _flush(self) -> None:
        if not self._held:
            return
        table = pa.Table.from_batches(self._held)
        self._held = []
        writer = self._writer or self._open(table.schema)
        writer.write_table(table, row_group_size=table.num_rows)
        self._num_bytes += table.nbytes
        if self._num_bytes >= self._shard_bytes:
            self._end()

    def _open(self, schema: pa.Schema) -> pq.ParquetWriter:
        file = self._folder / f"data-{self._num_files:05d}.parquet"
        self._writer = pq.ParquetWriter(file, schema, compression=_compression(schema), **LAYOUT)
        self._num_files, self._num_bytes = self._num_files + 1, 0
        return self._writer

    def _end(self) -> None:
        if self._writer:
            self._writer.close()
        self._writer = None

    def close(self, schema: pa.Schema) -> None:
        self._flush()
        if not self._num_files:
            self._open(schema)
        self._end()
