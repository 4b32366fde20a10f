"""MMStar (arXiv 2403.20330); its prompt: MMStar-Benchmark/MMStar, eval/vlmeval/vlm/llava_next.py.

lmms-eval has no full stop at the end.
"""

from __future__ import annotations

import re

from ..drafts import Draft, Layout, Row, cell, image_cells
from .shared import ANSWER, IMAGE, LETTER, PIXEL, QUESTION, Benchmark

OPTIONS = re.compile(
    r"(?P<question>.+?)\s*\bOptions:\s*A:\s*(?P<A>.+?),\s*B:\s*(?P<B>.+?),\s*C:\s*(?P<C>.+?),\s*D:\s*(?P<D>.+?)\.?",
    re.DOTALL,
)


def draft(row: Row) -> Draft:
    """The options are written behind the question; where they cannot be told apart, they stay there."""
    question = cell(row.get("question"))
    parts = OPTIONS.fullmatch(question)
    return Draft(
        question=parts["question"].strip() if parts else question,
        answer=cell(row.get("answer")),
        images=image_cells([row.get("image")]),
        options=tuple(parts[letter].strip() for letter in "ABCD") if parts else (),
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
