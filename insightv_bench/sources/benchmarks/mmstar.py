"""MMStar (arXiv 2403.20330); its prompt: MMStar-Benchmark/MMStar, eval/vlmeval/vlm/llava_next.py.

lmms-eval has no full stop at the end.
"""

from __future__ import annotations

import re

from ..drafts import Draft, Layout, Row, cell, image_cells
from .shared import ANSWER, IMAGE, LETTER, PIXEL, QUESTION, Benchmark

HEADING = re.compile(r"\bOptions:\s*A:")
NEXT = {letter: re.compile(rf",\s*{letter}:") for letter in "BCD"}


def parted(text: str) -> tuple[str, tuple[str, ...]]:
    """The question and its four options; none where they cannot be told apart. Each mark is looked for once, from the
    left: linear in the text."""
    heading = HEADING.search(text)
    marks = [heading] if heading else []
    for mark in NEXT.values() if heading else ():
        found = mark.search(text, marks[-1].end())
        if not found:
            return text, ()
        marks.append(found)
    if not marks:
        return text, ()
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    options = [text[mark.end() : end].strip() for mark, end in zip(marks, ends, strict=True)]
    question, options[-1] = text[: marks[0].start()].strip(), options[-1].removesuffix(".").strip()
    return (question, tuple(options)) if question and all(options) else (text, ())


def draft(row: Row) -> Draft:
    """The options are written behind the question; where they cannot be told apart, they stay there."""
    question, options = parted(cell(row.get("question")))
    return Draft(
        question=question,
        answer=cell(row.get("answer")),
        images=image_cells([row.get("image")]),
        options=options,
        id=cell(row.get("index")),
        kind=cell(row.get("category")),
        answer_type="option",
    )


def prompt(row: Row, draft: Draft) -> str:
    return f"{cell(row.get('question'))}\n{LETTER}"


BENCHMARKS = (
    Benchmark(
        "mmstar",
        Layout((QUESTION, ANSWER, IMAGE), draft, ("index", "category")),
        prompt,
        example={
            "index": 0,
            "question": "Which colour?\nOptions: A: red, B: blue, C: green, D: dark, green",
            "image": PIXEL,
            "answer": "B",
            "category": "math",
            "l2_category": "geometry",
        },
        hub=("Lin-Chen/MMStar",),
    ),
)
