"""Readers of well-known data sets, on rows in the layout that each has on the Hub."""

from __future__ import annotations

from collections import Counter
from pathlib import Path as File
from typing import Any

import polars as pl
import pytest
from reading import png, ran

from insightv_bench.answers import matches
from insightv_bench.errors import SourceError
from insightv_bench.records import Question
from insightv_bench.settings import ParquetSource, load_recipe
from insightv_bench.sources import check_image, problem_with
from insightv_bench.sources.benchmarks import BENCHMARKS, Benchmark
from insightv_bench.stages import Exclusion

DATA = File(__file__).parents[2] / "shared" / "data"
IMAGE = pl.Struct({"bytes": pl.Binary, "path": pl.String})


def image(shade: int) -> dict[str, Any]:
    return {"bytes": png(shade), "path": f"{shade}.png"}


def read(out: File, reader: str, rows: list[dict[str, Any]], **types: Any) -> tuple[list[Question], list[Exclusion]]:
    out.mkdir(exist_ok=True)
    images = {name: IMAGE for name in rows[0] if name.startswith(("image", "decoded")) and name not in types}
    pl.DataFrame(rows, schema_overrides={**images, **types}).write_parquet(out / "rows.parquet")
    source = ParquetSource(source="parquet", path=str(out / "rows.parquet"), name="org/set", reader=reader)  # type: ignore[arg-type]
    kept, left_out, _ = ran(out, source)
    assert all(matches(q.answer, q.answer, q.answer_type, q.options) for q in kept)
    return kept, left_out


def mmmu(**changes: Any) -> dict[str, Any]:
    row = {
        "id": "validation_Art_1",
        "question": "<image 1> Who painted it?",
        "options": "['Klee', \"O'Keeffe\", 'Miro']",
        "explanation": "",
        **{f"image_{number}": image(1) if number == 1 else None for number in range(1, 8)},
        "img_type": "['Paintings']",
        "answer": "B",
        "topic_difficulty": "Easy",
        "question_type": "multiple-choice",
        "subfield": "Art History",
    }
    return {**row, **changes}


def test_mmmu_options_are_a_list_written_as_text(tmp_path: File) -> None:
    (question,), _ = read(tmp_path, "mmmu", [mmmu()])
    assert question.options == ("Klee", "O'Keeffe", "Miro") and question.answer == "B"
    assert (question.answer_type, question.kind, len(question.images)) == ("option", "Art History", 1)


def test_mmmu_keeps_all_images_in_order_and_names_them_by_their_place(tmp_path: File) -> None:
    """A gap between images would send the reader to the wrong one; options may be images too."""
    gap = {"image_1": image(1), "image_2": None, "image_3": image(3), "image_7": image(7)}
    rows = [
        mmmu(question="<image 1> and <image 3>?", options="['<image 7>', '<image 3>', 'none']", **gap),
        mmmu(id="x", question="<image 2>?"),
    ]
    (question,), (out,) = read(tmp_path, "mmmu", rows)
    assert [image.bytes for image in question.images] == [png(1), png(3), png(7)]
    assert question.image_sha256 == tuple(image.sha256 for image in question.images)
    assert question.question == "<image 1> and <image 2>?" and question.options == ("<image 3>", "<image 2>", "none")
    assert (out.id, out.reason) == ("x", "an image that the question names is missing")


@pytest.mark.parametrize(
    ("answer", "gold", "reason"),
    [
        ("0.5", "0.5", ""),
        ("['0.5', '1/2']", "0.5", ""),
        ("['heart', 'Heart']", "heart", ""),
        ("['$6', '$7']", "", "several gold answers"),
        ("?", "", "no answer"),
    ],
)
def test_mmmu_open_answers(tmp_path: File, answer: str, gold: str, reason: str) -> None:
    rows = [mmmu(question="How much?", options="[]", answer=answer), mmmu()]
    kept, out = read(tmp_path, "mmmu", rows)
    assert [one.reason for one in out] == ([reason] if reason else [])
    assert len(kept) == 1 + (not reason) and (reason or kept[0].answer == gold)


def test_puzzlevqa_answers_by_an_options_text(tmp_path: File) -> None:
    """Also where the text of one option is the letter of another."""
    shared = {"question": "Which?", "caption": "", "category": "shapes"}
    rows = [
        {**shared, "options": ["blue", "red"], "answer": "red", "image": image(1)},
        {**shared, "options": ["B", "A"], "answer": "A", "image": image(2)},
        {**shared, "options": ["C", "D"], "answer": "A", "image": image(3)},
        {**shared, "options": ["red", "red"], "answer": "red", "image": image(4)},
    ]
    kept, out = read(tmp_path, "puzzlevqa", rows)
    assert [q.answer for q in kept] == ["B", "B"] and [q.kind for q in kept] == ["shapes"] * 2
    assert [one.reason for one in out] == ["answer not an option"] * 2


def test_mathvision_takes_the_decoded_image_and_a_letter(tmp_path: File) -> None:
    shared = {"id": "4", "question": "How many? <image1>", "subject": "counting", "level": 1, "solution": None}
    rows = [
        {**shared, "options": ["A", "B"], "answer": "B", "image": "images/4.jpg", "decoded_image": image(1)},
        {**shared, "options": [], "answer": "\\frac{1}{2}", "image": "images/5.jpg", "decoded_image": image(2)},
    ]
    kept, _ = read(tmp_path, "mathvision", rows, image=pl.String)
    assert [(q.answer, q.answer_type) for q in kept] == [("B", "option"), ("\\frac{1}{2}", "number")]
    assert kept[0].images[0].bytes == png(1) and "<image1>" in kept[0].question


@pytest.mark.parametrize("names", [("query", "label", "human_or_machine"), ("question", "answer", "type")])
def test_chartqa_in_both_spellings(tmp_path: File, names: tuple[str, str, str]) -> None:
    query, label, kind = names
    mirror = label == "answer"
    rows = [
        {query: "How much?", label: "14" if mirror else ["14"], kind: "human_test" if mirror else 0},
        {query: "Is it?", label: "Yes" if mirror else ["Yes"], kind: "augmented_test" if mirror else 1},
        {query: "Which two?", label: "" if mirror else ["a", "b"], kind: "human_test" if mirror else 0},
    ]
    kept, out = read(tmp_path, "chartqa", [{**row, "image": image(n)} for n, row in enumerate(rows)])
    assert [(q.answer, q.answer_type, q.kind) for q in kept] == [
        ("14", "number", "human"),
        ("Yes", "yes_no", "augmented"),
    ]
    assert [one.reason for one in out] == ["no answer" if mirror else "several gold answers"]


def test_mathvista_names_unit_and_rounding(tmp_path: File) -> None:
    shared = {"image": "images/1.jpg", "unit": None, "precision": None, "metadata": {"task": "geometry"}}
    rows = [
        {
            "pid": "1",
            "question": "Which?",
            "choices": ["larger", "smaller"],
            "answer": "smaller",
            "answer_type": "text",
        },
        {"pid": "2", "question": "How long?", "choices": None, "answer": "1.20", "answer_type": "float"},
        {"pid": "3", "question": "Which years?", "choices": None, "answer": "[2001, 2004]", "answer_type": "list"},
        {"pid": "4", "question": "How many?", "choices": None, "answer": "", "answer_type": "integer"},
    ]
    rows = [{**shared, **row, "decoded_image": image(n)} for n, row in enumerate(rows)]
    rows[1] |= {"unit": "cm", "precision": 2.0}
    kept, out = read(tmp_path, "mathvista", rows, image=pl.String, precision=pl.Float64, choices=pl.List(pl.String))
    assert [(q.answer, q.answer_type) for q in kept] == [("B", "option"), ("1.20", "number"), ("[2001, 2004]", "list")]
    assert kept[1].question == "How long? (unit: cm) Round to 2 decimal places."
    assert [(one.id, one.reason) for one in out] == [("4", "no answer")] and kept[0].kind == "geometry"


def test_scienceqa_answers_by_place_and_shows_its_hint(tmp_path: File) -> None:
    shared = {
        "question": "Which is it?",
        "choices": ["a fern", "a moss"],
        "topic": "biology",
        "lecture": "",
        "hint": "",
    }
    rows = [
        {**shared, "answer": 1, "hint": "Figure: a plant.", "image": image(1)},
        {**shared, "answer": 0, "image": image(2)},
        {**shared, "answer": 2, "image": image(3)},
        {**shared, "answer": 0, "image": None},
    ]
    kept, out = read(tmp_path, "scienceqa", rows, answer=pl.Int8)
    assert [(q.answer, q.answer_type) for q in kept] == [("B", "option"), ("A", "option")]
    assert [q.question for q in kept] == ["Figure: a plant.\nWhich is it?", "Which is it?"]
    assert [one.reason for one in out] == ["answer not an option", "no image"]


def test_another_data_set_than_the_readers_is_told_by_its_columns(tmp_path: File) -> None:
    with pytest.raises(SourceError) as found:
        read(tmp_path, "mmmu", [{"query": "?", "label": "7", "image": image(1)}])
    assert "no column `question` for `question`" in found.value.fact and "`query`, `label`, `image`" in found.value.hint


@pytest.mark.slow
@pytest.mark.real_data
@pytest.mark.parametrize(
    ("recipe", "file"), [("puzzlevqa", "puzzlevqa.parquet"), ("mathvision", "mathvision_testmini.parquet")]
)
def test_a_reader_gives_the_same_real_questions_as_the_column_map(tmp_path: File, recipe: str, file: str) -> None:
    if not (DATA / file).exists():
        pytest.skip(f"../shared/data/{file} is absent")
    mapped = load_recipe(recipe, [f"questions.test.path={DATA / file}"]).questions["test"]
    assert isinstance(mapped, ParquetSource)
    known = mapped.model_copy(update={"columns": None})
    one, other = ran(tmp_path / "columns", mapped), ran(tmp_path / "reader", known)
    assert [q.id for q in one[0]] == [q.id for q in other[0]] and one[0] == other[0]
    assert not one[1] and not other[1] and Counter(one[2].totals["images_mended"]) == Counter()


@pytest.mark.parametrize("benchmark", BENCHMARKS.values(), ids=BENCHMARKS)
def test_the_example_of_a_benchmark_is_a_question_and_has_the_columns_that_it_needs(benchmark: Benchmark) -> None:
    read_columns = benchmark.layout.choose(list(benchmark.example), benchmark.name)
    draft = benchmark.layout.draft({name: benchmark.example[name] for name in read_columns})
    assert problem_with(draft, "" if draft.images else "no image") == ""
    assert check_image(draft.images[0]["bytes"], max_pixels=1).image
    assert benchmark.prompt is None or benchmark.prompt(benchmark.example, draft)
