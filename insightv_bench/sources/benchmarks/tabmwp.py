"""TabMWP (arXiv 2209.14610), to train on: tables as images, solutions line by line."""

from __future__ import annotations

from ..drafts import Draft, Layout, Row, cell, image_cells
from ..rationales import Part, rationale_of
from .shared import ANSWER, IMAGE, PIXEL, QUESTION, Benchmark, chosen


def draft(row: Row) -> Draft:
    """The answer is a text, of an option where there are some."""
    options, answer, problem = chosen(row, cell(row.get("answer")))
    return Draft(
        question=cell(row.get("question")),
        answer=answer,
        images=image_cells([row.get("image")]),
        options=options,
        id=cell(row.get("id")),
        kind=cell(row.get("ques_type")),
        rationale=rationale_of([Part("", cell(row.get("solution")))], "lines"),
        problem=problem,
    )


BENCHMARKS = (
    Benchmark(
        "tabmwp",
        Layout((QUESTION, ANSWER, IMAGE), draft, ("id", "choices", "ques_type", "solution")),
        None,
        example={
            "id": "38",
            "question": "How many more shells than stones?",
            "choices": None,
            "answer": "13",
            "ques_type": "free_text",
            "solution": "Find the numbers in the table.\nSubtract: 48 - 35 = 13.\nThere are 13 more shells.",
            "image": PIXEL,
        },
        rationale=True,
    ),
)
