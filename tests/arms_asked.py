"""What the tests of arms share: questions with and without a scene, and the paths that arms show of them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path as File
from typing import Any

from insightv_bench.agents import ReasoningAgent
from insightv_bench.engines import Caller
from insightv_bench.engines.teacher import Teacher
from insightv_bench.evals.arms import Given
from insightv_bench.flaws import make_flawed
from insightv_bench.journal import Journal
from insightv_bench.records import Arm, FlawedRow, Image, Question, columns_of
from insightv_bench.settings import EvalSettings, PathsSettings, Sampling, TeacherEngine
from insightv_bench.world import parse_question, scene_from_json

ARMS: tuple[Arm, ...] = ("base", "direct", "reason", "reason+summary", "oracle", "flawed")
SETTINGS = EvalSettings(
    path_sampling=Sampling(max_new_tokens=96, temperature=0.6, top_p=0.9, repetition_penalty=1.1),
    answer_sampling=Sampling(max_new_tokens=24),
)
UNREADABLE, WRONG = "I cannot tell.", '{"answer": "8128"}'


def without_scene() -> list[Question]:
    """Questions with options and no scene."""
    return [
        Question(
            id=f"f{place}",
            images=(Image(bytes=bytes([place])),),
            image_sha256=(Image(bytes=bytes([place])).sha256,),
            question=f"Which <image> is it, {{path}} or {place}?",
            options=("red", "blue", "{question}"),
            answer="B",
            answer_type="option",
            source="hand",
            source_revision="1",
            source_license="MIT",
        )
        for place in range(3)
    ]


def teacher(questions: Sequence[Question], settings: TeacherEngine | None = None) -> Teacher:
    return Teacher(settings or TeacherEngine(), {q.image_sha256[0]: q.scene for q in questions})


def given_paths(questions: list[Question], foreign: list[Question], folder: File) -> Given:
    """Stored paths, one of them malformed and one unfinished, and two flawed ones for each drawn question."""
    settings = PathsSettings(num_paths=1, mode="one-call", sampling=SETTINGS.path_sampling)
    engine = teacher(questions, TeacherEngine(careful=0.6, read_error=0.2))
    journal = Journal(folder / "journal.sqlite")
    with closing(journal), Caller(engine, journal) as caller:
        agent = ReasoningAgent(caller, settings)
        paths = caller.run([agent.write(question, 0) for question in questions])
    broken = {"steps": (), "answer": None, "status": "malformed", "text": "The bars are {tall} </s> <image>"}
    paths[0] = paths[0].model_copy(update=broken)
    paths[1] = paths[1].model_copy(update={"answer": None, "status": "max_steps"})
    own = [paths[2].model_copy(update={"id": q.id, "question_id": q.id, "answer": "blue"}) for q in foreign]
    flawed = {q.id: [flawed_row(q, "perception"), flawed_row(q, "contradiction")] for q in questions}
    return Given({path.question_id: [path] for path in [*paths, *own]}, flawed)


def flawed_row(question: Question, flaw: Any) -> FlawedRow:
    scene = scene_from_json(question.scene)
    program = parse_question(question.question, scene)
    assert program is not None
    made = make_flawed(program, scene, flaw, 0.5, "early", random.Random(0))
    assert made is not None
    shared = columns_of(question)
    return FlawedRow(**shared, kind=question.kind, **made._asdict())
