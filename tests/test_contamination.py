"""Questions that stand in an evaluation set too: near images, same words, same scenes, and what is none of these."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image as PILImage

from insightv_bench.builders.release.contamination import (
    CHANGES,
    Asked,
    SameText,
    catch_rates,
    collisions,
    hashes_of,
    perceptual_hash,
)
from insightv_bench.records import Image
from insightv_bench.settings import GateSettings
from insightv_bench.world import Level, sample_questions


def asked(id_: str, set_: str, text: str, *contents: bytes) -> Asked:
    made = tuple(found for content in contents for found in hashes_of(content, bool(set_)))
    return Asked(id_, set_, text, tuple(Image(bytes=content).sha256 for content in contents), made)


def same(one: str, other: str) -> bool:
    return bool(list(SameText([asked("e", "text", other)], GateSettings()).of(one)))


def changed(content: bytes) -> bytes:
    """The same image, half as large again and as a JPEG."""
    buffer = io.BytesIO()
    image = PILImage.open(io.BytesIO(content)).convert("RGB")
    image.resize((image.width * 3 // 2, image.height * 3 // 2)).save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


def photo(seed: int, side: int = 200) -> bytes:
    """Soft blobs, as a photograph has them."""
    buffer = io.BytesIO()
    noise = PILImage.effect_noise((8, 8), 200 + seed)
    noise.resize((side, side), PILImage.Resampling.BICUBIC).save(buffer, "PNG")
    return buffer.getvalue()


def scene(seed: int) -> PILImage.Image:
    """As much coarse as fine, as a photograph has it; the same seed gives the same."""
    chance, grey = np.random.default_rng(seed), np.zeros((160, 200))
    for cells in (3, 6, 12, 24):
        blobs = PILImage.fromarray(chance.uniform(0, 255 / cells, (cells, cells)).astype(np.float32))
        grey += np.asarray(blobs.resize((200, 160), PILImage.Resampling.BICUBIC))
    return PILImage.fromarray(np.clip(255 * grey / grey.max(), 0, 255).astype(np.uint8))


def saved(image: PILImage.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


QUESTION = "How many of the towers in the image are taller than the church on the left?"


def test_near_images_collide_only_with_the_same_question() -> None:
    first, second = photo(1), photo(2)
    sets = [asked("e", "mmx", QUESTION, first)]
    cases = {
        "same bytes": (asked("a", "", "Anything else?", first), "same image as in `mmx`"),
        "re-encoded": (asked("b", "", QUESTION.upper(), changed(first)), "near image and same question as in `mmx`"),
        "other question": (asked("c", "", "Which colour has the roof of the church on the right?", changed(first)), ""),
        "other image": (asked("d", "", QUESTION, second), ""),
    }
    found = {one.id: one.reason for one in collisions([case for case, _ in cases.values()], sets, GateSettings())}
    assert found == {case.id: reason for case, reason in cases.values() if reason}


def test_questions_without_images_collide_by_their_words() -> None:
    sets = [asked("e", "text", QUESTION), asked("f", "text", "What is 2 + 2?")]
    corpus = [asked("a", "", QUESTION + " Explain."), asked("b", "", "What is 2 + 3?"), asked("c", "", "what is 2+2")]
    found = {one.id: one.other for one in collisions(corpus, sets, GateSettings())}
    assert found == {"a": "e", "c": "f"}
    assert not same("", "")


def test_drawn_questions_of_other_scenes_do_not_collide() -> None:
    level = Level(min_bars=3, max_bars=5, max_value=9, noise_sd=8)
    sets = [asked(q.id, "test", q.question, q.images[0].bytes) for q in sample_questions(level, "test", 0, 60)]
    corpus = [asked(q.id, "", q.question, q.images[0].bytes) for q in sample_questions(level, "train", 0, 200)]
    assert not list(collisions(corpus, sets, GateSettings()))


def test_an_image_that_cannot_be_decoded_has_no_hash() -> None:
    assert perceptual_hash(b"no image") is None and perceptual_hash(photo(1)[:80]) is None
    assert perceptual_hash(b"P6 8 8 255\n" + bytes(192)) is None  # of a format that no source lets in


@pytest.mark.parametrize("change", ["cropped by 3 %", "with a border", "mirrored", "turned by 90 degrees"])
def test_a_changed_image_with_the_same_question_collides(change: str) -> None:
    for seed in range(6):
        sets = [asked(id_, "mmx", QUESTION, saved(scene(own))) for id_, own in (("e", seed), ("f", seed + 50))]
        changed_ = asked("a", "", QUESTION, saved(CHANGES[change](scene(seed), seed)))
        (found,) = collisions([changed_], sets, GateSettings())
        assert found.other == "e" and found.reason.startswith("near image")


def test_what_the_gate_finds_is_measured_on_the_images_themselves() -> None:
    rates = catch_rates([saved(scene(seed)) for seed in range(12)] + [b"no image"], GateSettings())
    assert set(rates) == set(CHANGES) and all(of == 12 for _, of in rates.values())
    assert (
        min(rates[name][0] for name in ("cropped by 3 %", "with a border", "mirrored", "turned by 180 degrees")) == 12
    )
    assert rates["turned by 3 degrees"][0] < 12  # what it does not find is told as well


def test_other_letters_and_unseen_characters_make_no_other_question() -> None:
    for disguised in (
        QUESTION.replace("o", "\u043e").replace("a", "\u0430"),  # Cyrillic
        QUESTION.replace("e", "e\u200b").replace("t", "\u2060t"),  # of no width
        "".join(chr(ord(one) + 0xFEE0) if one.isalpha() else one for one in QUESTION),  # of full width
        QUESTION.replace("h", "h\u0336"),  # struck through
    ):
        assert disguised != QUESTION and same(disguised, QUESTION), disguised
    assert not same("Сколько башен на картинке?", "Сколько домов на картинке?")
