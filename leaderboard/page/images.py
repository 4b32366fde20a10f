"""The questions' images as files of the page, each once, by the hash of its bytes.

A PNG, JPEG, GIF or WebP of modest size travels as it is; a larger one, or another format, is drawn again as PNG or
JPEG. What cannot be read, or has too many pixels, is left out, and the viewer says so.
"""

from __future__ import annotations

import hashlib
import io
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from insightv_bench.errors import InsightvError
from insightv_bench.records import DECODERS, Image
from insightv_bench.sources import BROKEN

MAX_PIXELS = 40_000_000
SUFFIXES = {"PNG": "png", "JPEG": "jpg", "GIF": "gif", "WEBP": "webp"}
MAX_BYTES = 400_000
MAX_SIDE = 1_280  # pixels


class Images:
    """Written as they are asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._written: dict[str, list[Any] | None] = {}

    def of(self, question: Mapping[str, Any] | None) -> list[list[Any] | None]:
        """File name, width and height of each image of a question; None where one cannot be shown."""
        return [self._one(image) for image in (question or {}).get("images") or []]

    def _one(self, image: Image) -> list[Any] | None:
        try:
            content = image.bytes  # read here, one image at a time
        except (InsightvError, LookupError, TypeError):  # its file is gone, broken, or holds fewer than it says
            return None
        name = hashlib.sha256(content).hexdigest()[:20]
        if name not in self._written:
            self._written[name] = self._write(name, content)
        return self._written[name]

    def _write(self, name: str, content: bytes) -> list[Any] | None:
        shown = fitted(content)
        if shown is None:
            return None
        suffix, kept, width, height = shown
        self._folder.mkdir(exist_ok=True)
        (self._folder / f"{name}.{suffix}").write_bytes(kept)
        return [f"{name}.{suffix}", width, height]


def fitted(content: bytes) -> tuple[str, bytes, int, int] | None:
    """Suffix, bytes, width and height of an image fit for a page; None: it cannot be read."""
    from PIL import Image as PILImage

    try:
        with warnings.catch_warnings(action="ignore"), PILImage.open(io.BytesIO(content), formats=DECODERS) as image:
            if image.width * image.height > MAX_PIXELS:
                return None
            image.load()
            kind = image.format or ""
            if kind in SUFFIXES and len(content) <= MAX_BYTES:
                return SUFFIXES[kind], content, image.width, image.height
            drawn = image.convert("RGBA" if image.has_transparency_data else "RGB")
    except (*BROKEN, PILImage.DecompressionBombError):
        return None
    drawn.thumbnail((MAX_SIDE, MAX_SIDE))
    buffer = io.BytesIO()
    kind = "PNG" if drawn.mode == "RGBA" else "JPEG"
    drawn.save(buffer, kind, **({"quality": 88} if kind == "JPEG" else {}))
    return SUFFIXES[kind], buffer.getvalue(), drawn.width, drawn.height
