"""Right paths that are cut short, for what a model makes of their beginning.

    early      the first 10, 20, ... 100 % of the steps, without the answer, shown to the summary agent (Lanham et al.
               2023, arXiv 2307.13702, early answering)
    injected   a right beginning and one flawed step, from which the reasoning agent goes on (Lanham et al., adding
               mistakes; von Recum et al. 2026, arXiv 2602.07470, interventions in the middle of a path)
    resumed    its control: the beginning of the same length, unflawed

The path is the one that comes with a question, exact or its authors' own; where there is none, its first stored one
that is complete and right. `share` is how much of its steps is shown.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from typing import Any

from insightv_bench.flaws import FLAWS, Flawed, make_flawed, make_text_flawed, steps_of
from insightv_bench.protocol import render_path
from insightv_bench.records import FlawType, Position, Question, Step
from insightv_bench.settings import EvalSettings
from insightv_bench.world import parse_question, scene_from_json

from .columns import exact_text

TENTHS = 10
TOO_SHORT = "the path is too short to be cut"
NO_FLAW = "no flaw can be planted in the middle"
NOT_RIGHT = "the path is not right"
Cut = Iterator[dict[str, Any] | str]
"""What is shown, or why nothing is."""


def early(text: str) -> Cut:
    """Each beginning once, however many tenths it stands for."""
    steps = steps_of(text)
    if len(steps) < 2:
        yield TOO_SHORT
        return
    lengths = sorted({math.ceil(len(steps) * tenth / TENTHS) for tenth in range(1, TENTHS + 1)})
    yield from (_shown(steps[:length], len(steps)) for length in lengths)


def injected(question: Question, text: str, settings: EvalSettings, seed: int, flawed: bool) -> Cut:
    """One beginning a position, ending in a flawed step; or, of the same lengths, as it was."""
    steps, found = steps_of(text), False
    lengths: set[int] = set()
    for position in settings.flaws.positions:
        random_ = random.Random(f"{seed}/{question.id}/{position}")
        made = _plant(question, text, settings, position, random_) if len(steps) > 1 else None
        if made is None:
            continue
        at = min(made.error_steps)
        bad = steps_of(made.flawed_path)
        if at + 1 >= len(steps) or at >= len(bad) or bad[:at] != steps[:at] or at + 1 in lengths:
            continue  # nothing would be left to go on with, or the beginning is not as it was
        lengths.add(at + 1)
        found = True
        shown = _shown([*steps[:at], bad[at]] if flawed else steps[: at + 1], len(steps))
        known = {"flaw": made.flaw, "severity": round(1 / (at + 1), 4), "maker": made.maker} if flawed else {}
        yield {**shown, "position": _third(at, len(steps)), **known}
    if not found:
        yield NO_FLAW if len(steps) > 1 else TOO_SHORT


def _plant(
    question: Question, text: str, settings: EvalSettings, position: Position, random_: random.Random
) -> Flawed | None:
    """One step made false."""
    flaws: list[FlawType] = [flaw for flaw in settings.flaws.flaws if FLAWS[flaw].spoils == "share"]
    for flaw in random_.sample(flaws, len(flaws)):
        if question.scene and text == exact_text(question):
            scene = scene_from_json(question.scene)
            program = parse_question(question.question, scene)
            made = make_flawed(program, scene, flaw, 0, position, random_) if program else None
        elif "rule" in FLAWS[flaw].makers:
            tried = make_text_flawed(question, text, flaw, 0, position, False, random_)
            made = tried if isinstance(tried, Flawed) else None
        else:
            made = None
        if made and made.error_steps:
            return made
    return None


def _third(at: int, num_steps: int) -> Position:
    place = at / max(1, num_steps - 1)
    return "early" if place < 1 / 3 else "middle" if place <= 2 / 3 else "late"


def _shown(steps: Sequence[Step], num_steps: int) -> dict[str, Any]:
    begun = [step.model_copy(update={"action": "continue"}) for step in steps]
    if any(step.summary for step in begun):
        text = render_path(begun, None)
    else:
        text = "\n\n".join(step.reasoning for step in begun)  # a path in words
    return {"path": text, "path_status": "complete", "share": round(len(steps) / num_steps, 4)}
