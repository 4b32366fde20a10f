"""The drawn world: what its questions promise, whatever the seed."""

from __future__ import annotations

import io
import json
import struct
from collections import Counter, defaultdict

import numpy as np
import pytest
from PIL import Image as PILImage

from insightv_bench.chat import SLOT, load_prompt, prompt_names, user
from insightv_bench.errors import InsightvError
from insightv_bench.records import FlawedRow, PreferenceRow, Question, ReasoningRow, SummaryRow
from insightv_bench.world import Level, Split, exact_path, parse_question, run, sample_questions, scene_from_json
from insightv_bench.world.level import COLOURS
from insightv_bench.world.program import ANSWER_TYPES, KINDS, question_text
from insightv_bench.world.scene import scene_to_json, split_of

TINY = Level()
EASY = Level(name="easy", min_bars=2, max_bars=3, max_value=4, noise_sd=0)
WIDE = Level(name="wide", side=40, num_slots=8, min_bars=2, max_bars=8, max_value=20)
LEVELS = [TINY, EASY, WIDE]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")


def drawn(num: int = 400, seed: int = 0, split: Split = "train", level: Level = TINY) -> list[Question]:
    return list(sample_questions(level, split, seed, num))


@pytest.fixture(scope="module")
def many() -> list[Question]:
    """Some hundred questions of three levels, all kinds among them."""
    return [question for level in LEVELS for question in drawn(320, level=level)]


def content(question: Question) -> str:
    """The scene without its noise, and without the places of its bars."""
    return json.dumps([[bar.colour, bar.value] for bar in scene_from_json(question.scene).bars])


def pixels(question: Question) -> np.ndarray:
    return np.asarray(PILImage.open(io.BytesIO(question.images[0].bytes)))


@pytest.mark.parametrize("level", LEVELS, ids=lambda level: level.name)
@pytest.mark.parametrize(("seed", "num"), [(0, 40), (1, 160), (7, 240)])
def test_train_validation_and_test_scenes_are_disjoint_by_content(level: Level, seed: int, num: int) -> None:
    scenes = {split: {content(q) for q in drawn(num, seed, split, level)} for split in SPLITS}
    assert not scenes["train"] & scenes["test"]
    assert not scenes["train"] & scenes["validation"]
    assert not scenes["validation"] & scenes["test"]
    assert all(len(found) > 10 for found in scenes.values())


def test_splits_are_disjoint_over_seeds_too() -> None:
    train = {content(q) for seed in range(5) for q in drawn(80, seed, "train", EASY)}
    test = {content(q) for seed in range(5) for q in drawn(80, seed + 100, "test", EASY)}
    assert not train & test


def test_one_chart_in_other_places_is_in_the_same_split(many: list[Question]) -> None:
    for question in many[:100]:
        bars = scene_from_json(question.scene).bars
        moved = tuple(bar._replace(slot=place) for place, bar in enumerate(bars))
        assert split_of(moved) == split_of(bars) == "train"


@pytest.mark.slow
def test_splits_can_be_disjoint_whatever_the_order_of_bars() -> None:
    """259 of 1,000 test scenes of the quickstart's level had a twin in training in another order."""

    def unordered(level: Level, split: Split, num: int) -> set[str]:
        return {json.dumps(sorted(json.loads(content(q)))) for q in drawn(num, 3, split, level)}

    before = Level(min_bars=3, max_bars=5, max_value=6, noise_sd=0)
    twins = {
        level.unordered_splits: len(unordered(level, "test", 300) & unordered(level, "train", 3000))
        for level in (before, before.model_copy(update={"unordered_splits": True}))
    }
    assert twins[True] == 0 < twins[False]


def test_a_salt_asks_what_no_other_asks_and_noise_alone_does_not() -> None:
    level = Level(min_bars=3, max_bars=5, max_value=6, noise_sd=240)
    asked = {
        salt: {(q.scene, q.question) for q in sample_questions(now, "test", 3000, 60, salt)}
        for salt, now in {"": level, "1": level, "2": level.model_copy(update={"noise_sd": 60.0})}.items()
    }
    with_less_noise = sample_questions(level.model_copy(update={"noise_sd": 60.0}), "test", 3000, 60)
    assert {(q.scene, q.question) for q in with_less_noise} == asked[""]
    assert not asked[""] & asked["1"] and not asked["1"] & asked["2"] and not asked[""] & asked["2"]


@pytest.mark.parametrize("split", SPLITS)
def test_the_same_seed_gives_the_same_bytes(split: Split) -> None:
    first, second = drawn(60, 3, split), drawn(60, 3, split)
    assert first == second
    assert [q.images[0].bytes for q in first] == [q.images[0].bytes for q in second]


def test_more_questions_begin_with_the_same_ones() -> None:
    assert drawn(80, 3)[:40] == drawn(40, 3)


def test_another_seed_gives_other_questions() -> None:
    first, second = drawn(200, 0), drawn(200, 1)
    assert not {q.id for q in first} & {q.id for q in second}
    assert not {q.image_sha256 for q in first} & {q.image_sha256 for q in second}


def test_ids_are_unique_and_hashes_are_of_the_bytes(many: list[Question]) -> None:
    assert len({q.id for q in many}) == len(many)
    assert all(q.image_sha256 == tuple(image.sha256 for image in q.images) for q in many)


def test_a_question_parses_back_and_its_exact_path_ends_in_the_gold_answer(many: list[Question]) -> None:
    kinds: Counter[str] = Counter()
    for question in many:
        scene = scene_from_json(question.scene)
        program = parse_question(question.question, scene)
        assert program is not None and program.kind == question.kind
        assert question_text(program) == question.question
        assert exact_path(program, scene.values)[1] == run(program, scene.values) == question.answer
        assert question.answer_type == ANSWER_TYPES.get(program.kind, "number")
        kinds[program.kind] += 1
    assert set(kinds) == set(KINDS) and min(kinds.values()) > 100


def worked_out(question: Question) -> str:
    """The answer from the bars alone, without the program."""
    values = scene_from_json(question.scene).values
    words = question.question.replace("?", "").replace(",", "").split()
    named, numbers = [values[word] for word in words if word in values], [int(word) for word in words if word.isdigit()]
    ranked = sorted(values, key=lambda colour: values[colour])
    match question.kind:
        case "read":
            return str(named[0])
        case "compare":
            return "yes" if named[0] > named[1] else "no"
        case "difference":
            return str(abs(named[0] - named[1]))
        case "sum":
            return str(sum(named))
        case "count":
            return str(sum(value > numbers[0] for value in values.values()))
        case "tallest":
            return ranked[-1] if values[ranked[-1]] > values[ranked[-2]] else "tie"
        case "shortest":
            return ranked[0] if values[ranked[0]] < values[ranked[1]] else "tie"
    return str(values[ranked[-1]] - values[ranked[0]])


def test_the_gold_answer_is_true_of_the_scene_and_the_only_one(many: list[Question]) -> None:
    assert all(question.answer == worked_out(question) for question in many)


def test_text_of_no_question_has_no_program() -> None:
    scene = scene_from_json(drawn(1)[0].scene)
    absent = next(colour for colour in COLOURS if colour not in scene.values)
    for text in ("", "What is this?", f"What is the value of {absent}?", "What is the sum of red?!", "red\n"):
        assert parse_question(text, scene) is None


def test_a_scene_survives_its_json(many: list[Question]) -> None:
    assert all(scene_to_json(scene_from_json(question.scene)) == question.scene for question in many)


@pytest.mark.parametrize("num", [8, 83, 400])
def test_kinds_are_in_equal_shares(num: int) -> None:
    shares = Counter(question.kind for question in drawn(num))
    assert set(shares) == set(KINDS)
    assert max(shares.values()) - min(shares.values()) <= 1


@pytest.mark.parametrize("level", LEVELS, ids=lambda level: level.name)
def test_no_answer_is_given_away_by_the_kind(level: Level) -> None:
    answers: dict[str, Counter[str]] = defaultdict(Counter)
    for question in drawn(1600, level=level.model_copy(update={"side": 16})):
        answers[question.kind][question.answer] += 1
    for counts in answers.values():
        assert max(counts.values()) / counts.total() < 0.6


def test_noise_0_is_noiseless() -> None:
    """Every bar and the ground are of one colour each: as many colours as bars, and one."""
    for question in drawn(80, level=EASY):
        assert len(np.unique(pixels(question).reshape(-1, 3), axis=0)) == len(scene_from_json(question.scene).bars) + 1


def test_without_noise_and_spread_a_bar_has_its_colour_and_height() -> None:
    level = Level(noise_sd=0, colour_sd=0)
    for question in drawn(40, level=level):
        image = pixels(question)
        for bar in scene_from_json(question.scene).bars:
            column = image[:, round((bar.slot + 0.5) * level.side / level.num_slots)]
            height = (column == COLOURS[bar.colour]).all(axis=1).sum()
            assert height == round(bar.value * (level.side - 2) / level.max_value)


@pytest.mark.parametrize("sd", [0, 1.0, 2.8])
def test_heights_spread_as_far_as_asked_for_and_every_bar_stays_on_the_canvas(sd: float) -> None:
    level = Level(noise_sd=0, colour_sd=0, height_sd=sd, max_value=6)
    off = []
    for question in drawn(300, level=level):
        image = pixels(question)
        for bar in scene_from_json(question.scene).bars:
            column = image[:, round((bar.slot + 0.5) * level.side / level.num_slots)]
            height = (column == COLOURS[bar.colour]).all(axis=1).sum()
            assert 1 <= height <= level.side
            if bar.value not in (1, level.max_value):  # where the canvas does not cut it
                off.append(height - bar.value * (level.side - 2) / level.max_value)
    rounding = 1 / 12
    assert np.sqrt(np.mean(np.square(off))) == pytest.approx((sd**2 + rounding) ** 0.5, rel=0.3 if not sd else 0.1)
    assert abs(np.mean(off)) < 0.3


@pytest.mark.parametrize("sd", [5, 20, 60])
def test_noise_is_as_strong_as_asked_for(sd: float) -> None:
    """Told from the top row, ground alone: below its mean, where nothing is clipped, the spread is a half normal's."""
    level = Level(noise_sd=sd, max_value=20)
    below = 235.0 - np.concatenate([pixels(q)[0].ravel() for q in drawn(200, level=level)])
    below = below[below > 0]
    assert np.sqrt((below**2).mean()) == pytest.approx(sd, rel=0.1)


def test_the_image_is_a_plain_rgb_png_of_the_levels_size(many: list[Question]) -> None:
    sides = {level.name: level.side for level in LEVELS}
    for question in many:
        side = sides[question.source.removeprefix("drawn-world/")]
        assert pixels(question).shape == (side, side, 3) and pixels(question).dtype == np.uint8


def test_the_png_holds_no_chunk_but_pixels(many: list[Question]) -> None:
    """No text, time or palette: nothing from which a model could read the scene."""
    for question in many:
        content_, chunks, place = question.images[0].bytes, set(), 8
        while place < len(content_):
            (length,) = struct.unpack(">I", content_[place : place + 4])
            chunks.add(content_[place + 4 : place + 8])
            place += 12 + length
        assert chunks == {b"IHDR", b"IDAT", b"IEND"} and place == len(content_)
        assert question.images[0].path is None


def test_a_scene_is_in_no_prompt(many: list[Question]) -> None:
    for question in many[::7]:
        for name in prompt_names():
            slots = dict.fromkeys(SLOT.findall(load_prompt(name).template), "something")
            slots.pop("question", None)
            text = user(name, question, **slots).content
            assert "noise_seed" not in text and question.scene not in text
            assert ("{question}" in load_prompt(name).template) == (question.question in text)


@pytest.mark.parametrize("row", [ReasoningRow, SummaryRow, PreferenceRow, FlawedRow])
def test_a_scene_is_in_no_corpus_column(row: type[Question]) -> None:
    assert "scene" not in row.model_fields
    assert all("scene" not in str(field.annotation) for field in row.model_fields.values())


@pytest.mark.parametrize(
    "changes", [{"min_bars": 5, "max_bars": 3}, {"min_bars": 7, "max_bars": 8, "num_slots": 6}, {"noise": 3}]
)
def test_a_level_that_cannot_be_drawn_is_refused(changes: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"bars|noise"):
        Level(**changes)


def test_more_questions_than_a_level_has_is_an_error() -> None:
    """Without noise one scene is one image, so a small level has few questions."""
    level = Level(name="few", num_slots=2, min_bars=2, max_bars=2, max_value=2, noise_sd=0, colour_sd=0)
    with pytest.raises(InsightvError, match="distinct questions"):
        list(sample_questions(level, "train", 0, 10_000))
