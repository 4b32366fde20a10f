"""Records come back from parquet as they were, and a file of them is whole, or an error that says what it lacks."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path as Place

import polars as pl
import pytest
from PIL import Image as PILImage
from record_rows import QUESTIONS, ROWS, SHARED, TURNS

from insightv_bench import records
from insightv_bench.errors import RunError
from insightv_bench.records import Question, ReasoningRow, Record
from insightv_bench.stages import Exclusion
from insightv_bench.storage import read_rows, write_file, write_shards


def all_records() -> set[str]:
    """Every record that stands by itself in a file."""
    parts = {"Image", "Message", "Step", "QuestionColumns", "TrainingRow", "Record"}
    found = {name for name, kind in vars(records).items() if isinstance(kind, type) and issubclass(kind, Record)}
    return found - parts


def test_every_record_type_is_tried_below() -> None:
    assert {type(rows[0]).__name__ for rows in ROWS} == all_records() | {"Exclusion"}


@pytest.mark.parametrize("rows", ROWS, ids=lambda rows: type(rows[0]).__name__)
def test_records_come_back_from_parquet_as_they_were(tmp_path: Place, rows: Sequence[Record]) -> None:
    file = tmp_path / "data-00000.parquet"
    write_file(file, rows, type(rows[0]))
    assert list(read_rows(file, type(rows[0]))) == list(rows)
    assert list(read_rows(tmp_path, type(rows[0]))) == list(rows)
    assert [item.name for item in tmp_path.iterdir()] == [file.name]


def test_rows_keep_their_order_over_files_and_none_at_all_are_a_file_too(tmp_path: Place) -> None:
    rows = [Exclusion(id=str(number), reason="r", row="") for number in range(12)]
    assert write_shards(tmp_path, iter(rows), Exclusion, rows_per_file=5) == 12
    assert sorted(file.name for file in tmp_path.iterdir()) == [f"data-0000{number}.parquet" for number in range(3)]
    assert list(read_rows(tmp_path, Exclusion)) == rows
    (tmp_path / "none").mkdir()
    assert write_shards(tmp_path / "none", [], Exclusion) == 0
    assert list(read_rows(tmp_path / "none", Exclusion)) == []


def test_a_file_is_whole_or_absent(tmp_path: Place) -> None:
    class Unwritable(Exclusion):
        row: object = None  # type: ignore[assignment]

    rows = [Exclusion(id="1", reason="r", row=""), Unwritable(id="2", reason="r", row=object())]
    with pytest.raises(Exception, match="object"):
        write_file(tmp_path / "data-00000.parquet", rows, Exclusion)
    assert not (tmp_path / "data-00000.parquet").exists()
    with pytest.raises(RunError, match="no rows in"):
        list(read_rows(tmp_path, Exclusion))


def test_a_missing_column_is_an_error_that_names_it_and_one_too_many_is_left_aside(tmp_path: Place) -> None:
    file = tmp_path / "data-00000.parquet"
    write_file(file, QUESTIONS, Question)
    frame = pl.read_parquet(file)
    frame.drop("answer_type").write_parquet(file)
    with pytest.raises(RunError) as raised:
        list(read_rows(tmp_path, Question))
    assert raised.value.fact == f"`{file}` holds no Question rows: column `answer_type` is missing"
    frame.with_columns(remark=pl.lit("mine")).write_parquet(file)
    assert list(read_rows(tmp_path, Question)) == QUESTIONS


def test_a_folder_with_no_rows_and_a_file_that_is_no_parquet_are_errors_with_hints(tmp_path: Place) -> None:
    with pytest.raises(RunError, match=f"no rows in `{tmp_path}`") as raised:
        list(read_rows(tmp_path, Question))
    assert raised.value.hint
    (tmp_path / "data-00000.parquet").write_bytes(b"PAR1 and then no more")
    with pytest.raises(RunError, match="cannot be read") as raised:
        list(read_rows(tmp_path, Question))
    assert raised.value.hint


@pytest.mark.parametrize("record", [Question, ReasoningRow], ids=lambda record: record.__name__)
def test_load_dataset_shows_the_images_as_images(tmp_path: Place, record: type[Record]) -> None:
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    rows: list[Record] = list(QUESTIONS)
    if record is ReasoningRow:
        columns = [{name: getattr(question, name) for name in SHARED} for question in QUESTIONS]
        rows = [ReasoningRow(**each, prompt=TURNS, completion=TURNS, score=9) for each in columns]
    (tmp_path / "rows").mkdir()
    write_shards(tmp_path / "rows", rows, record, rows_per_file=4)
    files = sorted(str(file) for file in (tmp_path / "rows").iterdir())
    table = datasets.load_dataset("parquet", data_files=files, split="train", cache_dir=str(tmp_path / "cache"))
    assert table.column_names == list(record.model_fields)
    assert table.features["images"].feature == datasets.Image()
    for shown, question in zip(table, QUESTIONS, strict=True):
        (image,) = shown["images"]
        with PILImage.open(io.BytesIO(question.images[0].bytes)) as original:
            assert image.tobytes() == original.tobytes()
        assert shown["question"] == question.question
    if record is ReasoningRow:
        assert table[0]["prompt"] == [turn.model_dump() for turn in TURNS]
