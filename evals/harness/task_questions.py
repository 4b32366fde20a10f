"""The stage that turns an lm-eval task into Question rows, so that it can be asked in every arm.

Our own benchmarks bring their rows with typed answers. Of any other task that generates, the text without its image
markers is the question, its choices the options, its target the gold answer: its own prompt and parser are not used.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import Any

from insightv_bench.chat import LETTERS
from insightv_bench.errors import RecipeError, SourceError, StageError, require
from insightv_bench.records import Question
from insightv_bench.settings import MIXED, OF_TEXT, TaskSource
from insightv_bench.sources import NO_IMAGE, Draft, Origin, as_question, cell, check_image, distinct
from insightv_bench.sources.benchmarks import one_gold
from insightv_bench.stages import Context, Dropped, Options

MARKER = "<image>"


def questions(context: Context[TaskSource, Options]) -> None:
    """A task's documents -> Question rows, each once. Raises StageError where not one of them is a question."""
    source = context.settings
    task = load_task(source)
    context.write(Question, distinct(task_rows(task, source)))
    origin = origin_of(task, source)
    context.totals.update(source=origin.name, source_revision=origin.revision, task_version=str(task.VERSION))
    if not context.num_rows:
        reasons = ", ".join(f"{reason}: {num:,}" for reason, num in context.dropped.items()) or "there are no rows"
        hint = "of questions without images say `images: none` in their source" if NO_IMAGE in context.dropped else ""
        raise StageError(f"not one document of task `{source.task}` is a question ({reasons})", hint)


def our_tasks() -> str:
    """The folder of our task files."""
    return str(files("insightv_bench.evals").joinpath("tasks"))


def check_tasks(names: Sequence[str], include_path: str = "") -> None:
    """Raises RecipeError for a name that is no single task, before anything is asked of a model."""
    index = _manager(include_path, defaults=False)
    if not set(names) <= set(index.all_tasks):  # only then are lm-eval's own 13,000 files read
        index = _manager(include_path, defaults=True)
    for name in names:
        if name in index.all_subtasks:
            continue
        if name in index.all_tasks:
            raise RecipeError(f"`{name}` is a group of tasks", "name its tasks: scores of several are never averaged")
        near = difflib.get_close_matches(name, index.all_subtasks, 3)
        hint = f"did you mean {' or '.join(f'`{each}`' for each in near)}?" if near else "see: lm-eval ls tasks"
        raise RecipeError(f"there is no task `{name}`", hint)


def _manager(include_path: str, defaults: bool, metadata: dict[str, Any] | None = None) -> Any:
    require("lm_eval", "eval", "a task")
    from lm_eval.tasks import TaskManager

    if include_path and not Path(include_path).is_dir():
        raise RecipeError(f"`{include_path}` is no folder of task files", "name one with `--include_path`")
    folders = [our_tasks(), *([include_path] if include_path else [])]
    return TaskManager(include_path=folders, include_defaults=defaults, metadata=metadata)


def load_task(source: TaskSource) -> Any:
    """The task object. Raises SourceError where it does not generate."""
    given = {name: value for name, value in (("data", source.data), ("revision", source.revision)) if value}
    manager = _manager(source.include_path, False, given)
    if source.task not in manager.all_subtasks:
        manager = _manager(source.include_path, True, given)
    task = manager.load([source.task])["tasks"][source.task]
    if task.OUTPUT_TYPE != "generate_until":
        raise SourceError(
            f"task `{source.task}` is of type `{task.OUTPUT_TYPE}`", "choose one of type `generate_until`"
        )
    return task


def task_rows(task: Any, source: TaskSource) -> Iterator[Question | Dropped]:
    if hasattr(task, "questions"):
        yield from task.questions(source.limit, source.max_pixels)
        return
    origin = origin_of(task, source)
    for number, doc in enumerate(islice(task.eval_docs, source.limit)):
        draft = draft_of(task, doc)
        shown = () if source.images == OF_TEXT else draft.images
        checked = [check_image(content, source.max_pixels) for content in shown]
        problem = "" if checked or source.images in (OF_TEXT, MIXED) else NO_IMAGE
        problem = next((each.problem for each in checked if each.problem), problem)
        yield as_question(draft, origin, tuple(each.image for each in checked if each.image), problem, number)


def origin_of(task: Any, source: TaskSource) -> Origin:
    own = getattr(task, "origin", None)
    return own or Origin(source.task, str(task.VERSION), "unknown")


def draft_of(task: Any, doc: dict[str, Any]) -> Draft:
    """A document of any task that generates."""
    options = tuple(map(cell, task.doc_to_choice(doc))) if task.config.doc_to_choice is not None else ()
    answer, problem = gold_of(task.doc_to_target(doc), options)
    images = tuple(map(content_of, task.doc_to_image(doc) or ()))
    return Draft(
        question=placed(cell(task.doc_to_text(doc)), len(images)),
        answer=answer,
        images=images,
        options=options,
        problem=problem,
    )


def placed(text: str, num_images: int) -> str:
    """The text with `<image 2>` where its markers stand among its words, as many as there are images; those that all
    stand first, or are of another number, are taken away."""
    bare = text.strip()
    if bare.count(MARKER) != num_images or bare.startswith(MARKER * num_images):
        return text.replace(MARKER, "").strip()
    for number in range(num_images):
        bare = bare.replace(MARKER, f"<image {number + 1}>", 1)
    return bare


def gold_of(target: Any, options: Sequence[str]) -> tuple[str, str]:
    """The gold answer and why there is none; a target may be the place of a choice, a text, or several texts."""
    if isinstance(target, int) and options:
        return (LETTERS[target], "") if 0 <= target < min(len(options), len(LETTERS)) else ("", "answer not an option")
    return one_gold(list(target) if isinstance(target, (list, tuple)) else [target])


def content_of(image: Any) -> bytes:
    from .model import as_image

    return image if isinstance(image, bytes) else as_image(image).bytes
