"""Readers of well-known data sets: their columns, the form of their answers, and rows with several pictures.

Each reads the official copy on the Hub and the common mirrors of it. A split that withholds its answers leaves rows
without one, which are left out like any other.
"""

from __future__ import annotations

import re
from typing import Any

from insightv_bench.answers import matches
from insightv_bench.chat import LETTERS
from insightv_bench.records import AnswerType
from insightv_bench.settings import Reader

from ..drafts import Draft, Layout, as_options, cell, letter_of, parsed_list, pictures
from .prompts import AUTHORS
from .shared import said

__all__ = [
    "ANSWER",
    "AUTHORS",
    "CHARTQA_TOLERANCE",
    "CHOICES",
    "DECODED",
    "Draft",
    "IMAGE",
    "IN_THE_PICTURE",
    "Layout",
    "MMBENCH_ROTATION",
    "MMMU_IMAGES",
    "MMSTAR_OPTIONS",
    "NOT_AN_OPTION",
    "QUESTION",
    "REFERENCE",
    "WITHHELD",
    "as_options",
    "cell",
    "chosen",
    "letter_of",
    "one_gold",
    "parsed_list",
    "pictures",
    "renumbered",
    "said",
]

NOT_AN_OPTION = "answer not an option"
REFERENCE = re.compile(r"<image (\d+)>")
WITHHELD = "?"
"""MMMU's answer where it gives none."""
MMMU_IMAGES = tuple(f"image_{number}" for number in range(1, 8))
MMBENCH_ROTATION = 1_000_000
MMSTAR_OPTIONS = re.compile(
    r"(?P<question>.+?)\s*\bOptions:\s*A:\s*(?P<A>.+?),\s*B:\s*(?P<B>.+?),\s*C:\s*(?P<C>.+?),\s*D:\s*(?P<D>.+?)\.?",
    re.DOTALL,
)
IN_THE_PICTURE = "The picture shows a question and its options. Answer it."
CHARTQA_TOLERANCE = 0.05
MATHVISTA_TYPES: dict[str, AnswerType] = {"integer": "number", "float": "number", "list": "list"}


def chosen(row: dict[str, Any], text: str) -> tuple[tuple[str, ...], str, str]:
    """Options, answer and problem, where the answer is told by the text of an option."""
    options, problem = as_options(row.get("options", row.get("choices")))
    if problem or not options or not text:
        return options, text, problem
    letter = letter_of(text, options)
    return options, letter or text, "" if letter else NOT_AN_OPTION


def _puzzlevqa(row: dict[str, Any]) -> Draft:
    options, answer, problem = chosen(row, cell(row.get("answer")))
    return Draft(
        question=cell(row.get("question")),
        answer=answer,
        images=pictures([row.get("image")]),
        options=options,
        id=cell(row.get("id")),
        kind=cell(row.get("category")),
        problem=problem,
    )


def _mathvision(row: dict[str, Any]) -> Draft:
    """With options the answer is a letter. `image` holds a path where `decoded_image` holds the picture."""
    options, problem = as_options(row.get("options"))
    return Draft(
        question=cell(row.get("question")),
        answer=cell(row.get("answer")),
        images=pictures([_first(row, "decoded_image", "image")]),
        options=options,
        id=cell(row.get("id")),
        kind=cell(row.get("subject")),
        problem=problem,
    )


def _chartqa(row: dict[str, Any]) -> Draft:
    gold = _first(row, "label", "answer")
    answer, problem = one_gold(list(gold) if isinstance(gold, (list, tuple)) else [gold])
    human = {"0": "human", "1": "augmented"}
    kind = cell(_first(row, "human_or_machine", "type"))
    return Draft(
        question=cell(_first(row, "query", "question")),
        answer=answer,
        images=pictures([row.get("image")]),
        kind=human.get(kind, kind.removesuffix("_test")),
        tolerance=CHARTQA_TOLERANCE,
        problem=problem,
    )


def _mmmu(row: dict[str, Any]) -> Draft:
    """Options and several gold answers are lists written as text; `<image 3>` names the picture in `image_3`."""
    options, problem = as_options(row.get("options"))
    answer = cell(row.get("answer"))
    if not options and answer.startswith("["):
        answer, problem = one_gold(parsed_list(answer) or [answer])
    held = [number for number, name in enumerate(MMMU_IMAGES, 1) if row.get(name) is not None]
    texts, missing = renumbered([cell(row.get("question")), *options], held)
    return Draft(
        question=texts[0],
        answer="" if answer == WITHHELD else answer,
        images=pictures(row[MMMU_IMAGES[number - 1]] for number in held),
        options=tuple(texts[1:]),
        id=cell(row.get("id")),
        kind=cell(_first(row, "subfield", "subject")),
        problem=problem or missing,
    )


def _mmmu_pro_vision(row: dict[str, Any]) -> Draft:
    """Question and options stand in the picture; the letters A to J may be answered."""
    return Draft(
        question=IN_THE_PICTURE,
        answer=cell(row.get("answer")),
        images=pictures([row.get("image")]),
        id=cell(row.get("id")),
        kind=cell(row.get("subject")),
        answer_type="option",
    )


def _mmbench(row: dict[str, Any]) -> Draft:
    """One column an option, a hint before the question; copies whose options are rotated have an index 1,000,000 on."""
    options = tuple(filter(None, (said(row.get(letter)) for letter in "ABCDE")))
    hint, question = said(row.get("hint")), cell(row.get("question"))
    index = cell(row.get("index"))
    return Draft(
        question=f"{hint}\n{question}" if hint and question else question,
        answer=cell(row.get("answer")),
        images=pictures([row.get("image")]),
        options=options,
        id=index,
        kind=cell(_first(row, "L2-category", "category")),
        group=str(int(index) % MMBENCH_ROTATION) if index.isdigit() else index,
    )


def _mme(row: dict[str, Any]) -> Draft:
    """Two questions a picture, one answered yes and one no; they count together."""
    kind, name = cell(row.get("category")), cell(row.get("question_id"))
    return Draft(
        question=cell(row.get("question")),
        answer=cell(row.get("answer")),
        images=pictures([row.get("image")]),
        id=name,
        kind=kind,
        answer_type="yes_no",
        group=f"{kind}/{name}",
    )


def _mmstar(row: dict[str, Any]) -> Draft:
    """The options are written behind the question; where they cannot be told apart, they stay there."""
    question = cell(row.get("question"))
    found = MMSTAR_OPTIONS.fullmatch(question)
    return Draft(
        question=found["question"].strip() if found else question,
        answer=cell(row.get("answer")),
        images=pictures([row.get("image")]),
        options=tuple(found[letter].strip() for letter in "ABCD") if found else (),
        id=cell(row.get("index")),
        kind=cell(row.get("category")),
        answer_type="option",
    )


def _mathvista(row: dict[str, Any]) -> Draft:
    """A free answer comes with its unit and the decimals it is rounded to, which the question must name."""
    options, answer, problem = chosen(row, cell(row.get("answer")))
    question, unit, precision = cell(row.get("question")), cell(row.get("unit")), row.get("precision")
    kind = cell(row.get("answer_type"))
    if unit:
        question += f" (unit: {unit})"
    if not options and kind == "float" and isinstance(precision, (int, float)):
        places = int(precision)
        question += f" Round to {places} decimal place{'s' * (places != 1)}."
    return Draft(
        question=question,
        answer=answer,
        images=pictures([_first(row, "decoded_image", "image")]),
        options=options,
        id=cell(row.get("pid")),
        kind=cell((row.get("metadata") or {}).get("task")),
        answer_type=None if options else MATHVISTA_TYPES.get(kind),
        problem=problem,
    )


def _scienceqa(row: dict[str, Any]) -> Draft:
    """The answer is the place of an option, from 0; the hint is the text that the question is about."""
    options, problem = as_options(row.get("choices"))
    place = row.get("answer")
    there = isinstance(place, int) and 0 <= place < min(len(options), len(LETTERS))
    hint = cell(row.get("hint"))
    question = cell(row.get("question"))
    return Draft(
        question=f"{hint}\n{question}" if hint and question else question,
        answer=LETTERS[place] if there and isinstance(place, int) else cell(place),
        images=pictures([row.get("image")]),
        options=options,
        kind=cell(row.get("topic")),
        problem=problem or ("" if there or place is None else NOT_AN_OPTION),
    )


def _first(row: dict[str, Any], *names: str) -> Any:
    """Of the first of these columns that is there and not empty."""
    return next((row[name] for name in names if row.get(name) is not None), None)


def one_gold(golds: list[Any]) -> tuple[str, str]:
    """The gold answer of a list of them: the first, where the others say the same; else a problem, never a guess."""
    texts = [text for text in map(cell, golds) if text]
    if not texts:
        return "", ""
    same = all(matches(text, texts[0], "number") or text.casefold() == texts[0].casefold() for text in texts[1:])
    return texts[0], "" if same else "several gold answers"


def renumbered(texts: list[str], held: list[int]) -> tuple[list[str], str]:
    """`<image 3>` as the place of that picture among those there are; and a problem where one is missing."""
    places = {number: place for place, number in enumerate(held, 1)}
    named = {int(number) for text in texts for number in REFERENCE.findall(text)}
    if not named <= set(held):
        return texts, "an image that the question names is missing"
    return [REFERENCE.sub(lambda found: f"<image {places[int(found[1])]}>", text) for text in texts], ""


QUESTION = ("question", ("question",))
ANSWER = ("answer", ("answer",))
IMAGE = ("image", ("image",))
DECODED = ("image", ("decoded_image", "image"))
CHOICES = ("options", ("choices",))
LAYOUTS: dict[Reader, Layout] = {
    "puzzlevqa": Layout((QUESTION, ANSWER, ("options", ("options",)), IMAGE), _puzzlevqa, ("id", "category")),
    "mathvision": Layout((QUESTION, ANSWER, DECODED), _mathvision, ("id", "options", "subject")),
    "chartqa": Layout(
        (("question", ("query", "question")), ("answer", ("label", "answer")), IMAGE),
        _chartqa,
        ("human_or_machine", "type"),
    ),
    "mmmu": Layout(
        (QUESTION, ANSWER, ("options", ("options",)), ("image", ("image_1",))),
        _mmmu,
        ("id", "subfield", "subject", *MMMU_IMAGES[1:]),
    ),
    "mmmu-pro-vision": Layout((ANSWER, IMAGE), _mmmu_pro_vision, ("id", "subject")),
    "mmbench": Layout(
        (QUESTION, ANSWER, IMAGE, ("options", ("A",)), ("options", ("B",))),
        _mmbench,
        ("index", "hint", "C", "D", "E", "category", "L2-category"),
    ),
    "mme": Layout((QUESTION, ANSWER, IMAGE, ("group", ("question_id",)), ("kind", ("category",))), _mme),
    "mmstar": Layout((QUESTION, ANSWER, IMAGE), _mmstar, ("index", "category")),
    "mathvista": Layout(
        (QUESTION, ANSWER, CHOICES, DECODED), _mathvista, ("pid", "unit", "precision", "answer_type", "metadata")
    ),
    "scienceqa": Layout((QUESTION, ANSWER, CHOICES, IMAGE), _scienceqa, ("hint", "topic")),
}
