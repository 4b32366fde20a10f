"""Scored paths as a table of metadata: what a selection needs to know of each path, and no picture.

Rows are meant by their place in the stage's files, so that a selection is a table of small numbers; `Rows` brings the
rows themselves, a file at a time, when the corpus is written.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import accumulate, pairwise
from pathlib import Path as Folder
from typing import Any, Generic, TypeVar, cast

import polars as pl

from insightv_bench.agents import path_text, summary_chat
from insightv_bench.records import Assessment, Path, Question, Record, Step, content_id
from insightv_bench.stages import CHECKPOINTS, Context
from insightv_bench.storage import parquet_files, read_frame, row_counts, write_frames

R = TypeVar("R", bound=Record)
PORTION_BYTES = 256 * 2**20
"""Rows are brought and written in portions of about this size."""
ROW_BYTES = 4_000
"""What a row takes as an object, beside its pictures and texts."""
MIN_PORTION = 5_000  # rows
SCORED: dict[str, Any] = {
    "question": pl.UInt32,  # place in the questions' files
    "path": pl.UInt32,  # place in the paths' files
    "path_id": pl.String,  # breaks ties
    "status": pl.String,
    "text": pl.UInt64,  # equal where two paths read the same
    "normal": pl.UInt64,  # the same but for case and spaces; null for a path that says nothing
    "silent": pl.Boolean,  # the model's reply was empty
    "order": pl.UInt64,  # a shuffle that depends on the question and the path alone; null where none was asked for
}
"""Columns of `read_scored`; beside them those of JUDGED."""
JUDGED: dict[str, Any] = {"assessment": pl.UInt32, "correct": pl.Boolean, "score": pl.Int64}
"""Place in the assessments' files, and what the judge said; the score is 1-100."""


ASSESSED = ("questions", "paths", "verdicts")
"""Roles of a stage's inputs: what paths are chosen from."""


def order_key(seed: int, *parts: object) -> str:
    """A shuffle that depends on the rows alone, not on where they stand."""
    return content_id(seed, *parts)


def read_scored(
    context: Context, questions: str, paths: str, assessments: str, *, shuffled: bool = False
) -> pl.LazyFrame:
    """One row a path, in the order of the paths' files, from a file of the stage that goes when the stage has ended.
    `shuffled` fills `order`, from the run's seed."""
    asked, judged = Asked(context.inputs[questions]), Judged(context.inputs[assessments])
    seed = context.seed if shuffled else None
    file = context.folder / CHECKPOINTS / f"scored-{paths}.parquet"
    file.parent.mkdir(exist_ok=True)
    write_frames(file, _scored(parquet_files(context.inputs[paths]), asked, judged, seed))
    return pl.scan_parquet(file, glob=False)


def _scored(files: Iterable[Folder], asked: Asked, judged: Judged, seed: int | None) -> Iterator[pl.DataFrame]:
    place = 0
    for file in files:
        rows = pl.DataFrame(_described(file, asked, seed), SCORED, orient="row")
        rows = rows.with_columns(path=pl.int_range(place, place + rows.height, dtype=pl.UInt32))
        place += rows.height
        yield rows.hstack(judged.of(rows["path_id"]))


def read_asked(folder: Folder) -> Iterator[Question]:
    """The questions of a stage without their pictures."""
    columns = [name for name in Question.model_fields if name != "images"]
    for file in parquet_files(folder):
        for row in read_frame(file, columns).iter_rows(named=True):
            yield Question.model_construct(**row)


class Asked:
    """The questions of a stage by id, without their pictures; the file read last is kept."""

    def __init__(self, folder: Folder) -> None:
        self._rows = Rows(folder, Question, without=("images",))
        self._places = {id_: n for n, id_ in enumerate(id_ for f in parquet_files(folder) for id_ in _ids(f))}

    def place(self, id_: str) -> int:
        return self._places[id_]

    def questions(self, ids: Iterable[str]) -> dict[str, Question]:
        return {row.id: row for row in self._rows.take(map(self.place, ids)).values()}


def _ids(file: Folder) -> Iterator[str]:
    yield from read_frame(file, ["id"])["id"]


class Judged:
    """The assessments of a stage. They lie in the order of their paths, as a rule, and are then read as they are asked
    for; where they do not, all of them are held."""

    def __init__(self, folder: Folder) -> None:
        self._folder, self._later = folder, iter(parquet_files(folder))
        self._next = pl.DataFrame(schema={"path_id": pl.String, **JUDGED})
        self._num_read = 0

    def of(self, path_ids: pl.Series) -> pl.DataFrame:
        """`assessment` (place), `correct`, `score`, a row a path; nulls where a path has none."""
        num = len(path_ids)
        while self._next.height < num and (file := next(self._later, None)):
            self._next = pl.concat([self._next, self._read(file)])
        rows, self._next = self._next.head(num), self._next.slice(num)
        return (rows if rows["path_id"].equals(path_ids) else self._found(path_ids)).drop("path_id")

    def _read(self, file: Folder) -> pl.DataFrame:
        rows = read_frame(file, ["path_id", "correct", "score"])
        places = pl.int_range(self._num_read, self._num_read + rows.height, dtype=pl.UInt32)
        self._num_read += rows.height
        return rows.select("path_id", places.alias("assessment"), "correct", "score")

    def _found(self, path_ids: pl.Series) -> pl.DataFrame:
        frame = path_ids.to_frame("path_id")
        return frame.join(self._all, on="path_id", how="left", maintain_order="left")

    @cached_property
    def _all(self) -> pl.DataFrame:
        rows = read_frame(self._folder, ["path_id", "correct", "score"]).with_row_index("assessment")
        return rows.select("path_id", *JUDGED)


def _described(file: Folder, asked: Asked, seed: int | None) -> Iterator[tuple[Any, ...]]:
    frame = read_frame(file, ["id", "question_id", "status", "steps", "answer", "text"])
    rows = [Path.model_construct(**row) for row in frame.iter_rows(named=True)]
    texts = [_text(row) for row in rows]
    normal = [normalised(text) for text in texts]
    keys, normal_keys = pl.Series(texts, dtype=pl.String).hash(), pl.Series(normal, dtype=pl.String).hash()
    questions = {} if seed is None else asked.questions(row.question_id for row in rows)
    for place, row in enumerate(rows):
        order = None if seed is None else _order(seed, questions[row.question_id], texts[place])
        said = normal_keys[place] if normal[place] else None
        yield asked.place(row.question_id), 0, row.id, row.status, keys[place], said, not row.text, order


def _order(seed: int, question: Question, path: str) -> int:
    return int(order_key(seed, question.id, prompt_text(question, path)), 16)


def _text(row: Path) -> str:
    steps = tuple(Step.model_construct(**step) for step in row.steps)  # type: ignore[arg-type]
    return path_text(row.model_copy(update={"steps": steps}))


def normalised(text: str) -> str:
    return " ".join(text.split()).casefold()


def prompt_text(question: Question, path: str) -> str:
    """What the summary agent is asked; with an empty path, directly."""
    return summary_chat(question, path).messages[0].content


class Rows(Generic[R]):
    """The rows of a stage by place, read when they are asked for; the file read last is kept."""

    def __init__(self, folder: Folder, record: type[R], without: Sequence[str] = ()) -> None:
        """`without`: columns that are not read; the rows then lack them, and are not validated."""
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
                rows = self._file(number)[[place - start for place in here]].iter_rows(named=True)
                taken.update(zip(here, map(self._row, rows), strict=True))
        return taken

    def _row(self, row: dict[str, Any]) -> R:
        if not self._without:
            return self._record.model_validate(row)
        return cast("R", self._record.model_construct(**row))

    def _file(self, number: int) -> pl.DataFrame:
        if self._kept is None or self._kept[0] != number:
            columns = [name for name in self._record.model_fields if name not in self._without]
            self._kept = number, read_frame(self._files[number], columns)
        return self._kept[1]


class Store:
    """Questions, paths and assessments of one triple of stages, by place."""

    def __init__(self, context: Context, questions: str, paths: str, assessments: str) -> None:
        self.questions = Rows(context.inputs[questions], Question)
        self.paths = Rows(context.inputs[paths], Path)
        self.assessments = Rows(context.inputs[assessments], Assessment)
        self.portion = min(self.questions.portion, self.paths.portion)


def portions(index: pl.DataFrame, size: int) -> Iterator[pl.DataFrame]:
    """An index in pieces of at most `size` rows."""
    return index.iter_slices(size)
