"""Questions whose images stay on disk until a model is shown them.

An evaluation asks thousands of questions but shows few at once: images of megabytes are read when their request is
about to leave, by their hash, and forgotten again. The row groups read last are kept: requests leave in the
rows' order, mostly. Nothing is decoded here.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from insightv_bench.errors import RunError
from insightv_bench.records import Image, Question

from .by_place import Rows
from .files import first_line
from .parquet import parquet_files, read_frame, read_rows, read_slice

BYTES_KEPT = 32 * 1024 * 1024
"""Of row groups; the last one in any case."""
WITHOUT = ("images",)


class Place(NamedTuple):
    file: Path
    group: int
    row: int
    """Within the group."""
    number: int
    """Of the image within the row."""


class StoredImage(Image):
    """An image known by its hash; `bytes` reads it anew each time. Made by a `ImageStore` alone."""

    def __getattr__(self, name: str) -> Any:
        if name == "bytes":
            return self.__dict__["store"].read(self.sha256)
        return super().__getattr__(name)  # type: ignore[misc]


class Images(Protocol):
    """Where images are read from, by their hashes."""

    def read(self, sha256: str) -> bytes: ...


def image_of(images: Images, sha256: str) -> StoredImage:
    image = StoredImage.model_construct(path=None)  # type: ignore[call-arg]
    image.__dict__.update(sha256=sha256, store=images)
    return image


def with_images(question: Question, store: Images) -> Question:
    """A question that was read without them."""
    images = tuple(image_of(store, sha256) for sha256 in question.image_sha256)
    return question.model_copy(update={"images": images})


class ImageStore:
    """The images of a folder of Question rows, by hash. Safe to read from several threads."""

    def __init__(self, folder: Path) -> None:
        """Reads the hashes, no image. Raises RunError where there are no rows."""
        self._places: dict[str, Place] = {}
        self._groups: OrderedDict[tuple[Path, int], list[list[bytes]]] = OrderedDict()
        self._num_bytes = 0
        self._lock = threading.Lock()
        for file in parquet_files(folder):
            hashes = iter(read_frame(file, ["image_sha256"])["image_sha256"].to_list())
            for group, num_rows in enumerate(group_sizes(file)):
                for row in range(num_rows):
                    for number, sha256 in enumerate(next(hashes)):
                        self._places.setdefault(sha256, Place(file, group, row, number))

    def image(self, sha256: str) -> StoredImage:
        return image_of(self, sha256)

    def read(self, sha256: str) -> bytes:
        """Raises RunError where the file is gone or broken."""
        place = self._places[sha256]
        with self._lock:
            return self._group(place.file, place.group)[place.row][place.number]

    def _group(self, file: Path, group: int) -> list[list[bytes]]:
        key = (file, group)
        if key not in self._groups:
            self._groups[key] = read_group(file, group)
            self._num_bytes += size_of(self._groups[key])
            while self._num_bytes > BYTES_KEPT and len(self._groups) > 1:
                self._num_bytes -= size_of(self._groups.popitem(last=False)[1])
        self._groups.move_to_end(key)
        return self._groups[key]


def size_of(group: list[list[bytes]]) -> int:
    return sum(len(image) for images in group for image in images)


def group_sizes(file: Path) -> list[int]:
    import pyarrow.parquet as pq

    metadata = pq.read_metadata(file)
    return [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)]


def read_group(file: Path, group: int) -> list[list[bytes]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file) as opened:
            column = opened.read_row_group(group, ["images"], use_threads=False)["images"]
    except (pa.ArrowException, OSError) as error:
        hint = "it is truncated or was removed; make its stage again"
        raise RunError(f"an image in `{file}` cannot be read: {first_line(error)}", hint) from error
    return [[image["bytes"] for image in images] for images in column.to_pylist()]


def read_questions(folder: Path) -> Iterator[Question]:
    """The rows of a questions stage, their images left on disk."""
    store = ImageStore(folder)
    return (with_images(question, store) for question in read_rows(folder, Question, WITHOUT))


class QuestionsById:
    """The rows of a questions stage by id, read when they are asked for; images are left on disk, or out."""

    def __init__(self, folder: Path, images: bool = True) -> None:
        self._rows = Rows(folder, Question, WITHOUT)
        self._store = ImageStore(folder) if images else None
        self._places = {id_: place for place, id_ in enumerate(_ids_in(folder))}

    def place(self, id_: str) -> int:
        """In the stage's files. Raises KeyError where it is not there."""
        return self._places[id_]

    def of(self, ids: Iterable[str]) -> dict[str, Question]:
        """Raises KeyError where one is not there."""
        rows = self._rows.take(map(self.place, ids)).values()
        return {row.id: with_images(row, self._store) if self._store else row for row in rows}


def question_slice(folder: Path, start: int, stop: int) -> list[Question]:
    """Rows `start` to `stop` of a questions stage, without their images (see `with_images`)."""
    return read_slice(folder, Question, start, stop, WITHOUT)


def questions_of(folder: Path, ids: Collection[str]) -> dict[str, Question]:
    """By id, these rows of a questions stage, without their images."""
    places = [place for place, name in enumerate(_ids_in(folder)) if name in ids]
    if not places:
        return {}
    rows = question_slice(folder, places[0], places[-1] + 1)  # mostly they stand together
    return {row.id: row for row in rows if row.id in ids}


@lru_cache(maxsize=4)
def _ids_in(folder: Path) -> tuple[str, ...]:
    return tuple(id_ for file in parquet_files(folder) for id_ in read_frame(file, ["id"])["id"])
