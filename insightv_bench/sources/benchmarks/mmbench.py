"""MMBench (arXiv 2307.06281); its prompt: open-compass/MMBench, README.md; the last line is the harnesses'."""

from __future__ import annotations

from ..drafts import Draft, Layout, Row, cell, image_cells
from .shared import ANSWER, IMAGE, LETTER, PIXEL, QUESTION, Benchmark, first, hinted, listed

ROTATION = 1_000_000


def filled(value: object) -> str:
    """The text of a cell; an empty one is written as `nan`."""
    text = cell(value)
    return "" if text == "nan" else text


def draft(row: Row) -> Draft:
    """One column an option, a hint before the question; copies whose options are rotated have an index 1,000,000 on."""
    index = cell(row.get("index"))
    return Draft(
        question=hinted(filled(row.get("hint")), cell(row.get("question"))),
        answer=cell(row.get("answer")),
        images=image_cells([row.get("image")]),
        options=tuple(filter(None, (filled(row.get(letter)) for letter in "ABCDE"))),
        id=index,
        kind=cell(first(row, "L2-category", "category")),
        group=str(int(index) % ROTATION) if index.isdigit() else index,
    )


def prompt(row: Row, draft: Draft) -> str:
    parts = [filled(row.get("hint")), cell(row.get("question")), "There are several options:"]
    return f"{' '.join(filter(None, parts))}\n{listed(draft.options)}\n\n{LETTER}"


BENCHMARKS = (
    Benchmark(
        "mmbench",
        Layout(
            (QUESTION, ANSWER, IMAGE, ("options", ("A",)), ("options", ("B",))),
            draft,
            ("index", "hint", "C", "D", "E", "category", "L2-category"),
        ),
        prompt,
        example={
            "index": 1,
            "question": "Which colour?",
            "hint": "nan",
            "answer": "A",
            "A": "red",
            "B": "blue",
            "C": "green",
            "D": "nan",
            "category": "colour",
            "L2-category": "attribute",
            "image": PIXEL,
            "source": "hand",
            "split": "dev",
        },
        hub=("lmms-lab/MMBench", "lmms-lab-encoder/MMBench"),
    ),
)
