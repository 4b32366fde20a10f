"""MME (arXiv 2306.13394); its prompt is the data set's own question, where lmms-eval asks for a word or phrase."""

from __future__ import annotations

from ..drafts import Draft, Layout, Row, cell, image_cells
from .shared import ANSWER, IMAGE, PIXEL, QUESTION, Benchmark


def draft(row: Row) -> Draft:
    """Two questions an image, one answered yes and one no; they count together."""
    kind, name = cell(row.get("category")), cell(row.get("question_id"))
    return Draft(
        question=cell(row.get("question")),
        answer=cell(row.get("answer")),
        images=image_cells([row.get("image")]),
        id=name,
        kind=kind,
        answer_type="yes_no",
        group=f"{kind}/{name}",
    )


def prompt(row: Row, draft: Draft) -> str:
    return draft.question


BENCHMARKS = (
    Benchmark(
        "mme",
        Layout((QUESTION, ANSWER, IMAGE, ("group", ("question_id",)), ("kind", ("category",))), draft),
        prompt,
        example={
            "question_id": "1.png",
            "image": PIXEL,
            "question": "Is it Yes? Please answer yes or no.",
            "answer": "Yes",
            "category": "count",
        },
        hub=("lmms-lab/MME", "lmms-lab-encoder/MME"),
    ),
)
