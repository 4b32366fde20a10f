"""What a model from nothing needs before it can reason: to see, and to speak the protocol.

Lessons, mixed: every bar in order, every bar in any order, some bars by name in the path's own layout, short answers;
and, for a model that is to judge, what a text said of some bars, and whether it was so. Bars in a fixed order alone do
not teach reading by name, and reading alone does not teach checking (docs/learning-log.md).
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Literal

from insightv_bench.chat import ask, assistant, user
from insightv_bench.protocol import render_answer, render_path, render_summary
from insightv_bench.records import Image, Question, ReasoningRow, Step, content_id, training_columns

from .level import Level
from .oracle import reread
from .program import KINDS, run, sample_program
from .questions import LICENCE, VERSION, as_question
from .render import draw
from .scene import Bar, Scene, sample_scene

Lesson = Literal["list", "list-any-order", "read-by-name", "direct", "recall", "check"]
WRONG_CLAIMS = 0.35
"""Share of what `recall` and `check` claim of bars that is not so."""
LIST, LIST_ANY_ORDER = "List every bar from left to right.", "List every bar in any order."


def sample_lessons(level: Level, seed: int, num: int, mix: dict[Lesson, float]) -> Iterator[ReasoningRow]:
    """`num` rows of train scenes, the lessons in the shares of `mix`."""
    random_ = random.Random(f"lessons/{VERSION}/{level.name}/{seed}")
    names, shares = list(mix), list(mix.values())
    for _ in range(num):
        scene = sample_scene(random_, level, "train")
        lesson = random_.choices(names, shares)[0]
        if lesson == "direct":
            yield _direct(random_, scene, level)
        else:
            yield (_claims if lesson in ("recall", "check") else _seeing)(random_, scene, level, lesson)


def _claims(random_: random.Random, scene: Scene, level: Level, lesson: Lesson) -> ReasoningRow:
    """Readings of some bars, not all true: say again what was said, or read again and judge the last of them."""
    bars = random_.sample(scene.bars, random_.randint(1, min(4, len(scene.bars))))
    claimed: list[Bar] = []
    for bar in bars:
        others = [value for value in range(1, level.max_value + 1) if value != bar.value]
        claimed.append(bar._replace(value=random_.choice(others)) if random_.random() < WRONG_CLAIMS else bar)
    question = _question(scene, level, f"Read {', '.join(bar.colour for bar in bars)}.")
    if lesson == "recall":
        random_.shuffle(claimed)
        text = f"{_readings(claimed)}\nRead {', '.join(bar.colour for bar in claimed)}."
        return _row(_question(scene, level, text), "direct", render_answer(_listed(claimed)))
    steps, last = _steps(claimed), bars[-1]
    check = render_summary(str(last.value), "right" if claimed[-1] == last else "wrong", reread(scene, steps))
    row = _row(question, "direct", check)
    return row.model_copy(update={"prompt": ask("summary", question, path=_readings(claimed)).messages})


def _direct(random_: random.Random, scene: Scene, level: Level) -> ReasoningRow:
    program = None
    while program is None:
        program = sample_program(random_, scene, random_.choice(KINDS))
    question = as_question(scene, program, level)
    return _row(question, "direct", render_answer(run(program, scene.values)))


def _seeing(random_: random.Random, scene: Scene, level: Level, lesson: Lesson) -> ReasoningRow:
    bars = list(scene.bars)
    if lesson != "list":
        random_.shuffle(bars)
    if lesson == "read-by-name":
        bars = bars[: random_.randint(2, min(4, len(bars)))]
        text = f"Read {', '.join(bar.colour for bar in bars)}."
        return _row(_question(scene, level, text), "reason", _readings(bars))
    text = LIST if lesson == "list" else LIST_ANY_ORDER
    return _row(_question(scene, level, text), "direct", render_answer(_listed(bars)))


def _listed(bars: list[Bar]) -> str:
    return ", ".join(f"{bar.colour} is {bar.value}" for bar in bars)


def _readings(bars: list[Bar]) -> str:
    return render_path(_steps(bars), str(bars[-1].value))


def _steps(bars: list[Bar]) -> list[Step]:
    steps = [
        Step(summary=f"read {bar.colour}", reasoning=f"{bar.colour} is {bar.value}", action="continue") for bar in bars
    ]
    steps[-1] = steps[-1].model_copy(update={"action": "summary"})
    return steps


def _question(scene: Scene, level: Level, text: str) -> Question:
    image = Image(bytes=draw(scene, level))
    return Question(
        id=content_id("lesson", text, [image.sha256]),
        images=(image,),
        image_sha256=(image.sha256,),
        question=text,
        answer="",
        answer_type="text",
        source=f"drawn-world/{level.name}",
        source_revision=VERSION,
        source_license=LICENCE,
        kind="lesson",
    )


def _row(question: Question, prompt: str, completion: str) -> ReasoningRow:
    turns = {"prompt": (user(prompt, question),), "completion": (assistant(completion),)}
    return ReasoningRow(**training_columns(question), **turns, score=100)
