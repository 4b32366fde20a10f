"""A draft as a Question row, its answer typed; or as a row left out, with the reason."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from insightv_bench.answers import STORED, type_of
from insightv_bench.chat import LETTERS
from insightv_bench.records import AnswerType, Dropped, Image, Question, content_id, drop

from .drafts import NO_GOLD, PLACEHOLDERS, Draft, letter_of

NOT_AN_OPTION = "answer not an option"


class Origin(NamedTuple):
    """Where rows come from, as it stands on every question."""

    name: str
    revision: str
    license: str


def problem_with(draft: Draft, with_images: str = "") -> str:
    """Why a draft is no question; empty for nothing. `with_images`: what is wrong with its images, if anything."""
    if not draft.question:
        return "no question"
    if not draft.answer:
        return "no answer"
    if draft.answer.casefold() in PLACEHOLDERS and not letter_of(draft.answer, draft.options):
        return NO_GOLD
    if len(draft.options) > len(LETTERS):
        return "too many options"
    return draft.problem or with_images or ("" if type_answer(draft)[0] else NOT_AN_OPTION)


def as_question(
    draft: Draft, origin: Origin, images: tuple[Image, ...], with_images: str, row: int | None = None
) -> Question | Dropped:
    """`with_images`: what is wrong with the images; empty for nothing. `row`: 0-based place in the source."""
    problem = problem_with(draft, with_images)
    if problem:
        row_id = draft.id or content_id(draft.question, draft.options, draft.answer)
        kept = {"question": draft.question, "options": draft.options, "answer": draft.answer}
        return Dropped(row_id, problem, json.dumps(kept, ensure_ascii=False))
    answer, answer_type = type_answer(draft)
    hashes = tuple(image.sha256 for image in images)
    return Question(
        id=content_id(origin.name, draft.question, draft.options, hashes),
        images=images,
        image_sha256=hashes,
        question=draft.question,
        options=draft.options,
        answer=answer,
        answer_type=answer_type,
        source=origin.name,
        source_revision=origin.revision,
        source_license=origin.license,
        kind=draft.kind,
        tolerance=draft.tolerance,
        group=draft.group,
        source_id=draft.id,
        row=row,
        rationale=draft.rationale,
    )


def type_answer(draft: Draft) -> tuple[str, AnswerType]:
    """The gold answer in the form that its type asks for; empty where the options do not hold it."""
    gold, options = draft.answer, draft.options
    if options:
        letters = LETTERS[: len(options)]
        return gold.upper() if len(gold) == 1 and gold.upper() in letters else letter_of(gold, options), "option"
    return gold, STORED[type_of(gold, stated=draft.answer_type)]


def distinct(rows: Iterable[Question | Dropped]) -> Iterator[Question | Dropped]:
    """Each question once; a second one is left out."""
    seen: set[str] = set()
    for row in rows:
        if isinstance(row, Question) and row.id in seen:
            yield drop(row, "duplicate")
        else:
            seen.add(row.id)
            yield row
