"""Rows of a stage by their place in its files, or beside the rows of another stage: read when they are asked for.

A selection of rows is then a table of small numbers, and only what is written is ever whole in memory.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, Generic, TypeVar

import polars as pl

from insightv_bench.records import Record

from .parquet import columns_of_record, parquet_files, read_frame, row_counts

R = TypeVar("R", bound=Record)
PORTION_BYTES = 256 * 2**20
"""Rows are brought and written in portions of about this size."""
ROW_BYTES = 4_000
"""What a row takes as an object, beside its images and texts."""
MIN_PORTION = 5_000  # rows
PLACE = {"place": pl.UInt32}


class Rows(Generic[R]):
    """The rows of a stage by place; the file read last is kept."""

    def __init__(self, folder: Path, record: type[R], without: Sequence[str] = ()) -> None:
        """`without`: columns that are not read, which the record can do without."""
        self._record, self._files, self._without = record, parquet_files(folder), without
        counts = row_counts(self._files)
        self._starts = [0, *accumulate(num for num, _ in counts)]
        self._kept: tuple[int, pl.DataFrame] | None = None
        size = sum(num_bytes for _, num_bytes in counts) / max(1, self._starts[-1])
        self.portion = max(MIN_PORTION, int(PORTION_BYTES / (ROW_BYTES + size)))
        """How many rows may be held at once."""

    def take(self, places: Iterable[int]) -> dict[int, R]:
        """The rows at these places, each once."""
        wanted = sorted(set(places))
        taken: dict[int, R] = {}
        for number, (start, end) in enumerate(pairwise(self._starts)):
            here = wanted[bisect_left(wanted, start) : bisect_left(wanted, end)]
            if here:
                if self._kept is None or self._kept[0] != number:
                    file = self._files[number]
                    self._kept = number, read_frame(file, columns_of_record(file, self._record, self._without))
                rows = self._kept[1][[place - start for place in here]].iter_rows(named=True)
                taken.update(zip(here, map(self._record.model_validate, rows), strict=True))
        return taken


class Matched:
    """Rows of a stage that belong to another's, one each, by a key that both have. They lie in the other's order, as a
    rule, and are then read as they are asked for; where they do not, these columns of all of them are held."""

    def __init__(self, folder: Path, key: str, columns: Mapping[str, Any] | None = None) -> None:
        """`columns`: with their types, beside the place."""
        self._key, self._columns = key, {**PLACE, **(columns or {})}
        self._folder, self._later = folder, iter(parquet_files(folder))
        self._next = pl.DataFrame(schema={key: pl.String, **self._columns})
        self._num_read = 0

    def of(self, keys: pl.Series) -> pl.DataFrame:
        """`place` and the columns, a row a key, in their order; nulls where a key has no row."""
        while self._next.height < len(keys) and (file := next(self._later, None)):
            rows = self._read(file, self._num_read)
            self._num_read += rows.height
            self._next = pl.concat([self._next, rows])
        rows, self._next = self._next.head(len(keys)), self._next.slice(len(keys))
        if not rows[self._key].equals(keys):
            rows = keys.to_frame(self._key).join(self._all, on=self._key, how="left", maintain_order="left")
        return rows.drop(self._key)

    def _read(self, folder: Path, start: int) -> pl.DataFrame:
        names = [name for name in self._columns if name not in PLACE]
        rows = read_frame(folder, [self._key, *names]).with_row_index("place", start)
        return rows.select(self._key, "place", *names)

    @cached_property
    def _all(self) -> pl.DataFrame:
        return self._read(self._folder, 0)
