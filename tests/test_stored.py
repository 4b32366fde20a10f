"""Questions whose images stay on disk until they are shown."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from insightv_bench.chat import ask
from insightv_bench.errors import RunError
from insightv_bench.journal import Request, request_key
from insightv_bench.records import Image, Question
from insightv_bench.settings import Sampling
from insightv_bench.storage import ImageStore, read_questions, read_rows, write_shards
from insightv_bench.storage import images as stored
from insightv_bench.storage import parquet as tables
from insightv_bench.storage.images import size_of


def question(number: int, *images: bytes) -> Question:
    images = tuple(Image(bytes=image) for image in images)
    return Question(
        id=str(number),
        images=images,
        image_sha256=tuple(image.sha256 for image in images),
        question=f"What is {number}?",
        answer="1",
        answer_type="number",
        source="s",
        source_revision="1",
        source_license="none",
    )


def test_stored_images_are_those_of_the_rows_with_the_same_keys(tmp_path: Path) -> None:
    rows = [question(0, b"a", b"b"), question(1), question(2, b"a"), question(3, b"c" * 1000)]
    write_shards(tmp_path, rows, Question, rows_per_file=2)
    later = list(read_questions(tmp_path))
    assert [row.model_dump() for row in later] == [row.model_dump() for row in rows]
    keys = [[request_key("m", Request(ask("direct", row), Sampling())) for row in found] for found in (rows, later)]
    assert keys[0] == keys[1]


def test_large_images_are_read_one_group_at_a_time_and_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "BYTES_A_GROUP", 4_000)
    monkeypatch.setattr(stored, "BYTES_KEPT", 10_000)
    write_shards(tmp_path, (question(number, os.urandom(1_000)) for number in range(40)), Question)
    (file,) = tmp_path.glob("*.parquet")
    assert pq.read_metadata(file).num_row_groups == 10
    rows = list(read_questions(tmp_path))
    store: ImageStore = rows[0].images[0].__dict__["store"]
    assert not store._groups  # nothing is read before it is shown
    for row in rows:
        assert Image(bytes=row.images[0].bytes).sha256 == row.image_sha256[0]
        assert sum(map(size_of, store._groups.values())) <= 10_000
    assert [row.image_sha256 for row in read_rows(tmp_path, Question)] == [row.image_sha256 for row in rows]


def test_a_file_that_is_gone_is_an_error_with_a_hint(tmp_path: Path) -> None:
    write_shards(tmp_path, [question(0, b"a")], Question)
    (row,) = read_questions(tmp_path)
    next(tmp_path.glob("*.parquet")).unlink()
    with pytest.raises(RunError, match="an image in .* cannot be read"):
        _ = row.images[0].bytes
