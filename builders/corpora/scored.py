"""Scored paths as a table of metadata: what a selection needs to know of each path, and no image.

Rows are meant by their place in the stage's files, so that a selection is a table of small numbers; `storage.Rows`
brings the rows themselves, a file at a time, when the corpus is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path as Folder
from typing import Any

import polars as pl

from insightv_bench.agents import path_text, summary_chat
from insightv_bench.records import Assessment, Path, Question, Step, content_id
from insightv_bench.stages import CHECKPOINTS, Context
from insightv_bench.storage import Matched, QuestionsById, Rows, parquet_files, read_frame, read_rows, write_frames

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
JUDGED: dict[str, Any] = {"correct": pl.Boolean, "score": pl.Int64}
"""What the judge said; the score is 1-100. Beside it, as `assessment`, the place in the assessments' files."""


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
    asked = QuestionsById(context.inputs[questions], images=False)
    judged = Matched(context.inputs[assessments], "path_id", JUDGED)
    seed = context.seed if shuffled else None
    file = context.folder / CHECKPOINTS / f"scored-{paths}.parquet"
    file.parent.mkdir(exist_ok=True)
    write_frames(file, _scored(parquet_files(context.inputs[paths]), asked, judged, seed))
    return pl.scan_parquet(file, glob=False)


def _scored(files: Iterable[Folder], asked: QuestionsById, judged: Matched, seed: int | None) -> Iterator[pl.DataFrame]:
    place = 0
    for file in files:
        rows = pl.DataFrame(_described(file, asked, seed), SCORED, orient="row")
        rows = rows.with_columns(path=pl.int_range(place, place + rows.height, dtype=pl.UInt32))
        place += rows.height
        yield rows.hstack(judged.of(rows["path_id"]).rename({"place": "assessment"}))


def read_asked(folder: Folder) -> Iterator[Question]:
    """The questions of a stage without their images."""
    return read_rows(folder, Question, ["images"])


def _described(file: Folder, asked: QuestionsById, seed: int | None) -> Iterator[tuple[Any, ...]]:
    frame = read_frame(file, ["id", "question_id", "status", "dialect", "steps", "answer", "text"])
    rows = [Path.model_construct(**row) for row in frame.iter_rows(named=True)]
    texts = [_text(row) for row in rows]
    normal = [normalised(text) for text in texts]
    keys, normal_keys = pl.Series(texts, dtype=pl.String).hash(), pl.Series(normal, dtype=pl.String).hash()
    questions = {} if seed is None else asked.of(row.question_id for row in rows)
    for place, row in enumerate(rows):
        order = None
        if seed is not None:
            prompt = prompt_text(questions[row.question_id], texts[place])
            order = int(order_key(seed, row.question_id, prompt), 16)
        key = normal_keys[place] if normal[place] else None
        yield asked.place(row.question_id), 0, row.id, row.status, keys[place], key, not row.text, order


def _text(row: Path) -> str:
    steps = tuple(Step.model_construct(**step) for step in row.steps)  # type: ignore[arg-type]
    return path_text(row.model_copy(update={"steps": steps}))


def normalised(text: str) -> str:
    return " ".join(text.split()).casefold()


def prompt_text(question: Question, path: str) -> str:
    """What the summary agent is asked; with an empty path, directly."""
    return summary_chat(question, path).messages[0].content


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
