"""Rows to evaluate on, as any user has them, and a run whose questions are read already."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from PIL import Image as PILImage

from insightv_bench.journal import Journal
from insightv_bench.plan import plan
from insightv_bench.records import Image, Question, content_id
from insightv_bench.runs import place, run_folder
from insightv_bench.settings.recipe import parse_recipe
from insightv_bench.stages import JOURNAL, MANIFEST, RUN, Context, Progress
from insightv_bench.stages.stage import make_manifest
from insightv_bench.storage import write_shards

RECIPE = """
name: bench
questions: {test: {source: parquet, path: "FILE", name: bench, revision: v1,
                   columns: {question: question, answer: answer, image: image}}}
eval: {arms: [direct]}
model_seats: {summary: {kind: openai, model: m, base_url: "URL/v1", revision: v1, concurrency: 64}}
"""


class Asked(NamedTuple):
    load: str
    num: int


def noise(random: np.random.Generator) -> bytes:
    buffer = io.BytesIO()
    pixels = random.integers(0, 255, (768, 1024, 3), dtype=np.uint8)
    PILImage.fromarray(pixels).save(buffer, "PNG", compress_level=0)
    return buffer.getvalue()


def table(folder: Path, asked: Asked) -> Path:
    """The rows as any user has them; noise, so about 2.4 MB an image."""
    file = folder / f"{asked.load}-{asked.num}.parquet"
    if not file.exists():
        random, columns = np.random.default_rng(0), [("question", pl.String), ("answer", pl.String)]
        rows: list[dict[str, Any]] = [{"question": f"Which is number {n}?", "answer": "A"} for n in range(asked.num)]
        if asked.load == "images":
            rows = [row | {"image": noise(random)} for row in rows]
            columns.append(("image", pl.Binary))
        pl.DataFrame(rows, schema=columns).write_parquet(file)
    return file


def prepare(text: str, out: Path, file: Path) -> None:
    """The stage of questions as finished, and nothing else."""
    recipe = parse_recipe(text, "bench", [])
    run, stages = run_folder(recipe, out), plan(recipe)
    folders = place(recipe, run, stages)
    questions = folders[stages[0].name]
    shutil.rmtree(run / "stages" / "kept", ignore_errors=True)
    for other in (run / "stages").glob("*") if run.exists() else ():
        if other != questions:
            shutil.rmtree(other)
    for kept in run.glob(f"{JOURNAL}*"):
        kept.unlink()
    if (questions / MANIFEST).exists():
        return
    questions.mkdir(parents=True)
    (run / RUN).write_text(json.dumps({"recipe": recipe.name, "seed": recipe.seed}), encoding="utf-8")
    num = write_shards(questions, as_questions(file), Question)
    journal = Journal(run / JOURNAL)
    context = Context(stages[0], questions, {}, journal, Progress(), 0, recipe, num_rows=num)
    (questions / MANIFEST).write_text(json.dumps(make_manifest(stages[0], context, 0.0)), encoding="utf-8")
    journal.close()


def as_questions(file: Path) -> Iterator[Question]:
    for row in pl.read_parquet(file).iter_rows(named=True):
        images = (Image(bytes=row["image"]),) if row.get("image") else ()
        hashes = tuple(image.sha256 for image in images)
        yield Question(
            id=content_id(row["question"], hashes),
            images=images,
            image_sha256=hashes,
            question=row["question"],
            answer="A",
            answer_type="text",
            source="bench",
            source_revision="v1",
            source_license="none",
        )
