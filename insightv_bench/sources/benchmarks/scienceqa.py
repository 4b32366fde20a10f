"""ScienceQA (arXiv 2209.09513), to train on."""

from __future__ import annotations

from insightv_bench.chat import LETTERS

from ..drafts import Draft, Layout, Row, as_options, cell, image_cells
from ..rationales import Part, rationale_of
from ..rows import NOT_AN_OPTION
from .shared import ANSWER, CHOICES, IMAGE, PIXEL, QUESTION, Benchmark, hinted

RATIONALE = {"lecture": "recall what is known", "solution": "apply it to the question"}
"""The authors' own solution, by column; either may be empty."""


def draft(row: Row) -> Draft:
    """The answer is the place of an option, from 0; the hint is the text that the question is about."""
    options, problem = as_options(row.get("choices"))
    place = row.get("answer")
    there = isinstance(place, int) and 0 <= place < min(len(options), len(LETTERS))
    return Draft(
        question=hinted(cell(row.get("hint")), cell(row.get("question"))),
        answer=LETTERS[place] if there and isinstance(place, int) else cell(place),
        images=image_cells([row.get("image")]),
        options=options,
        kind=cell(row.get("topic")),
        rationale=rationale_of(Part(summary, cell(row.get(name))) for name, summary in RATIONALE.items()),
        problem=problem or ("" if there or place is None else NOT_AN_OPTION),
    )


BENCHMARKS = (
    Benchmark(
        "scienceqa",
        Layout((QUESTION, ANSWER, CHOICES, IMAGE), draft, ("hint", "topic", *RATIONALE)),
        None,
        example={
            "question": "Which is a mammal?",
            "choices": ["a bat", "an owl"],
            "answer": 0,
            "hint": "Mammals feed their young with milk.",
            "topic": "biology",
            "image": PIXEL,
        },
        rationale=True,
        hub=("derek-thomas/ScienceQA",),
    ),
)
