"""Corpora beyond memory: by blocks, whatever their size, the corpora are those of all rows at once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_selection import ROWS, table

from insightv_bench.builders.corpora import blocks, selection
from insightv_bench.builders.corpora.scored import JUDGED
from insightv_bench.chat import assistant, user
from insightv_bench.records import Assessment, Image, Question, ReasoningRow, columns_of
from insightv_bench.runs import run
from insightv_bench.settings import CorporaSettings, PairsSettings, load_recipe
from insightv_bench.stages import Exclusion
from insightv_bench.storage import Appending, Matched, Rows, read_rows, write_frames, write_shards
from insightv_bench.storage import parquet as tables
from insightv_bench.world import Level, sample_questions


@pytest.mark.slow
@given(ROWS, st.integers(1, 12), st.integers(0, 9), st.booleans())
@settings(deadline=None, max_examples=40)
def test_blocks_choose_what_all_rows_at_once_would(rows: list[dict[str, Any]], size: int, num: int, sort: bool) -> None:
    if sort:
        rows.sort(key=lambda row: row["question"])
    scored, _ = table(rows)
    corpora, pairs = CorporaSettings(max_paths_per_question=2), PairsSettings(per_question=2)
    ranked = selection.best_first(scored)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "ROWS_A_BLOCK", size)
        index = pl.concat(blocks.reasoning(scored, corpora))
        made, left = blocks.pairs(scored, pairs)
        drawn = blocks.draw(blocks.candidates(scored, lambda block: selection.fallible(block, corpora)), num)
    assert index.equals(selection.reasoning(ranked, corpora).collect())
    assert made.equals(selection.pairs(ranked, pairs).collect())
    assert left.equals(selection.unpaired(scored, made.lazy(), pairs).collect())
    assert drawn.equals(selection.first_of_each(selection.fallible(scored, corpora), num).collect())


def test_a_block_of_a_file_is_read_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = pl.DataFrame({"question": [n // 4 for n in range(400)], "path": range(400)})
    write_frames(tmp_path / "scored.parquet", rows.iter_slices(40))
    monkeypatch.setattr(blocks, "ROWS_A_BLOCK", 100)
    found = [block.collect() for block in blocks.blocks(pl.scan_parquet(tmp_path / "scored.parquet"))]
    assert [frame.height for frame in found] == [100] * 4
    assert pl.concat(found).equals(rows)


def corpora(out: Path) -> dict[str, bytes]:
    small = ["questions.train.num=30", "questions.test.num=8", "corpora.summary_num=60"]
    run(load_recipe("corpora", small), out, "release")
    files = sorted(out.glob("*/stages/corpora-*/*.parquet"))
    assert len(files) > 5 and not list(out.rglob("scored-*"))  # what was scored goes with its stage
    return {f"{file.parent.name}/{file.name}": file.read_bytes() for file in files}


@pytest.mark.slow
def test_a_run_in_small_blocks_writes_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = corpora(tmp_path / "whole")
    monkeypatch.setattr(blocks, "ROWS_A_BLOCK", 7)
    assert corpora(tmp_path / "blocks") == whole


def assessment(path_id: str, score: int) -> Assessment:
    required = [name for name, field in Assessment.model_fields.items() if field.is_required()]
    said = {"path_id": path_id, "correct": True, "score": score, "status": "scored"}
    return Assessment.model_validate(dict.fromkeys(required, "") | said)


def test_assessments_in_any_order_are_found_by_their_path(tmp_path: Path) -> None:
    rows = [assessment(f"p{n}", score=n + 1) for n in (3, 0, 2, 1)]
    write_shards(tmp_path, rows, Assessment, rows_per_file=3)
    as_they_lie, sorted_ = (Matched(tmp_path, "path_id", JUDGED) for _ in range(2))
    assert as_they_lie.of(pl.Series(["p3", "p0"]))["place"].to_list() == [0, 1]
    assert as_they_lie.of(pl.Series(["p2", "p1"]))["score"].to_list() == [3, 2]
    found = sorted_.of(pl.Series(["p0", "p1", "none", "p3"]))
    assert found.rows() == [(1, True, 1), (3, True, 2), (None, None, None), (0, True, 4)]


def test_rows_are_taken_by_place_over_files(tmp_path: Path) -> None:
    questions = list(sample_questions(Level(), "train", 0, 12))
    write_shards(tmp_path, questions, Question, rows_per_file=5)
    assert Rows(tmp_path, Question).take([11, 0, 5, 5]) == {place: questions[place] for place in (0, 5, 11)}


def test_what_is_left_out_is_written_as_it_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "ROWS_HELD", 10)
    rows = [Exclusion(id=str(n), reason="r", row="{}") for n in range(25)]
    with Appending(tmp_path / "exclusions.parquet", Exclusion) as file:
        for row in rows:
            file.add(row)
    assert list(read_rows(tmp_path / "exclusions.parquet", Exclusion)) == rows
    assert pq.read_metadata(tmp_path / "exclusions.parquet").num_row_groups == 3
    with pytest.raises(KeyError), Appending(tmp_path / "broken.parquet", Exclusion) as file:
        for row in rows:
            file.add(row)
        raise KeyError
    assert [file.name for file in tmp_path.iterdir()] == ["exclusions.parquet"]


PEAK = """
import sys
from pathlib import Path
from insightv_bench.builders.release.shards import write_split

def peak():
    return int([line for line in open("/proc/self/status") if line.startswith("VmHWM")][0].split()[1]) / 1024

files = sorted(Path(sys.argv[1]).glob("*.parquet"))
begun = peak()
written = write_split(files, Path(sys.argv[2]), [], 200_000_000)
print(peak() - begun, written.num_files, written.num_rows)
"""


def images(num: int, num_bytes: int) -> Iterator[ReasoningRow]:
    """Rows with an image of so many bytes that nothing makes smaller."""
    (question,) = sample_questions(Level(), "train", 0, 1)
    for number in range(num):
        made = Image(bytes=os.urandom(num_bytes))
        columns = columns_of(question) | {"id": str(number), "images": (made,), "image_sha256": (made.sha256,)}
        yield ReasoningRow(**columns, prompt=(user("reason", question),), completion=(assistant("7"),), score=90)  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_release_with_large_images_holds_few_of_them(tmp_path: Path) -> None:
    (tmp_path / "rows").mkdir()
    assert write_shards(tmp_path / "rows", images(300, 2_000_000), ReasoningRow) == 300
    words = [sys.executable, "-c", PEAK, str(tmp_path / "rows"), str(tmp_path / "release")]
    told = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()
    assert float(told[0]) < 300, "MB, of 600 MB of images"
    assert told[1:] == ["3", "300"]
    ids = [row.id for row in read_rows(tmp_path / "release", ReasoningRow)]
    assert ids == [str(number) for number in range(300)]
