"""An image's bytes, checked and where needed mended, so that every model sees what a person would see.

The original bytes are kept wherever every reader of images agrees on them. Where readers differ, the image is
written anew, once, before its hash is taken: some turn an image as its EXIF tag says and some do not, some show CMYK
inverted, some clip 16 bits to white, some put transparent ground on black. What cannot be shown rightly (an animation,
more pixels than allowed, broken bytes) has a problem instead. The size is read before any pixel.
"""

from __future__ import annotations

import base64
import io
import re
import struct
import time
import warnings
import zlib
from typing import Any, NamedTuple

from insightv_bench.records import DECODERS, Image

MAX_BYTES = 64 * 1024 * 1024
MAX_SECONDS = 3.0
"""Of processor time, to decode one image: the largest that is allowed takes about one."""
SENT = ("PNG", "JPEG", "MPO", "GIF", "WEBP")
"""Formats that chat servers take as they are; an MPO is a JPEG with further images behind it."""
MAX_RATIO = 200
"""Of the longer side to the shorter: Qwen's processors take no thinner image (`smart_resize` of transformers)."""
ORIENTATION = 0x0112
BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    MemoryError,
    struct.error,
    zlib.error,
)
"""What Pillow's decoders raise on bytes that are no whole image."""


NO_IMAGE = "no image"


ON_THE_WEB = "the image is an address on the web, not a file"
_BASE64 = re.compile(r"[A-Za-z0-9+/\s_-]+={0,2}\s*")
_STARTS = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"BM", b"II*\0", b"MM\0*")
"""First bytes of the formats that are read."""
_SHORTEST = 60  # characters of base64; a path that is longer does not begin as an image does


def inline_image(text: str) -> bytes | str | None:
    """The bytes of an image written as base64, with `data:` before it or without; why there are none; None where the
    text is the path of a file."""
    if text[:8].lower().startswith(("http://", "https://")):
        return ON_THE_WEB
    is_url = text[:5].lower() == "data:"
    if is_url and ";base64," not in text[:100]:
        return "image cannot be decoded"
    code = text.partition(",")[2] if is_url else text
    if not is_url and (len(code) < _SHORTEST or not _BASE64.fullmatch(code)):
        return None
    if len(code) > 2 * MAX_BYTES:
        return "image too large"
    try:
        content = base64.b64decode("".join(code.split()).replace("-", "+").replace("_", "/") + "==")
    except ValueError:
        return "image cannot be decoded" if is_url else None
    return content if is_url or content.startswith(_STARTS) else None


class TimedBytes(io.BytesIO):
    """Bytes that can be read for so long: a decoder that goes round and round in a small file asks for more of it, and
    is told that there is no more (TimeoutError, an OSError). Processor time of this thread, so that a busy machine
    changes nothing."""

    def __init__(self, content: bytes, seconds: float = MAX_SECONDS) -> None:
        super().__init__(content)
        self._end = time.thread_time() + seconds

    def read(self, size: int | None = -1, /) -> bytes:
        if time.thread_time() > self._end:
            raise TimeoutError("the image takes too long to decode")
        return super().read(size)


class Checked(NamedTuple):
    """`image` or, where there is none, the `problem`; `mended` says why its bytes were written anew."""

    image: Image | None
    problem: str = ""
    mended: str = ""


def check_image(content: bytes, max_pixels: int) -> Checked:
    from PIL import Image as PILImage

    if not content:
        return Checked(None, NO_IMAGE)
    if len(content) > MAX_BYTES:
        return Checked(None, "image too large")
    try:
        with warnings.catch_warnings(action="ignore"), PILImage.open(TimedBytes(content), formats=DECODERS) as image:
            problem = _problem(image, max_pixels)
            if problem:
                return Checked(None, problem)
            image.load()
            mended = _why_mend(image)
            return Checked(Image(bytes=_mend(image) if mended else content), "", mended)
    except PILImage.DecompressionBombError:
        return Checked(None, "image too large")
    except TimeoutError:
        return Checked(None, "image takes too long to decode")
    except BROKEN:
        return Checked(None, "image cannot be decoded")


def _problem(image: Any, max_pixels: int) -> str:
    """What can be told before any pixel is read; empty for none."""
    if image.width * image.height > max_pixels:
        return "image too large"
    if max(image.size) > MAX_RATIO * min(image.size):
        return "image too thin"
    if image.format != "MPO" and getattr(image, "is_animated", False):
        return "image has several frames"
    return "image has 32-bit pixels" if image.mode in ("I", "F") else ""


def _why_mend(image: Any) -> str:
    """Where readers of images differ on this one; empty for nowhere."""
    if _orientation(image) in range(2, 9):
        return "turned by EXIF"
    if image.mode.startswith("I;16"):
        return "16-bit"
    if image.mode in ("CMYK", "YCbCr", "LAB", "HSV") and (image.format, image.mode) != ("JPEG", "YCbCr"):
        return image.mode
    if image.has_transparency_data and image.convert("RGBA").getextrema()[3][0] < 255:
        return "transparent"
    return "" if image.format in SENT else str(image.format)


def _orientation(image: Any) -> Any:
    """1, upright, also where the tags cannot be read: the pixels may be whole all the same."""
    try:
        return image.getexif().get(ORIENTATION, 1)
    except BROKEN:
        return 1


def _mend(image: Any) -> bytes:
    """Upright, 8-bit RGB on white; as a fine JPEG where it was one, else as PNG."""
    from PIL import Image as PILImage
    from PIL import ImageOps

    lossy = image.format in ("JPEG", "MPO")
    if image.mode.startswith("I;16"):
        image = _eight_bits(image)
    if _orientation(image) != 1:
        image = ImageOps.exif_transpose(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = PILImage.alpha_composite(PILImage.new("RGBA", image.size, "white"), image)
    clean = PILImage.new("RGB", image.size)  # a new image: no tag or profile of the old one is written along
    clean.paste(image.convert("RGB"))
    buffer = io.BytesIO()
    if lossy:
        clean.save(buffer, "JPEG", quality=95, subsampling=0)
    else:
        clean.save(buffer, "PNG")
    return buffer.getvalue()


def _eight_bits(image: Any) -> Any:
    """The upper eight of sixteen bits, with its EXIF tags; Pillow's own conversion clips to white."""
    import numpy as np
    from PIL import Image as PILImage

    upper = PILImage.fromarray((np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8))
    if _orientation(image) != 1:
        upper.info["exif"] = image.getexif().tobytes()
    return upper
