"""What a document says of the path that it shows: the columns, and the stored, exact and flawed paths in them."""

from __future__ import annotations

from typing import Any

from insightv_bench.agents import path_text, second_turn
from insightv_bench.answers import is_gold
from insightv_bench.chat import OURS, Asking
from insightv_bench.flaws import Flawed
from insightv_bench.protocol import render_path
from insightv_bench.records import FlawedRow, Path, Question
from insightv_bench.sources import GOLD, gold_path
from insightv_bench.world import exact_path, parse_question, scene_from_json

TURNS = "turns"
"""What was said before the document's context; documents that begin a conversation have no such column."""
NO_PATH: dict[str, Any] = {
    "path": "",
    "path_id": "",
    "path_correct": None,
    "path_status": "none",
    "path_dialect": "",
    "path_tokens": 0,
    "path_model": "",
    "path_score": None,
    "path_judge": "",
    "judge_failure": "",
    "maker": "",
    "made_from": "",
    "num_paths": 0,
    "shown": [],
    "shown_right": [],
    "flaw": "none",
    "severity": 0.0,
    "position": "none",
    "propagated": False,
    "planted_answer": "",
    "sample": 0,
    "share": 1.0,
    "vote": "",
    "logprob": None,
    "certainty": None,
}


def asked_columns(question: Question) -> dict[str, Any]:
    """What is asked, and the answer."""
    return {
        "question_id": question.id,
        "kind": question.kind,
        "question": question.question,
        "options": list(question.options),
        "gold": question.answer,
        "answer_type": question.answer_type,
    }


def exact_text(question: Question) -> str:
    """The exact path of a question of the drawn world."""
    scene = scene_from_json(question.scene)
    program = parse_question(question.question, scene)
    assert program is not None  # a question with a scene was made from a program
    return render_path(*exact_path(program, scene.values))


def answer_right(question: Question, answer: str | None) -> bool:
    """A path without an answer is wrong."""
    return answer is not None and is_gold(answer, question)


def known_path(question: Question) -> tuple[str, str]:
    """The right path that comes with a question, and who made it: the exact one of the drawn world, or its authors' own
    solution; both empty where there is none."""
    if question.scene:
        return exact_text(question), "exact"
    steps = gold_path(question)
    return ("", "") if isinstance(steps, str) else (render_path(steps, question.answer), GOLD)


def exact(question: Question) -> dict[str, Any] | None:
    """None: no right path comes with the question."""
    text, maker = known_path(question)
    return {**NO_PATH, "path": text, "path_correct": True, "path_status": "complete", "maker": maker} if text else None


def stored(question: Question, path: Path) -> dict[str, Any]:
    return {
        **NO_PATH,
        "path": path_text(path),
        "path_id": path.id,
        "path_correct": answer_right(question, path.answer),
        "path_status": path.status,
        "path_dialect": path.dialect,
        "path_tokens": path.num_tokens,
        "path_model": path.generator,
        "num_paths": 1,
        "sample": path.sample,
        "logprob": path.logprob,
        "certainty": path.certainty,
    }


def turns_before(question: Question, path: Path, asking: Asking = OURS) -> list[dict[str, Any]]:
    """The conversation in which the path was written, as it was written, up to the turn that is still to be asked."""
    return [message.model_dump() for message in second_turn(question, path.text, asking).messages[:-1]]


def flaw_columns(question: Question, row: FlawedRow | Flawed) -> dict[str, Any]:
    return {
        "path": row.flawed_path,
        "path_correct": answer_right(question, row.planted_answer),
        "path_status": "complete",
        "maker": row.maker,
        "flaw": row.flaw,
        "severity": row.severity,
        "position": row.position,
        "propagated": row.propagated,
        "planted_answer": row.planted_answer,
        **(other_images(question, row) if isinstance(row, FlawedRow) else {}),
    }


def other_images(question: Question, row: FlawedRow) -> dict[str, Any]:
    """What is shown in place of the question's own images, where the row has others."""
    return {"images": list(row.image_sha256)} if row.image_sha256 not in ((), question.image_sha256) else {}
