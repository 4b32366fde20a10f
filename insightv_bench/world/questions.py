"""Question rows of the drawn world: any level, split, seed and number; and the public test sets, the same for all."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import lru_cache

from insightv_bench.errors import SourceError
from insightv_bench.records import Image, Question, content_id

from .level import Level, LevelName
from .program import KINDS, Kind, Program, question_text, run, sample_program
from .render import draw
from .scene import Scene, Split, sample_scene, scene_to_json

VERSION = "1"
"""Changes whenever the same seed would give other questions."""
LICENCE = "Apache-2.0"
NUM_TEST = 500
SEED = 20260
"""The public test sets' own seed."""
CANARY = "insightv-bench:canary:6f1d2c9e-5b7a-4e0f-9a53-c1d84e7b2f60"
"""Stands in public sets: a model that can say it has been trained on them. No training corpus should hold it."""
MAX_TRIES = 1_000
"""Draws in a row that give no new question, before a level counts as used up."""


def sample_questions(level: Level, split: Split, seed: int, num: int, salt: str = "") -> Iterator[Question]:
    """`num` distinct questions, their kinds in equal shares. The same arguments give the same rows.

    Noise, size and colour of a level change the pictures, not what is asked: two levels of one name ask the same with
    one seed, unless `salt` (a recipe's version) tells them apart.

    Raises SourceError where the level has fewer: without noise, one scene is one image.
    """
    random_ = random.Random(f"{VERSION}/{level.name}/{split}/{seed}" + (f"/{salt}" if salt else ""))
    seen: set[str] = set()
    while len(seen) < num:
        kind = KINDS[len(seen) % len(KINDS)]
        draws = (_sample_question(random_, level, split, kind) for _ in range(MAX_TRIES))
        question = next((question for question in draws if question.id not in seen), None)
        if question is None:
            raise SourceError(
                f"level `{level.name}` has no more than {len(seen):,} distinct questions in split `{split}`",
                "ask for fewer, or give the level more bars, values or noise",
            )
        seen.add(question.id)
        yield question


def _sample_question(random_: random.Random, level: Level, split: Split, kind: Kind) -> Question:
    while True:
        scene = sample_scene(random_, level, split)
        program = sample_program(random_, scene, kind, level.max_terms)
        if program:
            return as_question(scene, program, level)


def as_question(scene: Scene, program: Program, level: Level) -> Question:
    image = Image(bytes=draw(scene, level), path=None)
    text, source = question_text(program), f"drawn-world/{level.name}"
    return Question(
        id=content_id(source, text, [image.sha256]),
        images=(image,),
        image_sha256=(image.sha256,),
        question=text,
        answer=run(program, scene.values),
        answer_type=program.answer_type,
        source=source,
        source_revision=VERSION,
        source_license=LICENCE,
        kind=program.kind,
        scene=scene_to_json(scene),
    )


def fresh_level(name: LevelName, fresh_seed: int | None) -> Level:
    """The level; with a fresh seed under another name, so that its questions and its scores are another set's."""
    return Level(level=name) if fresh_seed is None else Level(level=name, name=f"{name}-fresh-{fresh_seed}")


@lru_cache(maxsize=4)
def fixed_questions(name: LevelName, fresh_seed: int | None = None, num: int = NUM_TEST) -> tuple[Question, ...]:
    """The level's public test set, or a fresh one of the same make; a smaller `num` gives the first of them.

    Kept, since several tasks of one run ask the same set: it takes up to 15 MB.
    """
    return tuple(sample_questions(fresh_level(name, fresh_seed), "test", SEED, num))


def fixed_version(fresh_seed: int | None = None, num: int = NUM_TEST) -> str:
    """Scores compare only over the same version of the same set."""
    fresh = "" if fresh_seed is None else f"-fresh-{fresh_seed}"
    return VERSION + fresh + ("" if num == NUM_TEST else f"-first-{num}")
