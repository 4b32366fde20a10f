"""Sets of paths whose steps people or makers labelled, each in its own schema, as traces.

    BIG-Bench-Mistake    `steps`, `mistake_index` (arXiv 2311.08516)
    ProcessBench         `problem`, `steps`, `label`: the first wrong step, -1 for none (2412.06559)
    VisualProcessBench   `response`: `steps`, `process_correctness` of 1, -1 and 0, no reasoning (2503.10291)
    PRMBench             `modified_process`, `error_steps` counted from 1; rows of its image variant alike (2501.03124)
    VLRMBench            `reasoning_error`, else `step_list`, and `task_gt`, 1 for a wrong step (2503.07478)
    plain                `question`, `steps`, `labels`: true or 1, false, 0 or -1, null for neither

Where only the first wrong step is known, those after it have no label. MPBench publishes no schema: its rows are read
once they are written as plain ones. A line that is no such row is an error that names it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from insightv_bench.errors import SourceError
from insightv_bench.records import Image, Question, Step, content_id
from insightv_bench.sources import as_options, cell, check_image

from ..sources import Folder

MAX_PIXELS = 40_000_000
_CHAIN = re.compile(r"(?m)^\s*STEP\s*\d+\s*:", re.IGNORECASE)
Label = bool | None
"""None: it was not labelled, or is no reasoning."""
Row = Mapping[str, Any]


class Trace(NamedTuple):
    question: Question
    steps: tuple[Step, ...]
    labels: tuple[Label, ...]
    """Of each step."""
    answer_right: bool

    @property
    def first_wrong(self) -> int | None:
        """0-based; None: no step is wrong."""
        return self.labels.index(False) if False in self.labels else None


class Found(NamedTuple):
    """What a row of any of the sets says."""

    question: str
    steps: Sequence[str]
    labels: Sequence[Label]
    task: str = ""
    answer: str = ""
    answer_right: bool = False
    images: Sequence[Any] = ()


def trace_of(row: Any, place: str, beside: Folder, with_images: bool) -> Trace:
    """Raises SourceError for a row that is none of these, and for an image that is not there."""
    reader = next((read for fits, read in READERS if isinstance(row, dict) and fits(row)), None)
    if reader is None:
        raise SourceError(
            f"{place}, is no trace: it has the columns of no set that is known", "see `builders.calibration.step_sets`"
        )
    try:
        found = reader(row)
    except (TypeError, ValueError, KeyError, IndexError) as error:
        raise SourceError(f"{place}, is no trace: {error}", "see `builders.calibration.step_sets`") from error
    if not found.steps or len(found.steps) != len(found.labels):
        raise SourceError(f"{place}, is no trace: {len(found.steps)} steps and {len(found.labels)} labels")
    steps = [Step(summary="", reasoning=text, action="continue") for text in found.steps]
    steps[-1] = steps[-1].model_copy(update={"action": "summary"})
    images = tuple(_image(value, place, beside) for value in found.images) if with_images else ()
    return Trace(_question(found, images), tuple(steps), tuple(found.labels), found.answer_right)


def _question(found: Found, images: tuple[Image, ...]) -> Question:
    hashes = tuple(image.sha256 for image in images)
    return Question(
        id=content_id(found.task, found.question, *hashes),
        images=images,
        image_sha256=hashes,
        question=found.question,
        answer=found.answer,
        answer_type="text",
        source="traces",
        source_revision="",
        source_license="",
        kind=found.task,
    )


def _image(value: Any, place: str, beside: Folder) -> Image:
    held = value.get("bytes") or value.get("path") if isinstance(value, dict) else value
    content, problem = (held, "") if isinstance(held, bytes) else beside.fetch(cell(held))
    checked = check_image(content, MAX_PIXELS)
    if problem or checked.image is None:
        raise SourceError(
            f"{place}: {problem or checked.problem}: `{cell(held)[:80]}`",
            "put the images beside the file, or set `calibrate.steps_images: false` for a judge that sees none",
        )
    return checked.image


def texts(value: Any, name: str) -> list[str]:
    if not isinstance(value, list) or not value or not all(isinstance(step, str) for step in value):
        raise ValueError(f"`{name}` must be a list of texts")
    return [step.strip() for step in value]


def up_to(first: Any, num: int, name: str, none: int | None) -> list[Label]:
    """Labels where the first wrong step is known."""
    if first == none and not isinstance(first, bool):
        return [True] * num
    if type(first) is not int or not 0 <= first < num:
        told = "null" if none is None else str(none)
        raise ValueError(f"`{name}` must be {told} or 0 to {num - 1}; it is `{first!r:.40}`")
    return [True] * first + [False] + [None] * (num - first - 1)


def _mistake(row: Row) -> Found:
    steps = texts(row.get("steps"), "steps")
    if not isinstance(row.get("input"), str) or "mistake_index" not in row:
        raise ValueError("`input` and `mistake_index` are needed")
    right = "answer" in row and row["answer"] == row.get("target")
    labels = up_to(row["mistake_index"], len(steps), "mistake_index", None)
    return Found(row["input"], steps, labels, cell(row.get("task")), cell(row.get("target")), right)


def _process(row: Row) -> Found:
    steps = texts(row.get("steps"), "steps")
    labels = up_to(row["label"], len(steps), "label", -1)
    right = row.get("final_answer_correct") is True
    return Found(cell(row.get("problem")), steps, labels, cell(row.get("generator")), answer_right=right)


def _visual(row: Row) -> Found:
    response = row["response"]
    steps, told = texts(response.get("steps"), "response.steps"), response.get("process_correctness") or ()
    meanings: dict[int, Label] = {1: True, -1: False, 0: None}
    images = row.get("image") or ()
    images = images if isinstance(images, list | tuple) else [images]
    labels = [meanings[label] for label in told]
    right = bool(labels) and all(label is not False for label in labels)
    return Found(
        cell(row["question"]), steps, labels, cell(row.get("data_source")), cell(row.get("answer")), right, images
    )


def _prm(row: Row) -> Found:
    steps = texts(row.get("modified_process"), "modified_process")
    bad = row.get("error_steps") or []
    if not all(type(step) is int and 1 <= step <= len(steps) for step in bad):
        raise ValueError(f"`error_steps` must be 1 to {len(steps)}")
    labels: list[Label] = [number not in bad for number in range(1, len(steps) + 1)]
    question = cell(row.get("modified_question") or row.get("question"))
    images = [row["image"]] if row.get("image") else row.get("images") or ()
    return Found(
        question, steps, labels, cell(row.get("classification")), cell(row.get("ground_truth")), not bad, images
    )


def _vlrm(row: Row) -> Found:
    """Labels belong to the altered chain where there is one, which is a single text."""
    chain = row.get("reasoning_error")
    if isinstance(chain, str) and chain.strip():
        steps = [piece.strip() for piece in _CHAIN.split(chain) if piece.strip()]
    else:
        steps = [_CHAIN.sub("", step).strip() for step in texts(row.get("step_list"), "step_list")]
    labels: list[Label] = [{0: True, 1: False}[label] for label in row["task_gt"]]
    return Found(
        cell(row["question"]), steps, labels, cell(row.get("category")), "", False not in labels, row.get("image") or ()
    )


def _plain(row: Row) -> Found:
    meanings: dict[Any, Label] = {True: True, False: False, -1: False, None: None}  # 1 is True, 0 is False
    steps = texts(row.get("steps"), "steps")
    labels = [meanings[label] for label in row["labels"]]
    options, _ = as_options(row.get("options"))
    question = "\n".join([cell(row.get("question")), *options])
    return Found(
        question, steps, labels, cell(row.get("task")), cell(row.get("answer")), images=row.get("images") or ()
    )


READERS: tuple[tuple[Callable[[Row], bool], Callable[[Row], Found]], ...] = (
    (lambda row: "mistake_index" in row or "input" in row, _mistake),
    (lambda row: isinstance(row.get("response"), dict) and "process_correctness" in row["response"], _visual),
    (lambda row: "modified_process" in row and "error_steps" in row, _prm),
    (lambda row: isinstance(row.get("task_gt"), list), _vlrm),
    (lambda row: "label" in row and "problem" in row, _process),
    (lambda row: "labels" in row and "question" in row, _plain),
)
"""Whether a row is one of a set, and what it says."""


def as_visual(
    question: Question, steps: Sequence[Step], labels: Sequence[bool], image: str, author: str
) -> dict[str, Any]:
    """A path of known labels in VisualProcessBench's schema."""
    return {
        "image": [image],
        "question": question.question,
        "answer": question.answer,
        "response": {
            "steps": [step.reasoning for step in steps],
            "process_correctness": [1 if label else -1 for label in labels],
        },
        "policy_model": author,
        "data_source": question.source,
    }
