"""Programs, paths, flaws, oracle and teacher work on charts as on plain bars, and splits stay apart."""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict
from contextlib import closing
from pathlib import Path as File
from typing import Any, get_args

import pytest
from chart_scenes import FULL, scenes

from insightv_bench.agents import ReasoningAgent
from insightv_bench.engines import Caller
from insightv_bench.engines.teacher import Teacher
from insightv_bench.flaws import make_flawed, planted_by
from insightv_bench.journal import Journal
from insightv_bench.protocol import parse_path, render_path
from insightv_bench.records import Question
from insightv_bench.settings import PathsSettings, Sampling, TeacherEngine
from insightv_bench.world import exact_path, judge, parse_question, scene_from_json
from insightv_bench.world import run as run_program
from insightv_bench.world.level import Chart
from insightv_bench.world.program import ANSWER_TYPES, KINDS, question_text, sample_program
from insightv_bench.world.scene import sample_scene, scene_to_json

pytest.importorskip("matplotlib")


def test_a_chart_question_parses_back_and_its_exact_path_ends_in_the_gold_answer(charts: list[Question]) -> None:
    for question in charts:
        scene = scene_from_json(question.scene)
        program = parse_question(question.question, scene)
        assert program is not None and program.kind == question.kind and question_text(program) == question.question
        steps, answer = exact_path(program, scene.values)
        assert answer == run_program(program, scene.values) == question.answer
        assert question.answer_type == ANSWER_TYPES.get(program.kind, "number")
        assert judge(question.question, question.scene, steps).score == 100
        assert parse_path(render_path(steps, answer)).steps == steps
        assert scene_to_json(scene) == question.scene
    assert set(Counter(q.kind for q in charts).values()) == {6} and {q.kind for q in charts} == set(KINDS)
    assert {scene_from_json(q.scene).chart for q in charts} == set(get_args(Chart))


def test_a_chart_is_asked_about_by_labels_and_in_words_that_fit_any_chart(charts: list[Question]) -> None:
    for question in charts:
        scene = scene_from_json(question.scene)
        program = parse_question(question.question, scene)
        assert program is not None
        told = " ".join(step.reasoning for step in exact_path(program, scene.values)[0])
        words = set(re.findall("[a-z]+", f"{question.question} {told}".casefold()))
        assert not words & {"bar", "bars", "tall", "taller", "tallest", "shortest"}
        named = [bar.colour for bar in scene.bars if bar.colour in question.question]
        assert bool(named) == (question.kind in ("read", "compare", "difference", "sum"))


def test_flaws_of_charts_are_found_by_the_oracle(charts: list[Question]) -> None:
    made: Counter[str] = Counter()
    for question in charts:
        scene = scene_from_json(question.scene)
        program = parse_question(question.question, scene)
        assert program is not None
        for flaw in planted_by("exact"):
            flawed = make_flawed(program, scene, flaw, 0.5, "middle", random.Random(question.id))
            if flawed is None:
                continue
            made[flaw] += 1
            parsed = parse_path(flawed.flawed_path)
            assert parsed.answer == flawed.planted_answer and flawed.flawed_path != flawed.path
            labels = judge(question.question, question.scene, parsed.steps).labels
            told_wrong = {place for place, right in enumerate(labels) if not right}
            if flaw not in ("skipped-step", "premature"):  # what is left out makes no step wrong before the conclusion
                assert told_wrong == {place for place in flawed.error_steps if place < len(labels)}
    assert set(made) == set(planted_by("exact")) and min(made.values()) > 10


@pytest.mark.parametrize("mode", ["stepwise", "one-call"])
def test_a_careful_teacher_is_right_on_charts(charts: list[Question], tmp_path: File, mode: Any) -> None:
    engine = Teacher(TeacherEngine(), {q.image_sha256[0]: q.scene for q in charts})
    with closing(Journal(tmp_path / "journal.sqlite")) as journal, Caller(engine, journal) as caller:
        agent = ReasoningAgent(caller, PathsSettings(mode=mode, num_paths=1, sampling=Sampling()))
        paths = caller.run([agent.write(question, 0) for question in charts])
    for question, path in zip(charts, paths, strict=True):
        assert path.status == "complete" and path.answer == question.answer
        assert judge(question.question, question.scene, path.steps).score == 100


def test_splits_of_charts_are_disjoint_by_content() -> None:
    found: dict[str, set[str]] = defaultdict(set)
    for split in ("train", "validation", "test"):
        random_ = random.Random(split)
        for _ in range(400):
            found[split].add(str([bar[:2] for bar in sample_scene(random_, FULL, split).bars]))  # type: ignore[arg-type]
    assert not found["train"] & found["test"] and not found["train"] & found["validation"]
    assert not found["validation"] & found["test"]


def test_no_answer_on_charts_is_given_away_by_the_kind() -> None:
    random_ = random.Random(0)
    for kind in KINDS:
        made = [(scene, sample_program(random_, scene, kind)) for scene in scenes(200)]
        answers = Counter(run_program(program, scene.values) for scene, program in made if program)
        assert max(answers.values()) / answers.total() < 0.6
