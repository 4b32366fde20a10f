"""Golds that are ranges, dates, names and amounts, from a file through a judge of paths and a whole evaluation."""

from __future__ import annotations

import json
from pathlib import Path as File
from typing import Any

import polars as pl
import pytest
from command_line import bench
from judged_paths import assessed, path
from reading import png
from recording_server import ChatServer, completion
from small_build import ran

from insightv_bench.records import EvalRecord, Question
from insightv_bench.settings import AssessSettings, Columns, ParquetSource
from insightv_bench.storage import read_rows

GOLDS = {  # gold: what says the same, and what looks like it and is another
    "30-39": (("30 to 39", "between 30 and 39", "30–39"), ("20-29", "30-49", "39", "39-30")),
    "2020-01-02": (("January 2, 2020", "2 January 2020"), ("2021-01-03", "2020-02-01", "2020")),
    "2 PM": (("2:00 pm", "14:00"), ("2 AM", "2:30 PM", "2")),
    "16:9": (("16 : 9", "16 to 9"), ("9:16", "16:10")),
    "7 cm": (("7", "70 mm", "7 centimetres"), ("7 km", "7 kg", "17 cm", "0.7 cm")),
    "1,250": (("1250", "1250.0", "1.25 thousand"), ("125", "1,251", "12.50")),
    "New Zealand": (("new zealand", "**New Zealand**"), ("Old Zealand", "New Zealand Islands", "Zealand")),
    "20th Century Fox": (("20th century fox",), ("20th Century Studios", "20", "21st Century Fox")),
    "H2O": (("h2o",), ("HO2", "H2O2", "2")),
    "1920x1080": (("1920 x 1080",), ("1080x1920", "1920")),
    "5 or more": (("5 or more",), ("5 or less", "5")),
}
REPLIES = [
    (gold, said, right)
    for gold, sides in GOLDS.items()
    for right, side in zip((True, False), sides, strict=True)
    for said in side
]


def rows() -> list[dict[str, Any]]:
    return [
        {
            "id": f"q{place}",
            "question": f"Which is it? ({place})",
            "answer": gold,
            "image": {"bytes": png(place), "path": None},
        }
        for place, (gold, _, _) in enumerate(REPLIES)
    ]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> File:
    file = tmp_path_factory.mktemp("golds") / "golds.parquet"
    schema = {"image": pl.Struct({"bytes": pl.Binary, "path": pl.String})}
    pl.DataFrame(rows(), schema_overrides=schema).write_parquet(file)
    return file


def test_paths_are_assessed_by_what_a_gold_is(table: File, tmp_path: File) -> None:
    columns = Columns(question="question", answer="answer", image="image", id="id")
    source = ParquetSource(source="parquet", path=str(table), name="org/golds", columns=columns)
    context = ran(tmp_path / "questions", "questions", source, ())
    questions = list(read_rows(context.folder, Question))
    assert {question.answer_type for question in questions} >= {"range", "date", "time", "ratio", "number", "text"}
    said = {question.id: REPLIES[int(question.question.split("(")[1][:-1])] for question in questions}
    paths = [path(question.id, f"p{question.id}", said[question.id][1]) for question in questions]
    verdicts, _ = assessed(tmp_path, AssessSettings(judge="rule"), questions, paths)
    found = {said[row.question_id]: row.correct for row in verdicts.values()}
    assert [case for case, correct in found.items() if correct != case[2]] == []
    assert len(found) == len(REPLIES)


@pytest.mark.slow
def test_a_whole_evaluation_calls_none_right_that_is_another(table: File, tmp_path: File) -> None:
    def answer(body: dict[str, Any]) -> tuple[int, Any]:
        asked = json.dumps(body["messages"])
        if "Which is it? (" not in asked:
            return 200, completion("Yes.")  # whether the server is there
        place = int(asked.split("Which is it? (")[1].split(")")[0])
        return 200, completion(f"The answer is {REPLIES[place][1]}.")

    server = ChatServer(answer)
    try:
        recipe = tmp_path / "golds.yaml"
        recipe.write_text(
            json.dumps(
                {
                    "name": "golds",
                    "questions": {
                        "test": {
                            "source": "parquet", "path": str(table), "name": "org/golds",
                            "columns": {"question": "question", "answer": "answer", "image": "image", "id": "id"},
                        }
                    },
                    "eval": {"arms": ["direct"]},
                }
            )
        )  # fmt: skip
        done = bench(
            tmp_path, "eval", recipe, "--model", f"openai:{server.url}#org/model", "--model_args", "check_images=false"
        )
        assert done.returncode == 0, done.stderr
    finally:
        server.close()
    files = sorted((tmp_path / "runs").rglob("eval-*/data-*.parquet"))
    records = [record for file in files for record in read_rows(file, EvalRecord)]
    said = {record.question_id: REPLIES[int(record.question.split("(")[1][:-1])] for record in records}
    assert len(records) == len(REPLIES)
    wrong = [(said[row.question_id], row.answer) for row in records if row.correct != said[row.question_id][2]]
    assert wrong == []
