"""Questions of a table: what becomes one, how its answer is read, and what is left out with which reason."""

from __future__ import annotations

import io
import json
import struct
import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path as File
from typing import Any

import polars as pl
import pytest
from PIL import Image as PILImage
from reading import png
from small_build import left_out, ran

from insightv_bench.answers import matches
from insightv_bench.errors import SourceError
from insightv_bench.records import Question
from insightv_bench.settings import Columns, ParquetSource, load_recipe
from insightv_bench.stages import Exclusion
from insightv_bench.storage import read_rows

DATA = File(__file__).parents[2] / "shared" / "data"


COLUMNS = Columns(question="question", answer="answer", image="image", options="options", id="id")


def row(place: int, **changes: Any) -> dict[str, Any]:
    columns = {"id": f"r{place}", "question": f"How many? ({place})", "answer": "7", "options": []}
    return {**columns, "image": {"bytes": png(place), "path": None}, **changes}


def table(file: File, rows: Sequence[dict[str, Any]]) -> File:
    schema = {"image": pl.Struct({"bytes": pl.Binary, "path": pl.String}), "options": pl.List(pl.String)}
    pl.DataFrame(rows, schema_overrides=schema).write_parquet(file)
    return file


def source(file: File, **changes: Any) -> ParquetSource:
    return ParquetSource(**{"source": "parquet", "path": str(file), "name": "org/set", "columns": COLUMNS, **changes})


def asked(tmp_path: File, rows: Sequence[dict[str, Any]], **changes: Any) -> tuple[list[Question], list[Exclusion]]:
    """The rows as questions, and what was left out of them."""
    settings = source(table(tmp_path / "rows.parquet", rows), **changes)
    context = ran(tmp_path / "questions", "questions", settings, ())
    kept = list(read_rows(context.folder, Question))
    assert context.num_rows == len(kept)
    assert sum(context.dropped.values()) == len(left_out(context.folder)) == len(rows) - len(kept)
    return kept, left_out(context.folder)


def bomb() -> bytes:
    """A PNG whose header speaks of 30,000 x 30,000 pixels, with none in it."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + chunk + png()[33:]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"answer": None}, "no answer"),
        ({"answer": "  "}, "no answer"),
        ({"question": None}, "no question"),
        ({"question": "\n"}, "no question"),
        ({"image": {"bytes": b"", "path": None}}, "no image"),
        ({"image": None}, "no image"),
        ({"image": {"bytes": None, "path": "x.png"}}, "image file is missing"),
        ({"image": {"bytes": b"no image", "path": None}}, "image cannot be decoded"),
        ({"image": {"bytes": png(side=32)[:-60], "path": None}}, "image cannot be decoded"),
        ({"image": {"bytes": png(side=33), "path": None}}, "image too large"),
        ({"image": {"bytes": bomb(), "path": None}}, "image too large"),
        ({"options": ["red", "blue"], "answer": "green"}, "answer not an option"),
        ({"options": ["red", "blue"], "answer": "C"}, "answer not an option"),
        ({"options": ["red", "red"], "answer": "red"}, "answer not an option"),
        ({"options": ["x"] * 27, "answer": "A"}, "too many options"),
        ({"options": ["B", "A"], "answer": "A"}, "answer is one option's letter and another's text"),
        ({"options": ["c", "b", "a"], "answer": "a"}, "answer is one option's letter and another's text"),
    ],
)
def test_what_is_no_question_is_left_out_with_its_reason(tmp_path: File, changes: dict[str, Any], reason: str) -> None:
    kept, out = asked(tmp_path, [row(0), row(1, **changes), row(2)], max_pixels=32 * 32)
    assert [q.question for q in kept] == ["How many? (0)", "How many? (2)"]
    assert [(one.id, one.reason) for one in out] == [("r1", reason)]
    told = json.loads(out[0].row)
    assert told["answer"] == (changes.get("answer", "7") or "").strip()
    assert told["question"] == (changes.get("question", "How many? (1)") or "").strip()


def test_a_row_that_stands_twice_counts_once(tmp_path: File) -> None:
    """Under another id of its set too: a question is its text, options and image."""
    kept, out = asked(tmp_path, [row(0), row(0), row(1), row(0, id="other"), row(0, question="Which?")])
    assert [q.question for q in kept] == ["How many? (0)", "How many? (1)", "Which?"]
    assert [one.reason for one in out] == ["duplicate"] * 2
    assert all("How many? (0)" in one.row and "bytes" not in one.row for one in out)


def test_a_question_is_its_content_not_its_place(tmp_path: File) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, _ = asked(tmp_path / "a", [row(0), row(1), row(2)], revision="1")
    other, _ = asked(tmp_path / "b", [row(2), row(0), row(1)], revision="1")
    contents = [{q.id: q.model_dump(exclude={"row"}) for q in questions} for questions in (one, other)]
    assert contents[0] == contents[1] and len({q.id for q in one}) == 3
    assert [q.row for q in one] == [q.row for q in other] == [0, 1, 2]


def test_the_original_image_is_kept(tmp_path: File) -> None:
    buffer = io.BytesIO()
    PILImage.new("RGB", (8, 8), (9, 9, 9)).save(buffer, "JPEG")
    (question,), _ = asked(tmp_path, [row(0, image={"bytes": buffer.getvalue(), "path": "/home/someone/x.jpg"})])
    assert question.images[0].bytes == buffer.getvalue() and question.images[0].path is None
    assert question.image_sha256 == (question.images[0].sha256,)


@pytest.mark.parametrize(
    ("options", "answer", "letter"),
    [
        (["red", "blue"], "blue", "B"),
        (["red", "blue"], "B", "B"),
        (["red", "blue"], "b", "B"),
        (["10", "20", "30"], "30", "C"),
        ([" red ", "blue"], "red", "A"),
        (["A", "C", "C"], "A", "A"),
        (["A", "B", "C"], "b", "B"),
    ],
)
def test_option_answers_become_letters(tmp_path: File, options: list[str], answer: str, letter: str) -> None:
    (question,), _ = asked(tmp_path, [row(0, options=options, answer=answer)])
    assert (question.answer, question.answer_type) == (letter, "option")
    assert question.options == tuple(option.strip() for option in options)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("7", "number"),
        ("2.5", "number"),
        ("1,200 cm", "number"),
        (r"\frac{1}{2}", "number"),
        ("yes", "yes_no"),
        ("No", "yes_no"),
        ("x^2", "expression"),
        (r"2\sqrt{3}", "expression"),
        ("(3,-4)", "expression"),
        ("a triangle", "text"),
        ("C", "text"),
    ],
)
def test_answers_have_a_type(tmp_path: File, answer: str, kind: str) -> None:
    (question,), _ = asked(tmp_path, [row(0, answer=answer)])
    assert (question.answer, question.answer_type) == (answer, kind)
    assert matches(f"The answer is {answer}.", answer, question.answer_type)
    assert not matches("The answer is 3001.", answer, question.answer_type)


@pytest.mark.parametrize(("answer", "text"), [(0, "0"), (0.0, "0.0"), (False, "False"), (12, "12")])
def test_answers_that_are_no_text_are_answers_too(tmp_path: File, answer: object, text: str) -> None:
    (question,), _ = asked(tmp_path, [row(0, answer=answer)])
    assert question.answer == text and matches(text, question.answer, question.answer_type)


def test_a_source_without_ids_options_or_kinds_is_read(tmp_path: File) -> None:
    columns = Columns(question="question", answer="answer", image="image")
    kept, _ = asked(tmp_path, [row(0), row(1)], columns=columns)
    assert len(kept) == 2 and all(q.options == () and q.kind == "" and q.scene == "" for q in kept)


def test_source_revision_and_licence_stand_on_every_row(tmp_path: File) -> None:
    (question,), _ = asked(tmp_path, [row(0)], revision="abc", license="MIT")
    assert (question.source, question.source_revision, question.source_license) == ("org/set", "abc", "MIT")


def test_a_folder_is_read_file_by_file_up_to_its_limit(tmp_path: File) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    table(folder / "b.parquet", [row(2), row(3)])
    table(folder / "a.parquet", [row(0), row(1)])
    context = ran(tmp_path / "questions", "questions", source(folder, limit=3), ())
    assert [q.question for q in read_rows(context.folder, Question)] == [f"How many? ({n})" for n in range(3)]


def refused(tmp_path: File, settings: ParquetSource) -> SourceError:
    with pytest.raises(SourceError) as found:
        ran(tmp_path / "questions", "questions", settings, ())
    return found.value


def test_a_missing_column_is_named_with_the_columns_there_are(tmp_path: File) -> None:
    file = table(tmp_path / "rows.parquet", [row(0)])
    error = refused(tmp_path, source(file, columns=COLUMNS.model_copy(update={"answer": "gold"})))
    assert "no column `gold` for `answer`" in error.fact
    assert all(f"`{name}`" in error.hint for name in row(0))


@pytest.mark.parametrize(("field", "column"), [("options", "image"), ("answer", "image"), ("question", "image")])
def test_a_column_that_holds_something_else_is_named(tmp_path: File, field: str, column: str) -> None:
    file = table(tmp_path / "rows.parquet", [row(0)])
    columns = Columns.model_validate(COLUMNS.model_dump() | {field: column})
    error = refused(tmp_path, source(file, columns=columns))
    assert f"column `{column}`" in error.fact and f"for `{field}`" in error.fact and error.hint


@pytest.mark.parametrize("num_bytes", [0, 3, 40, -1])
def test_a_truncated_file_is_an_error_that_names_it(tmp_path: File, num_bytes: int) -> None:
    file = table(tmp_path / "rows.parquet", [row(n) for n in range(20)])
    file.write_bytes(file.read_bytes()[:num_bytes])
    error = refused(tmp_path, source(file))
    assert str(file) in error.fact and "truncated" in error.hint


def test_no_file_is_an_error_that_names_the_set(tmp_path: File) -> None:
    (tmp_path / "empty").mkdir()
    for file in (tmp_path / "absent.parquet", tmp_path / "empty"):
        error = refused(tmp_path, source(file))
        assert str(file) in error.fact and "`org/set`" in error.hint


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("recipe", "file", "num", "types"),
    [
        ("puzzlevqa", "puzzlevqa.parquet", 500, {"option": 500}),
        ("mathvision", "mathvision_testmini.parquet", 304, {"option": 190, "number": 112, "text": 1, "expression": 1}),
    ],
)
def test_real_questions_are_read_whole(tmp_path: File, recipe: str, file: str, num: int, types: dict[str, int]) -> None:
    if not (DATA / file).exists():
        pytest.skip(f"../shared/data/{file} is absent")
    settings = load_recipe(recipe, [f"questions.test.path={DATA / file}"]).questions["test"]
    context = ran(tmp_path / "questions", "questions", settings, ())
    kept = list(read_rows(context.folder, Question))
    assert len(kept) == num and not left_out(context.folder)
    assert Counter(q.answer_type for q in kept) == types
    assert all(matches(q.answer, q.answer, q.answer_type, q.options) for q in kept)
    assert all(q.source_license == "MIT" and q.kind for q in kept)
