"""MATH-Vision (arXiv 2402.14804); its prompt: mathllm/MATH-V, models/Qwen-VL.py.

lmms-eval has half of the instruction, and `A.` for `(A)`.
"""

from __future__ import annotations

from ..drafts import Draft, Layout, Row, as_options, cell, image_cells
from ..rationales import Part, rationale_of
from .shared import ANSWER, BRACKETED, DECODED, PIXEL, QUESTION, Benchmark, first, listed

BOXED = (
    'Please solve the problem step by step and put your answer in one "\\boxed{}". If it is a multiple choice '
    'question, only one letter is allowed in the "\\boxed{}".'
)


def draft(row: Row) -> Draft:
    """With options the answer is a letter."""
    options, problem = as_options(row.get("options"))
    return Draft(
        question=cell(row.get("question")),
        answer=cell(row.get("answer")),
        images=image_cells([first(row, "decoded_image", "image")]),
        options=options,
        id=cell(row.get("id")),
        kind=cell(row.get("subject")),
        problem=problem,
        rationale=rationale_of([Part("", cell(row.get("solution")))]),
    )


def prompt(row: Row, draft: Draft) -> str:
    """Options that stand in the image are called by their letters alone, and not written out."""
    written = "" if draft.options == tuple("ABCDE") else listed(draft.options, BRACKETED)
    return "\n".join(filter(None, (BOXED, draft.question, written)))


BENCHMARKS = (
    Benchmark(
        "mathvision",
        Layout((QUESTION, ANSWER, DECODED), draft, ("id", "options", "subject", "solution")),
        prompt,
        example={
            "id": "4",
            "question": "How many? <image1>",
            "options": ["3", "4"],
            "image": "images/4.jpg",
            "decoded_image": PIXEL,
            "answer": "B",
            "subject": "counting",
            "level": 1,
        },
        rationale=True,
        hub=("MathLLMs/MathVision",),
    ),
)
