"""Questions that stand in an evaluation set too: near images, same words, same scenes, and what is none of these."""

from __future__ import annotations

import io

from PIL import Image as PILImage

from insightv_bench.builders.release.contamination import Asked, collisions, overlap, perceptual_hash
from insightv_bench.records import Image
from insightv_bench.settings import GateSettings
from insightv_bench.world import Level, sample_questions


def asked(id_: str, set_: str, text: str, *contents: bytes) -> Asked:
    hashes = [perceptual_hash(content) for content in contents]
    made = tuple(found for found in hashes if found is not None)
    return Asked(id_, set_, text, tuple(Image(bytes=content).sha256 for content in contents), made)


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
    assert overlap("", "", 8) == 0


def test_drawn_questions_of_other_scenes_do_not_collide() -> None:
    level = Level(min_bars=3, max_bars=5, max_value=9, noise_sd=8)
    sets = [asked(q.id, "test", q.question, q.images[0].bytes) for q in sample_questions(level, "test", 0, 60)]
    corpus = [asked(q.id, "", q.question, q.images[0].bytes) for q in sample_questions(level, "train", 0, 200)]
    assert not list(collisions(corpus, sets, GateSettings()))


def test_an_image_that_cannot_be_decoded_has_no_hash() -> None:
    assert perceptual_hash(b"no image") is None and perceptual_hash(photo(1)[:80]) is None
    assert perceptual_hash(b"P6 8 8 255\n" + bytes(192)) is None  # of a format that no source lets in
