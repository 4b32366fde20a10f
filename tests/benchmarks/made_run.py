"""Stages of a run with realistic texts, made and not sampled: questions on drawn bars, and eight paths of 1 kB each."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

from insightv_bench.journal import Journal
from insightv_bench.records import Image, Question, Step, content_id
from insightv_bench.records import Path as ReasoningPath
from insightv_bench.settings import ScoreRanges
from insightv_bench.settings.base import Section
from insightv_bench.stages import MANIFEST, Context, FlawOptions, Options, Progress, Stage, run_stage
from insightv_bench.storage import write_shards

NUM_PATHS = 8
COLOURS = ("red", "blue", "green", "gray", "black", "brown")
IMAGE = Image(bytes=b"\x89PNG" + bytes(60))


def questions(num: int) -> Iterator[Question]:
    for n in range(num):
        random_ = random.Random(n)
        gold = random_.randint(10, 99) + random_.randint(10, 99)
        asked = f"In chart {n}, what is the sum of the red bar and the blue bar? Answer with a number."
        yield Question(
            id=content_id(asked),
            images=(IMAGE,),
            image_sha256=(IMAGE.sha256,),
            question=asked,
            answer=str(gold),
            answer_type="number",
            source="made",
            source_revision="1",
            source_license="none",
        )


def paths(num_questions: int) -> Iterator[ReasoningPath]:
    """One in five ends wrong."""
    for number, question in enumerate(questions(num_questions)):
        for sample in range(NUM_PATHS):
            random_ = random.Random(f"{number}/{sample}")
            wrong = random_.random() < 0.2
            yield path(question, sample, int(question.answer) + wrong, random_)


def path(question: Question, sample: int, answer: int, random_: random.Random) -> ReasoningPath:
    red = random_.randint(1, 9)
    told = [
        f"The {colour} bar stands at {random_.randint(10, 99)}, as its label says, below {red}." for colour in COLOURS
    ]
    steps = [
        Step(summary=f"read the {c} bar", reasoning=t, action="continue") for c, t in zip(COLOURS, told, strict=True)
    ]
    total = f"{red} + {answer - red} = {answer}"
    steps.append(
        Step(summary="add them", reasoning=f"So {total}, which is the sum that was asked for.", action="summary")
    )
    lines = [*(step.model_dump_json() for step in steps), json.dumps({"answer": str(answer)})]
    return ReasoningPath(
        id=content_id(question.id, sample),
        question_id=question.id,
        sample=sample,
        generator="made@1",
        prompt="reason@1",
        steps=tuple(steps),
        answer=str(answer),
        status="complete",
        dialect="json",
        text="\n".join(lines),
        num_tokens=300,
    )


def make(folder: Path, num_questions: int) -> None:
    """The stages `questions` and `paths` in `folder`."""
    for name, record, rows in (
        ("questions", Question, questions(num_questions)),
        ("paths", ReasoningPath, paths(num_questions)),
    ):
        (folder / name).mkdir(parents=True)
        num = write_shards(folder / name, rows, record)
        (folder / name / MANIFEST).write_text(json.dumps({"num_rows": num}), encoding="utf-8")


def run(folder: Path, name: str, kind: str, settings: Section, *inputs: str) -> Context:
    """Runs a stage in `folder` on the stages there; `inputs` are their names."""
    roles = dict(zip(("questions", "paths", "verdicts"), inputs, strict=False))
    told = FlawOptions(ranges=ScoreRanges()) if kind == "sampled-flaws" else Options()
    stage = Stage(name, kind, settings, roles, told)
    journal = Journal(folder / "journal.sqlite")
    places = {role: folder / each for role, each in roles.items()}
    context = Context(stage, folder / name, places, journal, Progress(), 0, None)
    run_stage(stage, context)
    journal.close()
    return context
