"""PuzzleVQA (arXiv 2403.13315); its prompt: declare-lab/LLM-PuzzleTest, PuzzleVQA/prompting.py.

Its authors ask twice: for the thinking alone ("Do not directly give the final answer."), then with it for the letter.
One call has to do both, so that this is their prompt with their switch `prevent_direct_answer` off. lmms-eval has no
such task.
"""

from __future__ import annotations

from ..drafts import Draft, Layout, Row, cell, image_cells
from ..rationales import Part, rationale_of
from .shared import ANSWER, BRACKETED, IMAGE, OPTIONS, PIXEL, QUESTION, Benchmark, chosen, listed

RATIONALE = {"caption": "describe the image", "explanation": "find the pattern", "deduction": "apply the pattern"}
"""The authors' own solution, by column."""


def draft(row: Row) -> Draft:
    options, answer, problem = chosen(row, cell(row.get("answer")))
    return Draft(
        question=cell(row.get("question")),
        answer=answer,
        images=image_cells([row.get("image")]),
        options=options,
        id=cell(row.get("id")),
        kind=cell(row.get("category")),
        problem=problem,
        rationale=rationale_of(Part(summary, cell(row.get(name))) for name, summary in RATIONALE.items()),
    )


def prompt(row: Row, draft: Draft) -> str:
    begun = "Answer: Let's describe the image first and think step by step."
    return f"Question: {draft.question}\nOptions:\n{listed(draft.options, BRACKETED)}\n\n{begun}"


BENCHMARKS = (
    Benchmark(
        "puzzlevqa",
        Layout((QUESTION, ANSWER, OPTIONS, IMAGE), draft, ("id", "category", *RATIONALE)),
        prompt,
        example={
            "question": "What is missing?",
            "answer": "red",
            "options": ["blue", "red", "green", "gray"],
            "caption": "",
            "explanation": "",
            "deduction": "",
            "image": PIXEL,
        },
        rationale=True,
        hub=("declare-lab/PuzzleVQA",),
    ),
)
