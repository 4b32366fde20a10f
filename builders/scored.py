"""Scored paths as a table of metadata: what a selection needs to know of each path, and no picture.

Rows are meant by their place in the stage's files, so that a selection is a table of small numbers; `Rows` brings the
rows themselves, a file at a time, when the corpus is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path as Folder
from typing import Any, Generic, TypeVar

import polars as pl

from insightv_bench.agents import path_text, summary_chat
from insightv_bench.records import Assessment, Path, Question, Record, Step, content_id
from insightv_bench.stage import Context
from insightv_bench.tables import parquet_files, read_frame

R = TypeVar("R", bound=Record)
PORTION_BYTES = 256 * 2**20
"""Rows are brought and written in portions of about this size."""
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
"""Columns of `read_scored`; beside them `assessment` (place), `correct` and `score` (1-100)."""


def order_key(seed: int, *parts: object) -> str:
    """A shuffle that depends on the rows alone, not on where they stand."""
    return content_id(seed, *parts)


def read_scored(
    context: Context, questions: str, paths: str, assessments: str, *, shuffled: bool = False
) -> pl.LazyFrame:
    """One row a path, in the order of the paths' files. `shuffled` fills `order`, from the run's seed."""
    asked = {question.id: (place, question) for place, question in enumerate(read_asked(context.inputs[questions]))}
    seed = context.seed if shuffled else None
    files = parquet_files(context.inputs[paths])
    known = pl.concat([pl.DataFrame(_described(file, asked, seed), SCORED, orient="row") for file in files])
    known = known.with_columns(path=pl.int_range(pl.len(), dtype=pl.UInt32))
    judged = read_frame(context.inputs[assessments], ["path_id", "correct", "score"]).with_row_index("assessment")
    return known.lazy().join(judged.lazy(), on="path_id", how="left", maintain_order="left")


def read_asked(folder: Folder) -> Iterator[Question]:
    """The questions of a stage without their pictures."""
    columns = [name for name in Question.model_fields if name != "images"]
    for file in parquet_files(folder):
        for row in read_frame(file, columns).iter_rows(named=True):
            yield Question.model_construct(**row)


def _described(file: Folder, asked: dict[str, tuple[int, Question]], seed: int | None) -> Iterator[tuple[Any, ...]]:
    frame = read_frame(file, ["id", "question_id", "status", "steps", "answer", "text"])
    rows = [Path.model_construct(**row) for row in frame.iter_rows(named=True)]
    texts = [_text(row) for row in rows]
    normal = [normalised(text) for text in texts]
    keys, normal_keys = pl.Series(texts, dtype=pl.String).hash(), pl.Series(normal, dtype=pl.String).hash()
    for place, row in enumerate(rows):
        at, question = asked[row.question_id]
        order = None if seed is None else int(order_key(seed, question.id, prompt_text(question, texts[place])), 16)
        said = normal_keys[place] if normal[place] else None
        yield at, 0, row.id, row.status, keys[place], said, not row.text, order


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

    def __init__(self, folder: Folder, record: type[R]) -> None:
        self._record, self._files = record, parquet_files(folder)
        sizes = [pl.scan_parquet(file, glob=False).select(pl.len()).collect().item() for file in self._files]
        self._starts = [sum(sizes[:number]) for number in range(len(sizes) + 1)]
        self._kept: tuple[int, pl.DataFrame] | None = None
        num_bytes = sum(file.stat().st_size for file in self._files)
        self.portion = max(MIN_PORTION, int(PORTION_BYTES * sum(sizes) / max(1, num_bytes)))
        """How many rows may be held at once."""

    def take(self, places: Iterable[int]) -> dict[int, R]:
        """The rows at these places, each once."""
        wanted, taken = sorted(set(places)), {}
        for number, (start, end) in enumerate(zip(self._starts, self._starts[1:], strict=False)):
            here = [place - start for place in wanted if start <= place < end]
            if here:
                for place, row in zip(here, self._file(number)[here].iter_rows(named=True), strict=True):
                    taken[start + place] = self._record.model_validate(row)
        return taken

    def _file(self, number: int) -> pl.DataFrame:
        if self._kept is None or self._kept[0] != number:
            self._kept = number, read_frame(self._files[number], list(self._record.model_fields))
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
