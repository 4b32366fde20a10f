"""Images as they come: what is kept byte for byte, what is written anew so that all see the same, what is refused."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image as PILImage

from insightv_bench.chat import media_type
from insightv_bench.engines.hf.model import open_image
from insightv_bench.sources import MAX_BYTES, check_image

LIMIT = 64 * 64


def saved(image: Any, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def two_halves(mode: str = "RGB", left: Any = (200, 30, 30), right: Any = (30, 30, 200)) -> Any:
    """16 x 8, so that a turn shows."""
    image = PILImage.new(mode, (16, 8), left)
    image.paste(right, (8, 0, 16, 8))
    return image


def turned(orientation: int, kind: str = "JPEG") -> bytes:
    exif = PILImage.Exif()
    exif[0x0112] = orientation
    options = {"quality": 95, "subsampling": 0} if kind == "JPEG" else {}
    return saved(two_halves(), kind, exif=exif.tobytes(), **options)


def sixteen_bits() -> bytes:
    values = np.full((8, 16), 10_000, np.uint16)
    values[:, 8:] = 60_000
    return saved(PILImage.fromarray(values), "PNG")


def header(width: int, height: int) -> bytes:
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))


def bad_tags() -> bytes:
    """A whole JPEG whose EXIF block is rubbish, as cameras and editors leave."""
    content, block = saved(two_halves(), "JPEG"), b"Exif\0\0MM\0\x2a\xff\xff\xff\xff rubbish"
    return content[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + content[2:]


def empty_bmp() -> bytes:
    content = saved(two_halves(), "BMP")
    return content[:18] + struct.pack("<i", 0) + content[22:]


def text_bomb() -> bytes:
    """A PNG with a text of 100 MB, packed into 100 KB."""
    packed = b"zTXtkey\0\0" + zlib.compress(b"x" * 100_000_000, 9)
    chunk = struct.pack(">I", len(packed) - 4) + packed + struct.pack(">I", zlib.crc32(packed))
    return saved(two_halves(), "PNG")[:33] + chunk + saved(two_halves(), "PNG")[33:]


def frames(kind: str) -> bytes:
    others = [PILImage.new("RGB", (16, 8), (0, 200, shade)) for shade in (50, 150)]
    return saved(two_halves(), kind, save_all=True, append_images=others, duration=100)


KEPT: dict[str, Callable[[], bytes]] = {
    "PNG": lambda: saved(two_halves(), "PNG"),
    "gray PNG": lambda: saved(two_halves("L", 10, 200), "PNG"),
    "palette PNG": lambda: saved(two_halves().quantize(4), "PNG"),
    "one-bit PNG": lambda: saved(two_halves("1", 0, 1), "PNG"),
    "opaque RGBA PNG": lambda: saved(two_halves().convert("RGBA"), "PNG"),
    "JPEG": lambda: saved(two_halves(), "JPEG"),
    "upright JPEG with EXIF": lambda: turned(1),
    "JPEG with an orientation that is none": lambda: turned(77),
    "JPEG with broken tags": bad_tags,
    "gray JPEG": lambda: saved(two_halves("L", 10, 200), "JPEG"),
    "still GIF": lambda: saved(two_halves(), "GIF"),
    "still WebP": lambda: saved(two_halves(), "WEBP", lossless=True),
}
REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "no image"),
    "words": (lambda: b"this is no image", "image cannot be decoded"),
    "a page of HTML": (lambda: b"<html><body>404</body></html>", "image cannot be decoded"),
    "SVG": (lambda: b'<svg xmlns="http://www.w3.org/2000/svg"/>', "image cannot be decoded"),
    "PostScript": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "image cannot be decoded"),
    "cut PNG": (lambda: saved(two_halves(), "PNG")[:-30], "image cannot be decoded"),
    "cut JPEG": (lambda: saved(PILImage.effect_noise((60, 60), 80), "JPEG")[:-600], "image cannot be decoded"),
    "no width": (lambda: header(0, 9) + saved(two_halves(), "PNG")[33:], "image cannot be decoded"),
    "no pixels": (empty_bmp, "image cannot be decoded"),
    "too many pixels": (lambda: saved(PILImage.new("L", (65, 64)), "PNG"), "image too large"),
    "bomb": (lambda: header(50_000, 50_000) + saved(two_halves(), "PNG")[33:], "image too large"),
    "text bomb": (text_bomb, "image cannot be decoded"),
    "too many bytes": (lambda: saved(two_halves(), "PNG") + bytes(MAX_BYTES), "image too large"),
    "animated GIF": (lambda: frames("GIF"), "image has several frames"),
    "animated PNG": (lambda: frames("PNG"), "image has several frames"),
    "animated WebP": (lambda: frames("WEBP"), "image has several frames"),
    "TIFF of pages": (lambda: frames("TIFF"), "image has several frames"),
    "32-bit TIFF": (lambda: saved(PILImage.new("F", (9, 9), 0.5), "TIFF"), "image has 32-bit pixels"),
}
MENDED: dict[str, tuple[Callable[[], bytes], str]] = {
    "CMYK JPEG": (lambda: saved(two_halves().convert("CMYK"), "JPEG", quality=98), "CMYK"),
    "CMYK TIFF": (lambda: saved(two_halves().convert("CMYK"), "TIFF"), "CMYK"),
    "BMP": (lambda: saved(two_halves(), "BMP"), "BMP"),
    "TIFF": (lambda: saved(two_halves(), "TIFF"), "TIFF"),
    **{f"EXIF {n}": (lambda n=n: turned(n), "turned by EXIF") for n in range(2, 9)},  # type: ignore[misc]
    "turned PNG": (lambda: turned(6, "PNG"), "turned by EXIF"),
    "turned WebP": (lambda: turned(6, "WEBP"), "turned by EXIF"),
}


@pytest.mark.parametrize("name", KEPT)
def test_an_image_that_all_see_alike_keeps_its_bytes(name: str) -> None:
    content = KEPT[name]()
    found = check_image(content, LIMIT)
    assert (found.problem, found.mended) == ("", "")
    assert found.image is not None and found.image.bytes == content


@pytest.mark.parametrize("name", REFUSED)
def test_an_image_that_cannot_be_shown_rightly_has_its_reason(name: str) -> None:
    make, reason = REFUSED[name]
    assert check_image(make(), LIMIT) == (None, reason, "")


@pytest.mark.parametrize("name", MENDED)
def test_a_mended_image_shows_what_a_person_sees(name: str) -> None:
    """Upright, red and blue, in a format that servers take, with no tag that would turn it again."""
    make, why = MENDED[name]
    found = check_image(make(), LIMIT)
    assert found.mended == why and found.image is not None
    assert media_type(found.image) in ("image/png", "image/jpeg")
    seen = PILImage.open(io.BytesIO(found.image.bytes))
    assert not seen.getexif() and "icc_profile" not in seen.info and seen.mode == "RGB"
    corners = {seen.getpixel((x, y)) for x in (1, seen.width - 2) for y in (1, seen.height - 2)}
    assert {max(range(3), key=lambda at: corner[at]) for corner in corners} == {0, 2}
    assert open_image(found.image).tobytes() == seen.tobytes()
    assert check_image(found.image.bytes, LIMIT).mended == ""


@pytest.mark.parametrize(("orientation", "red"), [(3, "right"), (6, "top"), (8, "bottom")])
def test_a_turned_image_stands_as_its_tag_says(orientation: int, red: str) -> None:
    found = check_image(turned(orientation), LIMIT)
    assert found.image is not None
    seen = PILImage.open(io.BytesIO(found.image.bytes))
    assert seen.size == ((16, 8) if red == "right" else (8, 16))
    place = {"right": (14, 4), "top": (4, 2), "bottom": (4, 14)}[red]
    assert seen.getpixel(place)[0] > 150


def test_sixteen_bits_are_scaled_and_not_clipped_to_white() -> None:
    found = check_image(sixteen_bits(), LIMIT)
    assert found.mended == "16-bit" and found.image is not None
    seen = np.asarray(PILImage.open(io.BytesIO(found.image.bytes)))
    assert set(np.unique(seen[:, :8])) == {10_000 >> 8} and set(np.unique(seen[:, 8:])) == {60_000 >> 8}


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_ground_becomes_white_and_not_black(mode: str) -> None:
    ink = PILImage.new("RGBA", (16, 8), (0, 0, 0, 0))
    ink.paste((0, 0, 0, 255), (0, 0, 8, 8))
    found = check_image(saved(ink.convert(mode) if mode != "P" else ink.quantize(4), "PNG"), LIMIT)
    assert found.mended == "transparent" and found.image is not None
    seen = PILImage.open(io.BytesIO(found.image.bytes)).convert("RGB")
    assert seen.getpixel((2, 2)) == (0, 0, 0) and seen.getpixel((13, 2)) == (255, 255, 255)


def test_mending_gives_the_same_bytes_every_time() -> None:
    for make, _ in MENDED.values():
        first, again = check_image(make(), LIMIT), check_image(make(), LIMIT)
        assert first.image == again.image


def test_bytes_spoilt_anywhere_are_an_image_or_a_reason_and_never_a_crash() -> None:
    random_ = random.Random(0)
    makes = [*KEPT.values(), *(make for make, _ in MENDED.values()), lambda: frames("GIF"), sixteen_bits]
    seen = set()
    for make in makes:
        whole = make()
        for _ in range(25):
            spoilt = bytearray(whole)
            for _ in range(random_.choice((1, 4, 16))):
                spoilt[random_.randrange(len(spoilt))] = random_.randrange(256)
            found = check_image(bytes(spoilt[: random_.choice((None, len(spoilt) // 2))]), LIMIT)
            assert (found.image is None) == bool(found.problem)
            seen.add(found.problem)
    assert {"", "image cannot be decoded"} <= seen
