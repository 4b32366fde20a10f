"""What each arm of `insightv_bench.arms` asks, question by question: its documents.

Question text, images, answer reader and total token cap are the same in all, but for the blank images. Of several
paths a question each is shown in a document of its own; a vote is one document, and nobody is asked.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

from insightv_bench.agents import path_text
from insightv_bench.answers import majority as vote
from insightv_bench.arms import ARMS, Arm
from insightv_bench.chat import ask, go_on
from insightv_bench.engines import Caller
from insightv_bench.protocol import render_answer, render_paths
from insightv_bench.records import DECODERS, FlawedRow, Image, Path, Question, content_id
from insightv_bench.settings import EngineSettings, EvalSettings
from insightv_bench.sources import gold_path

from .best_of import best_of
from .changed import change
from .columns import NO_PATH, TURNS, answer_right, asked_columns, exact, flaw_columns, stored, turns_before

Documents = Mapping[str, Sequence[Mapping[str, Any]]]
"""By question id, what an arm shows of a path."""


class Given(NamedTuple):
    """What an arm may show beside the question."""

    paths: Mapping[str, Sequence[Path]]
    """By question id; of the system under test, one or several."""
    flawed: Mapping[str, Sequence[FlawedRow]]
    beforehand: Mapping[Arm, Documents] = {}
    """What was made of the paths, over all questions: changed ones, and the best of K."""


class Models(Protocol):
    """Opens the models that making documents needs, each when it is first asked for."""

    def seat(self, seat: str) -> Caller: ...

    def model(self, engine: EngineSettings) -> Caller: ...


class Prepared(NamedTuple):
    docs: dict[Arm, list[dict[str, Any]]]
    left_out: dict[Arm, dict[str, int]]
    """How many questions, or own paths, an arm leaves out, by reason."""


def prepare(
    arms: Sequence[Arm], questions: Sequence[Question], given: Given, settings: EvalSettings, seed: int, models: Models
) -> Prepared:
    """The documents of every arm; none of one that does not fit these questions."""
    paraphraser = models.model(settings.paraphraser) if "paraphrased" in arms and settings.paraphraser else None
    changed = change(arms, questions, given.paths, settings, seed, paraphraser)
    beforehand: dict[Arm, Documents] = dict(changed.shown)
    if "best-of-k" in arms:
        beforehand["best-of-k"] = best_of(questions, given.paths, settings, _judge(settings, models))
    given = given._replace(beforehand=beforehand)
    left_out = {arm: dict(reasons) for arm, reasons in changed.left_out.items() if reasons}
    if "oracle" in arms and any(question.rationale for question in questions):
        reasons = Counter(reason for question in questions if isinstance(reason := gold_path(question), str))
        left_out |= {"oracle": dict(reasons)} if reasons else {}
    return Prepared({arm: docs(arm, questions, given, settings) for arm in arms}, left_out)


def _judge(settings: EvalSettings, models: Models) -> Caller | None:
    """Who chooses the best of K; None: the oracle."""
    if settings.best_of_judge == "engine" and settings.judge:
        return models.model(settings.judge)
    return models.seat("summary") if settings.best_of_judge == "summary" else None


def docs(arm: Arm, questions: Sequence[Question], given: Given, settings: EvalSettings) -> list[dict[str, Any]]:
    """The arm's documents, without the images' bytes: all that its records will need. None where it cannot be run."""
    return [
        _doc(arm, question, path, settings) for question in questions for path in _paths(arm, question, given, settings)
    ]


def _paths(arm: Arm, question: Question, given: Given, settings: EvalSettings) -> Iterator[Mapping[str, Any]]:
    """What is shown or known of a path, one dict a document."""
    shows, paths = ARMS[arm].shows, given.paths.get(question.id, ())
    if shows == "nothing":
        yield NO_PATH
    elif shows == "exact":
        if known := exact(question):
            yield known
    elif shows == "flawed":
        yield from ({**NO_PATH, **flaw_columns(question, row)} for row in given.flawed.get(question.id, ()))
    elif figure := ARMS[arm].chosen_by:
        if paths and all(getattr(path, figure) is not None for path in paths):
            yield _chosen(question, paths, figure)
    elif shows == "changed" or arm == "best-of-k":
        yield from given.beforehand.get(arm, {}).get(question.id, ())
    elif ARMS[arm].shows_several:
        if len(paths) >= ARMS[arm].min_paths:
            yield from _several(question, paths[: settings.summary_k], settings.orders)
    elif arm == "majority":
        if paths:
            yield _voted(question, paths)
    else:
        for path in paths:
            turns = {TURNS: turns_before(question, path, settings.asking)} if arm == "multi-turn" else {}
            logged = {"seat": "vote", "vote": path.text} if arm == "reason" and not path.prompt else {}
            yield {**stored(question, path), **turns, **logged}


def _voted(question: Question, paths: Sequence[Path]) -> dict[str, Any]:
    """The answer that most of the paths give, at the cost of all of them; paths without an answer have no vote."""
    answer = majority([path.answer for path in paths if path.answer is not None], question)
    return {
        **NO_PATH,
        "vote": "" if answer is None else render_answer(answer),
        "path_tokens": sum(path.num_tokens for path in paths),
        "path_model": paths[0].generator,
        "num_paths": len(paths),
    }


def _chosen(question: Question, paths: Sequence[Path], figure: str) -> dict[str, Any]:
    """The answer of the path whose own figure is highest, at the cost of all of them; one that has an answer."""
    best = max(paths, key=lambda path: (path.answer is not None, getattr(path, figure)))  # the first of equals
    return {
        **NO_PATH,
        "vote": "" if best.answer is None else render_answer(best.answer),
        "path_id": best.id,
        "path_tokens": sum(path.num_tokens for path in paths),
        "path_model": best.generator,
        "num_paths": len(paths),
        "logprob": best.logprob,
        "certainty": best.certainty,
    }


def _several(question: Question, paths: Sequence[Path], num_orders: int) -> Iterator[dict[str, Any]]:
    """The same paths in so many orders: shuffled by their content, then turned, so that each path changes its place."""
    shuffled = sorted(paths, key=lambda path: content_id(question.id, path.id))
    for turn in range(min(num_orders, len(paths))):
        order = [*shuffled[turn:], *shuffled[:turn]]
        yield {
            **NO_PATH,
            "path": render_paths([path_text(path) for path in order]),
            "path_tokens": sum(path.num_tokens for path in order),
            "path_model": order[0].generator,
            "num_paths": len(order),
            "sample": turn,
            "shown": [path.sample for path in order],
            "shown_right": [answer_right(question, path.answer) for path in order],
        }


def majority(answers: Sequence[str], question: Question) -> str | None:
    """The answer given most often; of several one is drawn."""
    return vote(answers, question.answer_type, question.options, question.id)


def _doc(arm: Arm, question: Question, path: Mapping[str, Any], settings: EvalSettings) -> dict[str, Any]:
    spec = ARMS[arm]
    slots = {"path": path["path"]} if spec.prompt in ("summary", "more/resume") else {}
    if spec.shows_several:
        slots = {"paths": path["path"]}
    prompt = settings.asking.prompt(spec.prompt)
    text = go_on(settings.asking) if arm == "multi-turn" else ask(prompt, question, **slots).messages[0]
    images = question.image_sha256
    if spec.blank_images:
        images = tuple(blank_of(image).sha256 for image in question.images)
    return {
        "arm": arm,
        "seat": spec.seat,
        **asked_columns(question),
        "tolerance": question.tolerance,
        "group": question.group,
        "image": question.image_sha256[0] if question.image_sha256 else "",
        "images": list(images),
        "context": text.content,
        "prompt": prompt.label,
        "token_cap": settings.path_sampling.max_new_tokens + settings.answer_sampling.max_new_tokens,
        **path,
    }


def blank_of(image: Image) -> Image:
    """White, and as large as the image in whose place it stands, of which only the header is read."""
    from PIL import Image as PILImage

    with PILImage.open(io.BytesIO(image.bytes), formats=DECODERS) as opened:
        return _blank(*opened.size)


@lru_cache(maxsize=1024)
def _blank(width: int, height: int) -> Image:
    from PIL import Image as PILImage

    buffer = io.BytesIO()
    PILImage.new("L", (width, height), 255).convert("RGB").save(buffer, "PNG")
    return Image(bytes=buffer.getvalue())


def blanks(questions: Iterable[Question]) -> dict[str, Image]:
    """By their own hash, those that stand for the questions' images."""
    images = (blank_of(image) for question in questions for image in question.images)
    return {image.sha256: image for image in images}
