"""A question with several images, all the way: chat, engines, tables and evaluation see all of them, in order."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path as File
from typing import Any

import pytest
from reading import png

from insightv_bench.chat import ask, to_openai, user
from insightv_bench.engines import Caller
from insightv_bench.engines.hf import LocalModel, load_model
from insightv_bench.engines.hf.model import encode
from insightv_bench.evals.arms import Given, docs
from insightv_bench.evals.harness import arm_task
from insightv_bench.evals.harness.model import Seats
from insightv_bench.journal import Journal, Reply, Request, request_key
from insightv_bench.records import Image, Question, ReasoningRow, columns_of
from insightv_bench.settings import EvalSettings, HfEngine, Sampling, TinyModel
from insightv_bench.storage import read_rows, write_shards
from insightv_bench.trainers.models import make_tiny
from insightv_bench.trainers.models.tiny import IMAGE

SHORT = Sampling(max_new_tokens=4)
PLACEHOLDERS = 9
"""Tokens of one image in the tiny model."""


def question(shades: Sequence[int], text: str = "<image 1> or <image 2>?") -> Question:
    images = tuple(Image(bytes=png(shade, 8)) for shade in shades)
    return Question(
        id=f"q{shades}",
        images=images,
        image_sha256=tuple(image.sha256 for image in images),
        question=text,
        options=("<image 1>", "<image 2>"),
        answer="B",
        answer_type="option",
        source="hand",
        source_revision="1",
        source_license="MIT",
    )


QUESTIONS = [question([1, 200, 1]), question([7]), question([]), question([200, 1])]


def test_a_server_is_sent_every_image() -> None:
    (message,) = to_openai(ask("direct", QUESTIONS[0]))
    content = message["content"]
    sent = [block["image_url"]["url"].partition(",")[2] for block in content if block["type"] == "image_url"]
    assert [base64.b64decode(url) for url in sent] == [png(1, 8), png(1, 8), png(200, 8)]  # the third is not named
    assert "<image 1> or <image 2>?" in "".join(block.get("text", "") for block in content)


def test_the_order_of_images_is_another_call() -> None:
    keys = {
        request_key("m@1", Request(ask("direct", q), SHORT)) for q in (*QUESTIONS, question([1, 200]), question([1, 1]))
    }
    assert len(keys) == 6


def test_rows_keep_every_image(tmp_path: File) -> None:
    row = ReasoningRow(**columns_of(QUESTIONS[0]), prompt=(user("reason", QUESTIONS[0]),), completion=(), score=90)
    write_shards(tmp_path, [row], ReasoningRow)
    assert list(read_rows(tmp_path, ReasoningRow)) == [row]
    datasets = pytest.importorskip("datasets")
    loaded = datasets.load_dataset("parquet", data_files=str(tmp_path / "*.parquet"), cache_dir=str(tmp_path / "c"))
    images = loaded["train"][0]["images"]
    assert [image.getpixel((0, 0))[0] for image in images] == [1, 200, 1]
    assert loaded["train"][0]["image_sha256"] == list(QUESTIONS[0].image_sha256)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> File:
    place = tmp_path_factory.mktemp("tiny")
    make_tiny(TinyModel(), place, seed=3)
    return place


def test_a_local_model_sees_every_image_in_one_batch_as_alone(folder: File) -> None:
    """Questions with three, one, none and two images side by side."""
    _, processor = load_model(HfEngine(model=str(folder)))
    requests = [Request(ask("direct", q), SHORT) for q in QUESTIONS]
    tokens = encode(processor, requests)
    placeholder = processor.tokenizer.convert_tokens_to_ids(IMAGE)
    assert [row.tolist().count(placeholder) // PLACEHOLDERS for row in tokens["input_ids"]] == [3, 1, 0, 2]
    assert tokens["pixel_values"].shape[0] == 6
    engine = LocalModel(HfEngine(model=str(folder)))
    together = [reply.text for reply in engine.generate(requests, seed=1)]
    assert together == [engine.generate([request], seed=1)[0].text for request in requests]


class Recorder:
    name, revision, concurrency = "recorder", "1", 4

    def __init__(self) -> None:
        self.requests: list[Request] = []

    async def reply(self, request: Request) -> Reply:
        self.requests.append(request)
        return Reply(text='{"answer": "B"}')


def test_an_evaluation_shows_every_image_in_every_arm(tmp_path: File) -> None:
    settings, asked = EvalSettings(answer_sampling=SHORT), [QUESTIONS[0], QUESTIONS[1], QUESTIONS[3]]
    images = {image.sha256: image for q in asked for image in q.images}
    rows = docs("direct", asked, Given({}, {}), settings)
    task = arm_task("set", "1", "direct", rows, SHORT)
    recorder = Recorder()
    with closing(Journal(tmp_path / "journal.sqlite")) as journal, Caller(recorder, journal) as caller:
        model = Seats({"summary": caller}, images)
        instances: list[Any] = []
        for place, row in enumerate(rows):
            instance = task.construct_requests(doc=row, ctx=task.doc_to_text(row), metadata=("set", place, 1))
            instances.append(instance)
        assert model.generate_until(instances) == ['{"answer": "B"}'] * 3
    assert [request.chat.images for request in recorder.requests] == [q.images for q in asked]
    assert [request.chat.messages[0] for request in recorder.requests] == [user("direct", q) for q in asked]
    assert json.dumps(rows[0]["images"]) == json.dumps(list(QUESTIONS[0].image_sha256))
