"""The levels of the drawn world: the plain ones stay as they are, charts can be read, and all programs work on both."""

from __future__ import annotations

import hashlib
import io
import json
import random
import re
import struct
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path as File
from typing import Any, get_args

import numpy as np
import pytest
from PIL import Image as Picture
from PIL import features

from insightv_bench.agents import ReasoningAgent
from insightv_bench.engines import Caller
from insightv_bench.engines.teacher import Teacher
from insightv_bench.errors import MissingExtra, RecipeError
from insightv_bench.flaws import FLAWS, make_flawed
from insightv_bench.journal import Journal
from insightv_bench.protocol import parse_path, render_path
from insightv_bench.recipe import load_recipe
from insightv_bench.records import Question
from insightv_bench.run import run
from insightv_bench.settings import PathsSettings, Sampling, TeacherEngine
from insightv_bench.world.chart_sheet import Sheet
from insightv_bench.world.chart_style import MAX_UNPRINTED, sample_style
from insightv_bench.world.charts import draw_chart
from insightv_bench.world.level import Chart, Level
from insightv_bench.world.oracle import judge
from insightv_bench.world.program import ANSWER_TYPES, KINDS, parse_question, question_text, sample_program
from insightv_bench.world.program import run as run_program
from insightv_bench.world.questions import sample_questions
from insightv_bench.world.scene import Scene, sample_scene, scene_from_json, scene_to_json
from insightv_bench.world.telling import exact_path
from insightv_bench.world.topics import TOPICS

pytest.importorskip("matplotlib")
FULL = Level(level="full")  # type: ignore[call-arg]
SMALL = Level(level="small")  # type: ignore[call-arg]
ZLIB = "2.3.3"
"""Of the Pillow that the baselines were drawn with: another packs the same pixels into other bytes."""


def digest(parts: list[Any]) -> str:
    return hashlib.sha256("\n".join(json.dumps(part, sort_keys=True) for part in parts).encode()).hexdigest()[:16]


def scenes(num: int, seed: int = 0, level: Level = FULL) -> list[Scene]:
    random_ = random.Random(seed)
    return [sample_scene(random_, level, "train") for _ in range(num)]


@pytest.fixture(scope="module")
def charts() -> list[Question]:
    return list(sample_questions(FULL, "train", 0, 48))


# Plain bars stay as they are: models were trained on them


@pytest.mark.parametrize(
    ("changes", "texts", "pixels", "ids"),
    [
        ({}, "24a5e99bccb13cb1", "5c4c78bc7a6caab9", "c881edcbf88a6fd4"),
        (
            {"name": "wide", "side": 40, "num_slots": 8, "min_bars": 2, "max_bars": 8, "max_value": 20},
            "9b6ebe606085d4ca",
            "4d3ee5549a69f357",
            "a2beaf5ebc50b4b1",
        ),
        (
            {"min_bars": 3, "max_bars": 5, "max_value": 9, "noise_sd": 25},
            "24a5e99bccb13cb1",
            "9c70ad0a4da246a8",
            "3891c3fa56758051",
        ),
    ],
    ids=["tiny", "wide", "quickstart"],
)
def test_plain_levels_give_the_same_questions_as_ever(
    changes: dict[str, Any], texts: str, pixels: str, ids: str
) -> None:
    told, drawn, keys = [], [], []
    for question in sample_questions(Level(**changes), "train", 7, 48):
        scene = scene_from_json(question.scene)
        program = parse_question(question.question, scene)
        assert program is not None
        random_ = random.Random(question.question + question.scene)
        flawed = [make_flawed(program, scene, flaw, 0.5, "early", random_) for flaw in FLAWS]
        told.append([question.question, question.answer, question.answer_type, question.kind, question.scene])
        told.append([question.source, question.source_revision, render_path(*exact_path(program, scene.values))])
        told.append([made._asdict() if made else None for made in flawed])
        picture = Picture.open(io.BytesIO(question.images[0].bytes))
        drawn.append(hashlib.sha256(np.asarray(picture).tobytes()).hexdigest())
        keys.append([question.id, question.image_sha256])
    assert digest(told) == texts
    assert digest(drawn) == pixels
    if features.version("zlib_ng") == ZLIB:
        assert digest(keys) == ids


def test_small_lies_between(tmp_path: File) -> None:
    made = list(sample_questions(SMALL, "train", 0, 240))
    found = [scene_from_json(question.scene) for question in made]
    assert {len(scene.bars) for scene in found} == set(range(4, 9))
    assert max(bar.value for scene in found for bar in scene.bars) == 20
    terms = {len(parse_question(q.question, s).colours) for q, s in zip(made, found, strict=True) if q.kind == "sum"}  # type: ignore[union-attr]
    assert max(terms) > 6 and min(terms) == 2
    assert all(Picture.open(io.BytesIO(q.images[0].bytes)).size == (96, 96) for q in made[:5])
    assert {q.source for q in made} == {"drawn-world/small"} and not any(scene.chart for scene in found)


# Programs, paths, flaws, oracle and teacher on charts


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
        for flaw in FLAWS:
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
    assert set(made) == set(FLAWS) and min(made.values()) > 10


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


# What is in a chart


def test_labels_are_single_words_that_stand_in_one_topic() -> None:
    labels = [label for topic in TOPICS.values() for label in topic.labels]
    assert len(labels) == len(set(labels)) and all(label.isalpha() and label.istitle() for label in labels)
    assert all(len(topic.labels) >= FULL.min_bars for topic in TOPICS.values())


def test_values_can_be_read_exactly_in_every_kind_of_chart() -> None:
    for scene in scenes(600):
        values = [bar.value for bar in scene.bars]
        assert min(values) >= 1 and max(values) <= 99
        if scene.chart == "pie":
            assert min(values) >= 0.04 * sum(values)
        elif scene.chart != "table" and not sample_style(scene, 448).printed:
            assert max(values) <= MAX_UNPRINTED
        if scene.chart == "lines":
            order = [TOPICS[scene.topic].labels.index(bar.colour) for bar in scene.bars]
            assert order == list(range(order[0], order[0] + len(order)))


def test_an_exact_reader_reads_bars_from_their_axis() -> None:
    """Heights are in proportion to values, and a unit is at least three pixels, where no number is printed."""
    read = 0
    for scene in scenes(150, level=FULL.model_copy(update={"charts": ("bars", "bars-horizontal")})):
        style = sample_style(scene, 448)
        if style.printed or style.colouring != "one" or style.edged:
            continue
        pixels = draw_chart(scene, 448)
        colour = [int(style.palette[0][at : at + 2], 16) for at in (1, 3, 5)]
        lengths = (pixels == colour).all(axis=2).sum(axis=0 if scene.chart == "bars" else 1)
        starts = np.flatnonzero(np.diff(np.concatenate([[0], (lengths > 0).astype(int), [0]])))
        found = [lengths[first:last].max() for first, last in zip(starts[::2], starts[1::2], strict=True)]
        assert len(found) == len(scene.bars)
        unit = sum(found) / sum(bar.value for bar in scene.bars)
        assert unit >= 3
        assert [round(length / unit) for length in found] == [bar.value for bar in scene.bars]
        read += 1
    assert read > 10


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, float, Any]]]:
    """What would be drawn: text (empty for a box), how far it is turned, and the pixels that it takes.

    Artists are placed as they are for drawing, and not drawn: the layout is asked about, at a third of the time.
    """
    from matplotlib.patches import Rectangle
    from matplotlib.text import Text

    found: list[tuple[str, float, Any]] = []

    def recorded(sheet: Sheet, artist: Any) -> None:
        artist.set_figure(sheet._figure)
        artist.set_transform(sheet._plain)
        if isinstance(artist, Text):
            found.append((artist.get_text(), artist.get_rotation(), artist.get_window_extent(sheet._renderer)))
        elif isinstance(artist, Rectangle):
            found.append(("", 0.0, artist.get_window_extent(sheet._renderer)))

    monkeypatch.setattr(Sheet, "_draw", recorded)
    yield found


def overlap(one: Any, other: Any) -> bool:
    return bool(
        one.x0 < other.x1 - 0.5 and other.x0 < one.x1 - 0.5 and one.y0 < other.y1 - 0.5 and other.y0 < one.y1 - 0.5
    )


@pytest.mark.parametrize("num", [40, pytest.param(600, marks=pytest.mark.slow)])
def test_no_text_leaves_the_sheet_or_covers_another_or_a_bar(drawn: list[tuple[str, float, Any]], num: int) -> None:
    pies = scenes(num // 2, seed=1, level=FULL.model_copy(update={"charts": ("pie",)}))  # the labels lie closest there
    for scene in scenes(num, seed=5) + pies:
        drawn.clear()
        height, width = draw_chart(scene, 448).shape[:2]
        texts = [row for row in drawn if row[0]]
        bars = [row[2] for row in drawn[1:] if not row[0]] if scene.chart.startswith("bars") else []
        for place, (text, turn, box) in enumerate(texts):
            assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height, (text, scene)
            assert not any(overlap(box, bar) for bar in bars), (text, scene)
            for other, other_turn, other_box in texts[:place]:
                if not (0 < turn < 90 and 0 < other_turn < 90):  # boxes of slanted neighbours overlap, letters do not
                    assert not overlap(box, other_box), (text, other, scene)


def test_every_label_stands_in_its_chart_and_every_printed_value(drawn: list[tuple[str, float, Any]]) -> None:
    for scene in scenes(30, seed=6):
        drawn.clear()
        draw_chart(scene, 448)
        words = [word.strip(":%") for text, _, _ in drawn for word in text.split()]
        assert all(words.count(bar.colour) == 1 for bar in scene.bars)
        if scene.chart in ("pie", "table"):
            assert Counter(str(bar.value) for bar in scene.bars) <= Counter(words)


# The pictures


def test_a_chart_is_448_pixels_or_more_and_looks_different_each_time(charts: list[Question]) -> None:
    sizes = Counter(Picture.open(io.BytesIO(q.images[0].bytes)).size for q in charts)
    assert min(min(size) for size in sizes) >= 448 and len(sizes) > 10
    assert len({q.image_sha256 for q in charts}) == len(charts)
    styles = [sample_style(scene_from_json(q.scene), 448) for q in charts]
    for field in ("font", "size", "ground", "colouring", "printed", "boxed", "titled", "palette"):
        assert len({getattr(style, field) for style in styles}) > 1


def test_the_png_of_a_chart_holds_no_chunk_but_pixels(charts: list[Question]) -> None:
    for question in charts[:20]:
        content, chunks, place = question.images[0].bytes, set(), 8
        while place < len(content):
            (length,) = struct.unpack(">I", content[place : place + 4])
            chunks.add(content[place + 4 : place + 8])
            place += 12 + length
        assert chunks == {b"IHDR", b"IDAT", b"IEND"}


def test_the_same_scene_gives_the_same_bytes_in_another_process_whatever_its_settings(charts: list[Question]) -> None:
    """Also where somebody set a style or fonts, and with no state of pyplot."""
    code = (
        "import hashlib, sys, matplotlib; matplotlib.rcParams.update({'text.color': 'red', 'font.size': 30,"
        " 'lines.linewidth': 9, 'text.antialiased': False, 'patch.linewidth': 5, 'path.sketch': (1, 2, 3)});"
        "from insightv_bench.world.level import Level; from insightv_bench.world.questions import sample_questions;"
        "print(*(q.image_sha256[0] for q in sample_questions(Level(level='full'), 'train', 0, 24)));"
        "assert 'matplotlib.pyplot' not in sys.modules and matplotlib.rcParams['font.size'] == 30"
    )
    reply = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert reply.returncode == 0, reply.stderr
    assert reply.stdout.split() == [q.image_sha256[0] for q in charts[:24]]


def test_noise_can_be_put_on_charts() -> None:
    noisy = FULL.model_copy(update={"noise_sd": 20.0})
    (question,) = sample_questions(noisy, "train", 0, 1)
    pixels = np.asarray(Picture.open(io.BytesIO(question.images[0].bytes)))
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 10_000


def test_charts_without_matplotlib_say_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtra) as found:
        draw_chart(scenes(1)[0], 448)
    assert "insightv-bench[plots]" in found.value.hint


# Levels in a recipe


def test_a_level_fills_in_what_a_recipe_leaves_out() -> None:
    world = load_recipe("walk", ["world={level: small, noise_sd: 3}"]).world
    assert (world.name, world.side, world.noise_sd, world.max_bars) == ("small", 96, 3, 8)
    assert Level.model_validate(world.model_dump()) == world
    assert load_recipe("full").world == FULL == Level.model_validate(FULL.model_dump(mode="json"))
    assert load_recipe("full", ["world.charts=[pie]", "world.max_value=60"]).world.charts == ("pie",)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("world={level: ful}", "did you mean `full`"),
        ("world={level: full, side: 100}", "too small for charts"),
        ("world={level: full, charts: [bar]}", "did you mean `bars`"),
        ("world={level: full}", "`lessons` teach a model from nothing"),
    ],
)
def test_a_level_that_cannot_be_meant_is_refused(override: str, words: str) -> None:
    with pytest.raises(RecipeError) as found:
        load_recipe("walk", [override])
    assert words in str(found.value)


def test_the_recipe_full_builds_its_corpora_with_the_teacher(tmp_path: File) -> None:
    engine = "paths.engine={kind: teacher, careful: 0.7, read_error: 0.1}"
    recipe = load_recipe("full", [engine, "questions.train.num=40", "assess={judge: oracle}"])
    reasoning = run(recipe, tmp_path, "corpora-reasoning")
    assert reasoning["num_rows"] > 20 and sum(reasoning["dropped"].values()) + reasoning["num_rows"] == 160
    assert run(recipe, tmp_path, "corpora-flawed")["num_rows"] == 80
