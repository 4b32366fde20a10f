"""Blank pictures for the control that shows none: white, and as large as the one in whose place they stand."""

from __future__ import annotations

import io
from collections.abc import Iterable
from functools import lru_cache

from insightv_bench.records import DECODERS, Image, Question


def blank_of(image: Image) -> Image:
    """Only the header of `image` is read."""
    from PIL import Image as Picture

    with Picture.open(io.BytesIO(image.bytes), formats=DECODERS) as picture:
        return _blank(*picture.size)


@lru_cache(maxsize=1024)
def _blank(width: int, height: int) -> Image:
    from PIL import Image as Picture

    buffer = io.BytesIO()
    Picture.new("L", (width, height), 255).convert("RGB").save(buffer, "PNG")
    return Image(bytes=buffer.getvalue())


def blanks(questions: Iterable[Question]) -> dict[str, Image]:
    """By their own hash, those that stand for the questions' pictures."""
    images = (blank_of(image) for question in questions for image in question.images)
    return {image.sha256: image for image in images}
