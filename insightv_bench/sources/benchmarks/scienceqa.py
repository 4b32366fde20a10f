"""ScienceQA (arXiv 2209.09513), to train on."""

from __future__ import annotations

from insightv_bench.chat import LETTERS

from ..drafts import Draft, Layout, Row, as_options, cell, image_cells
from ..rows import NOT_AN_OPTION
from .shared import ANSWER, CHOICES, IMAGE, PIXEL, QUESTION, Benchmark, hinted


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
        problem=problem or ("" if there or place is None else NOT_AN_OPTION),
    )


BENCHMARKS = (
    Benchmark(
        "scienceqa",
        Layout((QUESTION, ANSWER, CHOICES, IMAGE), draft, ("hint", "topic")),
        None,
        example={
            "question": "Which is a mammal?",
            "choices": ["a bat", "an owl"],
            "answer": 0,
            "hint": "Mammals feed their young with milk.",
            "topic": "biology",
            "image": PIXEL,
        },
        hub=("derek-thomas/ScienceQA",),
    ),
)
