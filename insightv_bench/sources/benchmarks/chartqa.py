"""ChartQA (arXiv 2203.10244). Its authors trained their models and prompt none: the prompt is the harnesses' own."""

from __future__ import annotations

from ..drafts import Draft, Layout, Row, cell, image_cells
from .shared import IMAGE, PIXEL, Benchmark, first, one_gold

TOLERANCE = 0.05


def draft(row: Row) -> Draft:
    """Copies name the columns differently; an answer may be a list of one."""
    gold = first(row, "label", "answer")
    answer, problem = one_gold(list(gold) if isinstance(gold, (list, tuple)) else [gold])
    kind = cell(first(row, "human_or_machine", "type"))
    return Draft(
        question=cell(first(row, "query", "question")),
        answer=answer,
        images=image_cells([row.get("image")]),
        kind={"0": "human", "1": "augmented"}.get(kind, kind.removesuffix("_test")),
        tolerance=TOLERANCE,
        problem=problem,
    )


def prompt(row: Row, draft: Draft) -> str:
    return f"{draft.question}\nAnswer the question with a single word."


BENCHMARKS = (
    Benchmark(
        "chartqa",
        Layout(
            (("question", ("query", "question")), ("answer", ("label", "answer")), IMAGE),
            draft,
            ("human_or_machine", "type"),
        ),
        prompt,
        example={"type": "human_test", "question": "How tall?", "answer": "100", "image": PIXEL},
        hub=("HuggingFaceM4/ChartQA", "lmms-lab/ChartQA", "lmms-lab-encoder/ChartQA"),
    ),
)
