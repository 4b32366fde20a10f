"""What each arm asks, and of which seat.

| arm            | seat    | sees                                       |
|----------------|---------|--------------------------------------------|
| base           | base    | the question                               |
| direct         | summary | the question                               |
| reason         | reason  | the question; its path is the stored one   |
| majority       | nobody  | the answer that most stored paths give      |
| reason+summary | summary | the question and the stored path           |
| oracle         | summary | the question and the exact path            |
| flawed         | summary | the question and a path with injected flaws |

Question text, images, answer reader and total token cap are the same in all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from insightv_bench.agents import path_text
from insightv_bench.answers import matches
from insightv_bench.chat import ask, load_prompt
from insightv_bench.protocol import render_answer, render_path
from insightv_bench.records import Arm, FlawedRow, Path, Question
from insightv_bench.settings import EvalSettings
from insightv_bench.world.program import parse_question
from insightv_bench.world.scene import scene_from_json
from insightv_bench.world.telling import exact_path

Seat = Literal["base", "reason", "summary", "vote"]
SEATS: dict[Arm, Seat] = {
    "base": "base",
    "direct": "summary",
    "reason": "reason",
    "majority": "vote",
    "reason+summary": "summary",
    "oracle": "summary",
    "flawed": "summary",
}
PROMPTS: dict[Arm, str] = {"base": "direct", "direct": "direct", "reason": "reason", "majority": "reason"}
"""The other arms' prompt is `summary`."""


class Given(NamedTuple):
    """What an arm may show beside the question."""

    paths: Mapping[str, Sequence[Path]]
    """By question id; of the system under test, one or several."""
    flawed: Mapping[str, Sequence[FlawedRow]]


def docs(arm: Arm, questions: Sequence[Question], given: Given, settings: EvalSettings) -> list[dict[str, Any]]:
    """The arm's documents, without the pictures' bytes: all that its records will need. None where it cannot be run."""
    made = []
    for question in questions:
        for shown in _shown(arm, question, given):
            made.append(_doc(arm, question, shown, settings))
    return made


def _shown(arm: Arm, question: Question, given: Given) -> Iterator[dict[str, Any]]:
    """What is shown or known of a path, one dict a document."""
    if arm in ("base", "direct"):
        yield NO_PATH
    elif arm in ("reason", "reason+summary"):
        for path in given.paths.get(question.id, ()):
            yield _stored(question, path)
    elif arm == "majority":
        if question.id in given.paths:
            yield _voted(question, given.paths[question.id])
    elif arm == "oracle":
        if question.scene:
            yield {**NO_PATH, "path": exact_text(question), "path_correct": True, "path_status": "complete"}
    elif arm == "flawed":
        for row in given.flawed.get(question.id, ()):
            yield _injected(row)


NO_PATH: dict[str, Any] = {
    "path": "",
    "path_id": "",
    "path_correct": None,
    "path_status": "none",
    "path_tokens": 0,
    "flaw": "none",
    "severity": 0.0,
    "position": "none",
    "propagated": False,
    "planted_answer": "",
    "sample": 0,
    "vote": "",
}


def exact_text(question: Question) -> str:
    scene = scene_from_json(question.scene)
    program = parse_question(question.question, scene)
    assert program is not None  # a question with a scene was made from a program
    return render_path(*exact_path(program, scene.values))


def _stored(question: Question, path: Path) -> dict[str, Any]:
    right = path.answer is not None and matches(
        path.answer, question.answer, question.answer_type, question.options, question.tolerance
    )
    return {
        **NO_PATH,
        "path": path_text(path),
        "path_id": path.id,
        "path_correct": right,
        "path_status": path.status,
        "path_tokens": path.num_tokens,
        "sample": path.sample,
    }


def _voted(question: Question, paths: Sequence[Path]) -> dict[str, Any]:
    """The answer that most of the paths give, at the cost of all of them; paths without an answer have no vote."""
    answer = majority([path.answer for path in paths if path.answer is not None], question)
    vote = "" if answer is None else render_answer(answer)
    return {**NO_PATH, "vote": vote, "path_tokens": sum(path.num_tokens for path in paths)}


def majority(answers: Sequence[str], question: Question) -> str | None:
    """The answer given most often, the earliest of them where several are (Wang et al., arXiv 2203.11171)."""
    groups: list[list[str]] = []
    for answer in answers:
        same = (g for g in groups if matches(answer, g[0], question.answer_type, question.options))
        group = next(same, None)
        if group is None:
            groups.append([answer])
        else:
            group.append(answer)
    return max(groups, key=len)[0] if groups else None


def _injected(row: FlawedRow) -> dict[str, Any]:
    return {
        **NO_PATH,
        "path": row.flawed_path,
        "path_correct": matches(row.planted_answer, row.answer, row.answer_type, row.options),
        "path_status": "complete",
        "flaw": row.flaw,
        "severity": row.severity,
        "position": row.position,
        "propagated": row.propagated,
        "planted_answer": row.planted_answer,
    }


def _doc(arm: Arm, question: Question, shown: dict[str, Any], settings: EvalSettings) -> dict[str, Any]:
    name = PROMPTS.get(arm, "summary")
    slots = {"path": shown["path"]} if name == "summary" else {}
    return {
        "arm": arm,
        "seat": SEATS[arm],
        "question_id": question.id,
        "kind": question.kind,
        "question": question.question,
        "options": list(question.options),
        "gold": question.answer,
        "answer_type": question.answer_type,
        "tolerance": question.tolerance,
        "group": question.group,
        "images": list(question.image_sha256),
        "context": ask(name, question, **slots).messages[0].content,
        "prompt": load_prompt(name).label,
        "token_cap": settings.path_sampling.max_new_tokens + settings.answer_sampling.max_new_tokens,
        **shown,
    }
