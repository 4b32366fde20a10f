"""A picture's bytes, checked and where needed mended, so that every model sees what a person would see.

The original bytes are kept wherever every reader of pictures agrees on them. Where readers differ, the picture is
written anew, once, before its hash is taken: some turn a picture as its EXIF tag says and some do not, some show CMYK
inverted, some clip 16 bits to white, some put transparent ground on black. What cannot be shown rightly (an animation,
more pixels than allowed, broken bytes) has a problem instead. The size is read before any pixel.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from typing import Any, NamedTuple

from insightv_bench.records import DECODERS, Image

MAX_BYTES = 64 * 1024 * 1024
SENT = ("PNG", "JPEG", "MPO", "GIF", "WEBP")
"""Formats that chat servers take as they are; an MPO is a JPEG with further pictures behind it."""
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
"""What Pillow's decoders raise on bytes that are no whole picture."""


NO_IMAGE = "no image"


class Checked(NamedTuple):
    """`image` or, where there is none, the `problem`; `mended` says why its bytes were written anew."""

    image: Image | None
    problem: str = ""
    mended: str = ""


def check_picture(content: bytes, max_pixels: int) -> Checked:
    from PIL import Image as Picture

    if not content:
        return Checked(None, NO_IMAGE)
    if len(content) > MAX_BYTES:
        return Checked(None, "image too large")
    try:
        with warnings.catch_warnings(action="ignore"), Picture.open(io.BytesIO(content), formats=DECODERS) as picture:
            problem = _problem(picture, max_pixels)
            if problem:
                return Checked(None, problem)
            picture.load()
            mended = _why_mend(picture)
            return Checked(Image(bytes=_mend(picture) if mended else content), "", mended)
    except Picture.DecompressionBombError:
        return Checked(None, "image too large")
    except BROKEN:
        return Checked(None, "image cannot be decoded")


def _problem(picture: Any, max_pixels: int) -> str:
    """What can be told before any pixel is read; empty for none."""
    if picture.width * picture.height > max_pixels:
        return "image too large"
    if picture.format != "MPO" and getattr(picture, "is_animated", False):
        return "image has several frames"
    return "image has 32-bit pixels" if picture.mode in ("I", "F") else ""


def _why_mend(picture: Any) -> str:
    """Where readers of pictures differ on this one; empty for nowhere."""
    if _orientation(picture) in range(2, 9):
        return "turned by EXIF"
    if picture.mode.startswith("I;16"):
        return "16-bit"
    if picture.mode in ("CMYK", "YCbCr", "LAB", "HSV") and (picture.format, picture.mode) != ("JPEG", "YCbCr"):
        return picture.mode
    if picture.has_transparency_data and picture.convert("RGBA").getextrema()[3][0] < 255:
        return "transparent"
    return "" if picture.format in SENT else str(picture.format)


def _orientation(picture: Any) -> Any:
    """1, upright, also where the tags cannot be read: the pixels may be whole all the same."""
    try:
        return picture.getexif().get(ORIENTATION, 1)
    except BROKEN:
        return 1


def _mend(picture: Any) -> bytes:
    """Upright, 8-bit RGB on white; as a fine JPEG where it was one, else as PNG."""
    from PIL import Image as Picture
    from PIL import ImageOps

    lossy = picture.format in ("JPEG", "MPO")
    if picture.mode.startswith("I;16"):
        picture = _eight_bits(picture)
    if _orientation(picture) != 1:
        picture = ImageOps.exif_transpose(picture)
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        picture = Picture.alpha_composite(Picture.new("RGBA", picture.size, "white"), picture)
    clean = Picture.new("RGB", picture.size)  # a new picture: no tag or profile of the old one is written along
    clean.paste(picture.convert("RGB"))
    buffer = io.BytesIO()
    if lossy:
        clean.save(buffer, "JPEG", quality=95, subsampling=0)
    else:
        clean.save(buffer, "PNG")
    return buffer.getvalue()


def _eight_bits(picture: Any) -> Any:
    """The upper eight of sixteen bits, with its EXIF tags; Pillow's own conversion clips to white."""
    import numpy as np
    from PIL import Image as Picture

    upper = Picture.fromarray((np.asarray(picture).astype(np.uint32) >> 8).astype(np.uint8))
    if _orientation(picture) != 1:
        upper.info["exif"] = picture.getexif().tobytes()
    return upper
