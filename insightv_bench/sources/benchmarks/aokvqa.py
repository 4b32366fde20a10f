"""A-OKVQA (arXiv 2206.01718), to train on: of its three rationales the first that states the answer is read."""

from __future__ import annotations

from insightv_bench.chat import LETTERS

from ..drafts import Draft, Layout, Row, as_options, cell, image_cells
from ..rationales import Part, rationale_of
from ..rows import NOT_AN_OPTION
from .shared import CHOICES, IMAGE, PIXEL, QUESTION, Benchmark


def draft(row: Row) -> Draft:
    """The answer is the place of an option, from 0; annotators wrote the rationales apart from each other."""
    options, problem = as_options(row.get("choices"))
    rationales, unread = as_options(row.get("rationales"))
    place = row.get("correct_choice_idx")
    there = isinstance(place, int) and 0 <= place < min(len(options), len(LETTERS))
    gold = options[place].casefold() if there and isinstance(place, int) else ""
    stating = [text for text in rationales if gold and gold in text.casefold()]
    return Draft(
        question=cell(row.get("question")),
        answer=LETTERS[place] if there and isinstance(place, int) else cell(place),
        images=image_cells([row.get("image")]),
        options=options,
        id=cell(row.get("question_id")),
        rationale=rationale_of([Part("", text) for text in [*stating, *rationales][:1]]) if not unread else (),
        problem=problem or ("" if there or place is None else NOT_AN_OPTION),
    )


BENCHMARKS = (
    Benchmark(
        "a-okvqa",
        Layout((QUESTION, ("answer", ("correct_choice_idx",)), CHOICES, IMAGE), draft, ("question_id", "rationales")),
        None,
        example={
            "question_id": "22MexNkBPpdZGX6sxbxVBH",
            "question": "What is the man by the bags awaiting?",
            "choices": ["skateboarder", "train", "delivery", "cab"],
            "correct_choice_idx": 3,
            "rationales": ["He stands at a road. He is going to get in a cab."],
            "image": PIXEL,
        },
        rationale=True,
        hub=("HuggingFaceM4/A-OKVQA",),
    ),
)
