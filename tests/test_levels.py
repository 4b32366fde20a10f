"""The levels of the drawn world: the plain ones stay as models were trained on them, and a recipe names any."""

from __future__ import annotations

import hashlib
import io
import json
import random
from pathlib import Path as File
from typing import Any

import numpy as np
import pytest
from chart_scenes import FULL
from PIL import Image as PILImage
from PIL import features

from insightv_bench.errors import RecipeError
from insightv_bench.flaws import Flawed, make_flawed, planted_by
from insightv_bench.protocol import render_path
from insightv_bench.runs import run
from insightv_bench.settings import load_recipe
from insightv_bench.world import Level, exact_path, parse_question, sample_questions, scene_from_json

pytest.importorskip("matplotlib")

SMALL = Level(level="small")  # type: ignore[call-arg]
ZLIB = "2.3.3"
"""Of the Pillow that the baselines were drawn with: another packs the same pixels into other bytes."""


def digest(parts: list[Any]) -> str:
    return hashlib.sha256("\n".join(json.dumps(part, sort_keys=True) for part in parts).encode()).hexdigest()[:16]


@pytest.mark.parametrize(
    ("changes", "texts", "pixels", "ids"),
    [
        ({}, "96b974bbd041b774", "5c4c78bc7a6caab9", "c881edcbf88a6fd4"),
        (
            {"name": "wide", "side": 40, "num_slots": 8, "min_bars": 2, "max_bars": 8, "max_value": 20},
            "82a58b2d6f835981",
            "4d3ee5549a69f357",
            "a2beaf5ebc50b4b1",
        ),
        (
            {"min_bars": 3, "max_bars": 5, "max_value": 9, "noise_sd": 25},
            "96b974bbd041b774",
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
        flawed = [make_flawed(program, scene, flaw, 0.5, "early", random_) for flaw in planted_by("exact")]
        told.append([question.question, question.answer, question.answer_type, question.kind, question.scene])
        told.append([question.source, question.source_revision, render_path(*exact_path(program, scene.values))])
        exact = Flawed._fields[:8]  # the columns behind these an exact flaw leaves as they are
        told.append([dict(zip(exact, made, strict=False)) if made else None for made in flawed])
        image = PILImage.open(io.BytesIO(question.images[0].bytes))
        drawn.append(hashlib.sha256(np.asarray(image).tobytes()).hexdigest())
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
    assert all(PILImage.open(io.BytesIO(q.images[0].bytes)).size == (96, 96) for q in made[:5])
    assert {q.source for q in made} == {"drawn-world/small"} and not any(scene.chart for scene in found)


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
        ("world={level: full, height_sd: 2}", "`height_sd` (2.0) is for plain bars"),
        ("world={level: full, charts: [bar]}", "did you mean `bars`"),
        ("world={level: full}", "`lessons` teach a model from nothing"),
    ],
)
def test_a_level_that_cannot_be_meant_is_refused(override: str, words: str) -> None:
    with pytest.raises(RecipeError) as found:
        load_recipe("walk", [override])
    assert words in str(found.value)


@pytest.mark.slow
def test_the_recipe_full_builds_its_corpora_with_the_teacher(tmp_path: File) -> None:
    engine = "paths.engine={kind: teacher, careful: 0.7, read_error: 0.1}"
    recipe = load_recipe("full", [engine, "questions.train.num=40", "assess={judge: oracle}"])
    reasoning = run(recipe, tmp_path, "corpora-reasoning")
    assert reasoning["num_rows"] > 20 and sum(reasoning["dropped"].values()) + reasoning["num_rows"] == 160
    assert run(recipe, tmp_path, "corpora-flawed")["num_rows"] == 80
