"""Every flaw at every severity and position on questions of the drawn world, with the oracle's judgement of each."""

from __future__ import annotations

import random
from typing import NamedTuple

from insightv_bench.flaws import Flawed, make_flawed, planted_by
from insightv_bench.protocol import ParsedPath, parse_path, render_path
from insightv_bench.records import Position, Question
from insightv_bench.world import Judgement, Level, Program, Scene, exact_path, judge, parse_question, scene_from_json

SEVERITIES = (0.25, 0.5, 0.75, 1.0)
POSITIONS: tuple[Position, ...] = ("early", "middle", "late")
LEVEL = Level(side=16, max_bars=5)  # a flaw looks at no image
MISSING = ("skipped-step", "premature")
ADDED = ("contradiction", "irrelevant-step")
TWO_READINGS = ("compare", "difference")


class Case(NamedTuple):
    question: Question
    program: Program
    scene: Scene
    asked: tuple[float, Position]
    flawed: Flawed
    exact: ParsedPath
    path: ParsedPath
    found: Judgement


def parts(question: Question) -> tuple[Program, Scene]:
    scene = scene_from_json(question.scene)
    program = parse_question(question.question, scene)
    assert program is not None
    return program, scene


def every_flaw(question: Question, seed: int = 0) -> list[Case]:
    program, scene = parts(question)
    exact = parse_path(render_path(*exact_path(program, scene.values)))
    made = []
    for flaw in planted_by("exact"):
        for severity in SEVERITIES:
            for position in POSITIONS:
                random_ = random.Random(f"{seed}/{question.id}/{flaw}/{severity}/{position}")
                flawed = make_flawed(program, scene, flaw, severity, position, random_)
                if flawed:
                    path = parse_path(flawed.flawed_path)
                    found = judge(question.question, question.scene, path.steps)
                    made.append(Case(question, program, scene, (severity, position), flawed, exact, path, found))
    return made


def of(cases: list[Case], *flaws: str) -> list[Case]:
    return [case for case in cases if case.flawed.flaw in flaws]


def said(path: ParsedPath) -> list[str]:
    """What each step says, and the answer."""
    return [*(step.reasoning for step in path.steps), f"answer: {path.answer}"]


def spoilt_readings(case: Case) -> list[int]:
    """Reading steps that differ from the exact path, where the flawed path has a step for a step."""
    num = len(case.program.colours)
    return [index for index in range(num) if said(case.path)[index] != said(case.exact)[index]]
