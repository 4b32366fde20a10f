"""MMMU (arXiv 2311.16502) and MMMU-Pro (2409.02813), with options as text or in the image.

Their prompts: MMMU-Benchmark/MMMU; of MMMU `construct_prompt`, as its copies hold it, where lmms-eval 0.7.3 writes `A.`
for `(A)`; of MMMU-Pro mmmu-pro/prompts.yaml `direct` and infer/infer_gpt.py, where lmms-eval has a blank line more, and
for `vision` leaves out what the last line should be.
"""

from __future__ import annotations

from ..drafts import Draft, Layout, Row, as_options, cell, image_cells, parsed_list
from .shared import (
    ANSWER,
    BRACKETED,
    IMAGE,
    LETTER,
    OPTIONS,
    PIXEL,
    QUESTION,
    Benchmark,
    first,
    listed,
    one_gold,
    renumbered,
)

WITHHELD = "?"
"""The answer where it gives none."""
IMAGES = tuple(f"image_{number}" for number in range(1, 8))
IN_THE_IMAGE = "The picture shows a question and its options. Answer it."
PRO_LETTER = "Answer with the option letter from the given choices directly."
PRO_LAST_LINE = (
    "The last line of your response should be of the following format: 'Answer: $LETTER' (without quotes) where LETTER "
    "is one of options."
)


def draft(row: Row) -> Draft:
    """Options and several gold answers are lists written as text; `<image 3>` names the image in `image_3`."""
    options, problem = as_options(row.get("options"))
    answer = cell(row.get("answer"))
    if not options and answer.startswith("["):
        answer, problem = one_gold(parsed_list(answer) or [answer])
    held = [number for number, name in enumerate(IMAGES, 1) if row.get(name) is not None]
    texts, missing = renumbered([cell(row.get("question")), *options], held)
    return Draft(
        question=texts[0],
        answer="" if answer == WITHHELD else answer,
        images=image_cells(row[IMAGES[number - 1]] for number in held),
        options=tuple(texts[1:]),
        id=cell(row.get("id")),
        kind=cell(first(row, "subfield", "subject")),
        problem=problem or missing,
    )


def draft_vision(row: Row) -> Draft:
    """Question and options stand in the image; the letters A to J may be answered."""
    return Draft(
        question=IN_THE_IMAGE,
        answer=cell(row.get("answer")),
        images=image_cells([row.get("image")]),
        id=cell(row.get("id")),
        kind=cell(row.get("subject")),
        answer_type="option",
    )


def prompt(row: Row, draft: Draft) -> str:
    if not draft.options:
        return f"{draft.question}\nAnswer the question using a single word or phrase."
    return f"{draft.question}\n{listed(draft.options, BRACKETED)}\n\n{LETTER}"


def prompt_pro(row: Row, draft: Draft) -> str:
    return f"{draft.question}\n{listed(draft.options)}\n{PRO_LETTER}"


def prompt_vision(row: Row, draft: Draft) -> str:
    return f"{PRO_LETTER} {PRO_LAST_LINE}"


LAYOUT = Layout((QUESTION, ANSWER, OPTIONS, ("image", ("image_1",))), draft, ("id", "subfield", "subject", *IMAGES[1:]))
EXAMPLE = {
    "id": "validation_Art_1",
    "question": "<image 1> Who painted it?",
    "options": "['Klee', 'Miro']",
    **{name: PIXEL if name == IMAGES[0] else None for name in IMAGES},
    "answer": "B",
    "question_type": "multiple-choice",
    "subfield": "Painting",
}
BENCHMARKS = (
    Benchmark("mmmu", LAYOUT, prompt, EXAMPLE, hub=("MMMU/MMMU", "lmms-lab/MMMU", "lmms-lab-encoder/MMMU")),
    Benchmark("mmmu-pro", LAYOUT, prompt_pro, {**EXAMPLE, "subject": "Art"}),
    Benchmark(
        "mmmu-pro-vision",
        Layout((ANSWER, IMAGE), draft_vision, ("id", "subject")),
        prompt_vision,
        example={"id": "v", "image": PIXEL, "options": "['a', 'b']", "answer": "J", "subject": "Art"},
    ),
)
