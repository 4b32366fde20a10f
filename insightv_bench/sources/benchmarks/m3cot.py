"""M3CoT (arXiv 2405.16473), to train on: its rationales are chains over several modalities."""

from __future__ import annotations

from ..drafts import Draft, Layout, Row, as_options, cell, image_cells
from ..rationales import Part, rationale_of
from .shared import ANSWER, CHOICES, IMAGE, PIXEL, QUESTION, Benchmark, hinted


def draft(row: Row) -> Draft:
    """The answer is a letter; the context is the text that the question is about."""
    options, problem = as_options(row.get("choices"))
    return Draft(
        question=hinted(cell(row.get("context")), cell(row.get("question"))),
        answer=cell(row.get("answer")),
        images=image_cells([row.get("image")]),
        options=options,
        id=cell(row.get("id")),
        kind=cell(row.get("topic")),
        rationale=rationale_of([Part("", cell(row.get("rationale")))]),
        problem=problem,
    )


BENCHMARKS = (
    Benchmark(
        "m3cot",
        Layout((QUESTION, ANSWER, CHOICES, IMAGE), draft, ("id", "context", "topic", "rationale")),
        None,
        example={
            "id": "physics-1",
            "question": "Which is hotter?",
            "choices": ["ice", "steam"],
            "answer": "B",
            "context": "Heat makes water boil.",
            "topic": "physics",
            "rationale": "Ice is below zero. Steam is water that boils. So steam is hotter.",
            "image": PIXEL,
        },
        rationale=True,
        hub=("LightChen2333/M3CoT",),
    ),
)
