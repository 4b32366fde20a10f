"""Questions of files: parquet and JSON lines, images as bytes or as files beside them, several images in a row."""

from __future__ import annotations

import base64
import gzip
import json
import os
from collections.abc import Sequence
from pathlib import Path as File
from typing import Any

import polars as pl
import pytest
from PIL import Image as PILImage
from reading import png, ran

from insightv_bench.builders.sources.files import inside
from insightv_bench.errors import InsightvError, RecipeError, SourceError, StageError
from insightv_bench.settings import Columns, JsonlSource, ParquetSource, TableSource
from insightv_bench.settings.recipe import parse_recipe
from insightv_bench.storage import parquet as tables

COLUMNS = Columns(question="question", answer="answer", image=("image",))


def jsonl(file: File, rows: Sequence[dict[str, Any] | str | bytes]) -> File:
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = [
        row if isinstance(row, bytes) else (row if isinstance(row, str) else json.dumps(row)).encode() for row in rows
    ]
    file.write_bytes(b"\n".join(lines) + b"\n")
    return file


def row(place: int, **changes: Any) -> dict[str, Any]:
    return {"question": f"How many? ({place})", "answer": "7", "image": f"{place}.png", **changes}


def lines(path: File, **changes: Any) -> JsonlSource:
    given = {"source": "jsonl", "path": str(path), "name": "org/set", "columns": COLUMNS, **changes}
    return JsonlSource(**given)


@pytest.fixture
def folder(tmp_path: File) -> File:
    """Ten images, and one file outside."""
    place = tmp_path / "data"
    place.mkdir()
    for shade in range(10):
        (place / f"{shade}.png").write_bytes(png(shade))
    (tmp_path / "secret.png").write_bytes(png(99))
    return place


def test_json_lines_with_images_beside_them_are_questions(folder: File, tmp_path: File) -> None:
    rows = [row(0), row(1, answer=12), row(2, answer=True), row(3, answer=0.5), row(4, question="Hér? 漢字")]
    kept, out, context = ran(tmp_path, lines(jsonl(folder / "rows.jsonl", rows)))
    assert [q.answer for q in kept] == ["7", "12", "True", "0.5", "7"] and not out
    assert [q.images[0].bytes for q in kept] == [png(n) for n in range(5)]
    assert all(q.images[0].path is None for q in kept)
    assert context.totals["source_revision"] == kept[0].source_revision


def test_a_folder_of_json_lines_is_read_file_by_file_with_images_of_the_folder(folder: File, tmp_path: File) -> None:
    jsonl(folder / "b.jsonl", [row(2), row(3)])
    jsonl(folder / "a.jsonl", [row(0), row(1)])
    kept, _, _ = ran(tmp_path, lines(folder, limit=3))
    assert [q.question for q in kept] == [f"How many? ({n})" for n in range(3)]


def test_lines_that_are_no_rows_are_kept_apart(folder: File, tmp_path: File) -> None:
    rows = [row(0), "{broken", "[1, 2]", b"\xff\xfe\x00", "", '"text"', "[" * 100_000, row(1)]
    kept, out, _ = ran(tmp_path, lines(jsonl(folder / "rows.jsonl", rows)))
    assert len(kept) == 2
    assert [(one.id, one.reason) for one in out] == [(f"line {n}", "line is no JSON object") for n in (2, 3, 4, 6, 7)]
    assert out[0].row == "{broken"


def test_packed_lines_are_read_and_a_damaged_pack_is_one_error(folder: File, tmp_path: File) -> None:
    plain = jsonl(folder / "rows.jsonl", [row(0), row(1)]).read_bytes()
    packed = folder / "rows.jsonl.gz"
    packed.write_bytes(gzip.compress(plain))
    kept, out, _ = ran(tmp_path / "whole", lines(packed))
    assert len(kept) == 2 and not out
    for number, broken in enumerate((packed.read_bytes()[:-9], b"no pack at all")):
        packed.write_bytes(broken)
        with pytest.raises(SourceError, match="cannot be read"):
            ran(tmp_path / str(number), lines(packed))


def test_text_that_no_file_can_hold_is_mended(folder: File, tmp_path: File) -> None:
    content = (
        b'\xef\xbb\xbf{"question": "half \\ud83d a pair", "answer": NaN, "image": "0.png"}\n'
        + json.dumps(row(1, question="half \ud83d a pair")).encode()
    )
    (folder / "rows.jsonl").write_bytes(content)
    kept, out, _ = ran(tmp_path, lines(folder / "rows.jsonl"))
    assert [q.question for q in kept] == ["half ? a pair"] and [one.reason for one in out] == ["no answer"]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("../secret.png", "image file lies outside the data's folder"),
        ("{outside}", "image file lies outside the data's folder"),
        ("link.png", "image file lies outside the data's folder"),
        ("linked/secret.png", "image file lies outside the data's folder"),
        ("absent.png", "image file is missing"),
        (".", "image file is missing"),
        ("pipe", "image file is missing"),
        ("x" * 5000, "image file cannot be read"),
        ("a\0b.png", "image file cannot be read"),
        ("rows.jsonl", "image cannot be decoded"),
        ("", "no image"),
        (None, "no image"),
        (7, "no image"),
        ([], "no image"),
        (["0.png", "absent.png"], "image file is missing"),
        (["0.png", None], "no image"),
        ({"bytes": None, "path": "../secret.png"}, "image file lies outside the data's folder"),
    ],
)
def test_an_image_that_cannot_be_had_leaves_its_row_out(folder: File, tmp_path: File, path: Any, reason: str) -> None:
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    (folder / "linked").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe")
    path = str(tmp_path / "secret.png") if path == "{outside}" else path
    kept, out, _ = ran(tmp_path, lines(jsonl(folder / "rows.jsonl", [row(0), row(1, image=path)])))
    assert len(kept) == 1 and [one.reason for one in out] == [reason]


def test_parquet_may_name_its_images_too(folder: File, tmp_path: File) -> None:
    rows = [row(0), row(1, image="sub/../1.png"), row(2, image="../secret.png")]
    pl.DataFrame(rows).write_parquet(folder / "rows.parquet")
    source = ParquetSource(source="parquet", path=str(folder), name="org/set", columns=COLUMNS)
    kept, out, _ = ran(tmp_path, source)
    assert [q.images[0].bytes for q in kept] == [png(0), png(1)] and len(out) == 1


def test_a_file_is_what_its_source_says_whatever_its_name(folder: File, tmp_path: File) -> None:
    pl.DataFrame([row(0)]).write_parquet(folder / "rows")
    kept, _, _ = ran(
        tmp_path / "a", ParquetSource(source="parquet", path=str(folder / "rows"), name="a", columns=COLUMNS)
    )
    assert len(kept) == 1
    kept, _, _ = ran(tmp_path / "b", lines(jsonl(folder / "rows.parquet", [row(0), row(1)])))
    assert len(kept) == 2


def test_files_of_large_images_are_shorter_and_hold_the_same_rows(
    folder: File, tmp_path: File, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = lines(jsonl(folder / "rows.jsonl", [row(n) for n in range(10)]), revision="1")
    whole, _, _ = ran(tmp_path / "a", source)
    monkeypatch.setattr(tables, "BYTES_A_FILE", 3 * len(png()))
    parts, _, context = ran(tmp_path / "b", source)
    assert parts == whole and len(list(context.folder.glob("data-*.parquet"))) > 2


@pytest.mark.parametrize(
    ("image", "columns", "shades"),
    [
        (["3.png", "1.png", "3.png"], ("image",), [3, 1, 3]),
        (["3.png"], ("image", "more"), [3, 8, 9]),
        ("4.png", ("more", "image"), [8, 9, 4]),
        (None, ("image", "more"), [8, 9]),
    ],
)
def test_all_images_of_a_row_are_kept_in_order(
    folder: File, tmp_path: File, image: Any, columns: tuple[str, ...], shades: list[int]
) -> None:
    rows = [row(0, image=image, more=["8.png", "9.png"])]
    map_ = COLUMNS.model_copy(update={"image": columns})
    (question,), _, _ = ran(tmp_path, lines(jsonl(folder / "rows.jsonl", rows), columns=map_))
    assert [image.bytes for image in question.images] == [png(shade) for shade in shades]
    assert question.image_sha256 == tuple(image.sha256 for image in question.images)


def test_the_order_of_images_makes_another_question(folder: File, tmp_path: File) -> None:
    rows = [row(0, image=["1.png", "2.png"]), row(0, image=["2.png", "1.png"]), row(0, image=["1.png"])]
    kept, _, _ = ran(tmp_path, lines(jsonl(folder / "rows.jsonl", rows)))
    assert len({q.id for q in kept}) == 3


@pytest.mark.parametrize(
    ("given", "columns", "options"),
    [
        ({"choices": ["red", "blue"]}, "choices", ("red", "blue")),
        ({"choices": "['red', 'it''s blue']"}, "choices", ("red", "its blue")),
        ({"choices": '["red", "blue"]'}, "choices", ("red", "blue")),
        ({"choices": [1, 2.5]}, "choices", ("1", "2.5")),
        ({"A": "red", "B": "blue", "C": None}, ["A", "B", "C"], ("red", "blue")),
        ({"choices": {"B": "blue", "A": "red", "C": None}}, "choices", ("red", "blue")),
        ({"choices": '{"a": "red", "b": "blue"}'}, "choices", ("red", "blue")),
        ({"choices": "A. red; B. blue"}, "choices", ("red", "blue")),
        ({"choices": "(A) red (B) 3.5 cm\n(C) both A and B"}, "choices", ("red", "3.5 cm", "both A and B")),
        ({"choices": "A: red, B: blue"}, "choices", ("red", "blue")),
        ({"choices": []}, "choices", ()),
        ({"choices": None}, "choices", ()),
    ],
)
def test_options_come_in_several_forms(
    folder: File, tmp_path: File, given: dict[str, Any], columns: Any, options: tuple[str, ...]
) -> None:
    map_ = Columns(question="question", answer="answer", image=("image",), options=columns)
    rows = [row(0, answer="A", **given)]
    (question,), _, _ = ran(tmp_path, lines(jsonl(folder / "rows.jsonl", rows), columns=map_))
    assert question.options == options and question.answer == "A"


@pytest.mark.parametrize(
    ("choices", "reason"),
    [
        ("red or blue", "options cannot be read"),
        ("__import__('os').getcwd()", "options cannot be read"),
        ("{'colour': 'red'}", "options cannot be read"),
        ({"colour": "red", "B": "blue"}, "options cannot be read"),
        ({"A": "red", "C": "blue"}, "an option is empty"),
        ("B. blue; A. red", "options cannot be read"),
        ([["red"], ["blue"]], "options cannot be read"),
        ("[" * 5000, "options cannot be read"),
        (["red", ""], "an option is empty"),
        (["red", None], "an option is empty"),
    ],
)
def test_options_that_cannot_be_read_leave_their_row_out(
    folder: File, tmp_path: File, choices: Any, reason: str
) -> None:
    map_ = Columns(question="question", answer="answer", image=("image",), options=("choices",))
    rows = [row(0, answer="A", choices=choices), row(1, answer="A", choices=["x", "y"])]
    kept, out, _ = ran(tmp_path, lines(jsonl(folder / "rows.jsonl", rows), columns=map_))
    assert len(kept) == 1 and [one.reason for one in out] == [reason]


@pytest.mark.parametrize(
    ("gold", "index_from", "answer", "reason"),
    [
        ("(B)", None, "B", ""),
        ("B.", None, "B", ""),
        ("b", None, "B", ""),
        ("B) blue", None, "B", ""),
        ("B. red", None, "", "the answer's letter is not that of its text"),
        (["B"], None, "B", ""),
        ('["blue"]', None, "B", ""),
        (["B", "C"], None, "", "several gold answers"),
        (1.0, 0, "B", ""),
        ("1.0", 1, "A", ""),
        (1.0, None, "", "the answer is an option's number, and `index_from` does not say whether they begin at 0 or 1"),
        (7, 0, "", "answer not an option"),
        ("nan", None, "", "the answer stands for none, as `nan` does"),
        ("null", None, "", "the answer stands for none, as `nan` does"),
        ("?", None, "", "the answer stands for none, as `nan` does"),
    ],
)
def test_a_gold_answer_is_read_as_people_write_it_or_left_out_with_a_reason(
    folder: File, tmp_path: File, gold: Any, index_from: Any, answer: str, reason: str
) -> None:
    map_ = Columns(question="question", answer="answer", image=("image",), options=("choices",), index_from=index_from)
    rows = [
        row(0, answer=gold, choices=["red", "blue", "green"]),
        row(1, answer=1.0 if index_from else "A", choices=["x", "y"]),
    ]
    kept, out, _ = ran(tmp_path, lines(jsonl(folder / "rows.jsonl", rows), columns=map_))
    assert [one.reason for one in out if "(0)" in one.row] == ([reason] if reason else [])
    assert [q.answer for q in kept if "(0)" in q.question] == ([answer] if answer else [])


def test_golds_in_a_list_and_golds_that_stand_for_none(folder: File, tmp_path: File) -> None:
    golds: list[Any] = [["7"], '["7", "7.0"]', ["7", "8"], "[3, 5]", "N/A", "none", 0]
    rows = [row(n, answer=gold) for n, gold in enumerate(golds)]
    kept, out, _ = ran(tmp_path, lines(jsonl(folder / "rows.jsonl", rows)))
    assert [q.answer for q in kept] == ["7", "7", "[3, 5]", "none", "0"]
    assert [one.reason for one in out] == ["several gold answers", "the answer stands for none, as `nan` does"]


def test_an_empty_option_column_moves_no_letter(folder: File, tmp_path: File) -> None:
    map_ = Columns(question="question", answer="answer", image=("image",), options=("A", "B", "C", "D"))
    first = {"A": None, "B": "cat", "C": "dog", "D": "cow"}
    last = {"A": "ant", "B": "cat", "C": "dog", "D": ""}
    rows = [row(0, answer="C", **first), row(1, answer="C", **last)]
    kept, out, _ = ran(tmp_path, lines(jsonl(folder / "rows.jsonl", rows), columns=map_))
    assert [(q.options, q.answer) for q in kept] == [(("ant", "cat", "dog"), "C")]
    assert [one.reason for one in out] == ["an option is empty"]


def test_images_as_base64_are_read_and_addresses_are_not(folder: File, tmp_path: File) -> None:
    code = base64.b64encode(png(3)).decode()
    given = [
        code,
        f"data:image/png;base64,{code}",
        f"{code[:40]}\n{code[40:]}",
        "https://host/x.png",
        "data:image/png,x",
    ]
    given += ["data:image/png;base64,AAAA", "A" * 80]
    rows = [row(n, image=image) for n, image in enumerate(given)]
    kept, out, _ = ran(tmp_path, lines(jsonl(folder / "rows.jsonl", rows)))
    assert [q.images[0].bytes for q in kept] == [png(3)] * 3
    reasons = ["the image is an address on the web, not a file", "image cannot be decoded", "image cannot be decoded"]
    assert [one.reason for one in out] == [*reasons, "image file is missing"]


def test_links_lead_into_a_named_image_folder_and_nowhere_else(folder: File, tmp_path: File) -> None:
    store = tmp_path / "store"
    store.mkdir()
    (store / "a.png").write_bytes(png(5))
    (folder / "link.png").symlink_to(store / "a.png")
    (folder / "out.png").symlink_to(tmp_path / "secret.png")
    rows = [
        row(0, image="link.png"),
        row(1, image="a.png"),
        row(2, image="out.png"),
        row(3),
        row(4, image="../secret.png"),
    ]
    kept, out, _ = ran(tmp_path, lines(jsonl(folder / "rows.jsonl", rows), images=str(store)))
    assert [q.images[0].bytes for q in kept] == [png(5), png(5), png(3)]
    assert {one.reason for one in out} == {"image file lies outside the data's folder"} and len(out) == 2


def test_the_same_question_with_two_answers_is_left_out_wherever_it_stands(folder: File, tmp_path: File) -> None:
    (folder / "0 again.png").write_bytes(png(0))
    rows = [
        row(0, question="A?", answer="7", image="0.png"),
        row(1, question="B?", answer="7", image="0.png"),
        row(2, question="A?", answer="8", image="0.png"),
        row(3, question="B?", answer="7.0", image="0.png"),
        row(4, question="A?", answer="9", image="1.png"),
        row(5, question="C?", answer="7", image="0.png"),
        row(6, question="C?", answer="8", image="0 again.png"),
    ]
    kept, out, _ = ran(tmp_path, lines(jsonl(folder / "rows.jsonl", rows)))
    assert [(q.question, q.answer) for q in kept] == [("B?", "7"), ("A?", "9")]
    reason = "the same question has another answer elsewhere"
    assert sorted(one.reason for one in out) == ["duplicate", *4 * [reason]]


def test_files_without_a_revision_have_their_content_as_one(folder: File, tmp_path: File) -> None:
    file = jsonl(folder / "rows.jsonl", [row(0)])
    revisions = []
    for name, rows in (("a", [row(0)]), ("b", [row(0)]), ("c", [row(0), row(1)])):
        kept, _, _ = ran(tmp_path / name, lines(jsonl(file, rows)))
        revisions.append(kept[0].source_revision)
    assert revisions[0] == revisions[1] != revisions[2] and revisions[0].startswith("sha256-")
    kept, _, _ = ran(tmp_path / "d", lines(file, revision="v2"))
    assert kept[0].source_revision == "v2"


def test_mended_images_are_counted(folder: File, tmp_path: File) -> None:
    PILImage.new("CMYK", (4, 4)).save(folder / "0.png", "JPEG")
    rows = [row(0), row(1), row(2, image=["0.png", "1.png"])]
    _, _, context = ran(tmp_path, lines(jsonl(folder / "rows.jsonl", rows)))
    assert context.totals["images_mended"] == {"CMYK": 2}


def failed(out: File, source: TableSource) -> InsightvError:
    with pytest.raises(InsightvError) as found:
        ran(out, source)
    assert found.value.hint
    return found.value


def test_what_is_wrong_with_the_whole_file_is_one_clear_error(folder: File, tmp_path: File) -> None:
    error = failed(tmp_path, lines(folder / "absent.jsonl"))
    assert isinstance(error, SourceError) and "absent.jsonl" in error.fact
    error = failed(tmp_path, lines(jsonl(folder / "rows.jsonl", [{"query": "?", "answer": "7"}])))
    assert "no column `question` for `question`" in error.fact and "`query`, `answer`" in error.hint
    error = failed(tmp_path, lines(jsonl(folder / "rows.jsonl", [row(0, answer="")])))
    assert isinstance(error, StageError) and "not one row" in error.fact and "no answer: 1" in error.fact
    error = failed(tmp_path, lines(jsonl(folder / "rows.jsonl", [""])))
    assert "there are no rows" in error.fact


@pytest.mark.parametrize(
    ("path", "plain"),
    [
        ("a/b.png", "a/b.png"),
        ("./a.png", "a.png"),
        ("a//b.png", "a/b.png"),
        ("../a.png", None),
        ("a/../../b.png", None),
        ("/etc/passwd", None),
        ("..\\a.png", None),
        ("a\0.png", None),
        ("", None),
    ],
)
def test_a_path_in_a_data_set_stays_inside_it(path: str, plain: str | None) -> None:
    assert inside(path) == plain


RECIPE = "name: mine\nquestions:\n  test: {{{}}}\n"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("source: jsonl, path: a.jsonl, name: a", "`columns` is missing"),
        ("source: hub, id: org/unknown, split: test", "`columns` is missing"),
        ("source: hub, id: MMMU/MMMU, split: test, reader: mmu", "did you mean `mmmu`"),
        ("source: hub, id: MMMU/MMMU", "questions.test.split"),
        ("source: hub, id: ../../etc, split: test, reader: mmmu", "questions.test.id"),
        ("source: parquet, path: a, name: a, reader: mmmu, columns: {question: a, answer: b, image: c}", "leave one"),
        ("source: parquet, path: a, name: a, columns: {question: a, answer: b, image: 7}", "columns.image"),
        ("source: parqet, path: a", "did you mean `parquet`"),
    ],
)
def test_a_source_that_cannot_be_meant_is_refused_with_its_place(source: str, words: str) -> None:
    with pytest.raises(RecipeError) as found:
        parse_recipe(RECIPE.format(source), "mine", [])
    assert words in str(found.value)


def test_a_known_data_set_brings_its_reader() -> None:
    source = parse_recipe(RECIPE.format("source: hub, id: MMMU/MMMU, split: validation"), "mine", []).questions["test"]
    assert isinstance(source, TableSource) and source.known_reader == "mmmu"
