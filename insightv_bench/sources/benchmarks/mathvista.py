"""MathVista (arXiv 2310.02255); its prompt is the data set's column `query`: hint, question, unit and choices.

lmms-eval's `solution` variant is the same.
"""

from __future__ import annotations

from insightv_bench.records import AnswerType

from ..drafts import Draft, Layout, Row, cell, image_cells
from .shared import ANSWER, CHOICES, DECODED, PIXEL, QUESTION, Benchmark, chosen, first

MAX_PLACES = 20
"""Decimals of a number; a column that says more, or NaN, says nothing."""
TYPES: dict[str, AnswerType] = {"integer": "number", "float": "number", "list": "list"}


def draft(row: Row) -> Draft:
    """A free answer comes with its unit and the decimals it is rounded to, which the question must name."""
    options, answer, problem = chosen(row, cell(row.get("answer")))
    question, unit, precision = cell(row.get("question")), cell(row.get("unit")), row.get("precision")
    kind, metadata = cell(row.get("answer_type")), row.get("metadata")
    if unit:
        question += f" (unit: {unit})"
    if not options and kind == "float" and isinstance(precision, (int, float)) and 0 <= precision < MAX_PLACES:
        places = int(precision)
        question += f" Round to {places} decimal place{'s' * (places != 1)}."
    return Draft(
        question=question,
        answer=answer,
        images=image_cells([first(row, "decoded_image", "image")]),
        options=options,
        id=cell(row.get("pid")),
        kind=cell(metadata.get("task")) if isinstance(metadata, dict) else "",
        answer_type=None if options else TYPES.get(kind),
        problem=problem,
    )


def prompt(row: Row, draft: Draft) -> str:
    return cell(row.get("query")) or draft.question


BENCHMARKS = (
    Benchmark(
        "mathvista",
        Layout((QUESTION, ANSWER, CHOICES, DECODED), draft, ("pid", "unit", "precision", "answer_type", "metadata")),
        prompt,
        example={
            "pid": "1",
            "question": "How long?",
            "image": "images/1.jpg",
            "decoded_image": PIXEL,
            "choices": None,
            "unit": "cm",
            "precision": 1.0,
            "answer": "1.2",
            "question_type": "free_form",
            "answer_type": "float",
            "metadata": {"task": "geometry", "split": "testmini"},
            "query": "Hint: one decimal place.\nQuestion: How long? (Unit: cm)",
        },
        hub=("AI4Math/MathVista",),
    ),
)
