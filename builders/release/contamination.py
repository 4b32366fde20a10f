"""Is a question of a corpus one of an evaluation set? Asked before anything is published.

It is where an image is the same, byte for byte; or where an image is near (perceptual hash) and the text is the same
(word n-grams of question and options); or where neither has an image and the text is the same. Questions of templates
share their words, and plain drawings look alike, so neither text nor nearness counts alone.

The perceptual hash is that of the cosine transform: the image in grey at 64 x 64 pixels, its 16 x 16 lowest
frequencies, one bit for each that is above their median. It survives re-encoding and resizing. What it does not survive
is looked for: of an evaluation set's images the mirrored and turned ones, and crops of up to 15 %, are hashed too, and
of every image what is left without a plain border. How often that finds an image is measured on the sets themselves
(`catch_rates`) and stands on the card. Of 500 puzzles against 304 figures of another set none is near. Puzzles of one
template are near each other: there the gate leaves out too much.

Words are compared in Unicode's compatibility form, without case, characters that are not seen, and letters of other
alphabets that look like Latin ones.
"""

from __future__ import annotations

import io
import re
import unicodedata
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from insightv_bench.records import DECODERS
from insightv_bench.settings import GateSettings

SIDE, NUM_FREQUENCIES = 64, 16  # pixels; along each axis
CROPS = (0.03, 0.06, 0.1, 0.15)
"""Shares of width and height that are cut off, on both sides or all at one corner."""
SHRUNK = 320  # pixels
"""The larger side of what crops are taken of: a hundredth of a side is told apart."""
PLACES = ((0.5, 0.5), (0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0))
BORDER = 24
"""Of 255: a border's pixels differ by no more from its middle one."""
LEAST_INSIDE = 1 / 8
"""Of the image: what is smaller is no picture inside a border, but a drawing on a plain ground."""
LOOKALIKES = str.maketrans("аеорсухіјѕԁԛԝкмнтвгпαονρτυικχβεηγ", "aeopcyxijsdqwkmhtbrnaovptuikxbeny")
"""Cyrillic and Greek letters -> the Latin ones that they are drawn like (Unicode's confusables, small letters)."""
MAX_PIXELS = 40_000_000
UNSEEN = ("Cf", "Mn")
"""Unicode's categories: format characters such as those of no width, and marks laid over a letter."""
WORD = re.compile(r"\w+")
Hash = NDArray[np.uint64]
"""256 bits as four numbers."""
Floats = NDArray[np.float64]
Picture = Any
"""An image of Pillow, in grey."""
Change = Callable[[Picture, int], Picture]
"""Of an image, and its place among others."""


class Asked(NamedTuple):
    """What the gate looks at of one question."""

    id: str
    set: str
    """The evaluation set's name; empty for a question of a corpus."""
    text: str
    """Question and options."""
    image_sha256: tuple[str, ...]
    hashes: tuple[Hash, ...]
    """Of all its images, several of each (`hashes_of`)."""
    is_whole: bool = True
    """Whether every image could be hashed."""


class Collision(NamedTuple):
    id: str
    set: str
    other: str
    """The evaluation set's question."""
    reason: str


def perceptual_hash(content: bytes) -> Hash | None:
    """Of the image as it is; None where it cannot be decoded, or is too large to be."""
    grey = _grey(content)
    return None if grey is None else _bits(_low(grey))


def hashes_of(content: bytes, in_set: bool = False) -> tuple[Hash, ...]:
    """Of the image, and of what is left without a plain border; `in_set`: of an evaluation set's image, which others
    are held against, the crops, mirrored and turned, too. None where it cannot be decoded, or is too large to be."""
    grey = _grey(content)
    return () if grey is None else tuple(_hashes(grey, in_set))


def _hashes(grey: Picture, in_set: bool) -> Iterator[Hash]:
    inside = without_border(grey)
    for picture in [grey] if inside.size == grey.size else [grey, inside]:
        low = _low(picture)
        if not in_set:
            yield _bits(low)
            continue
        small = picture.copy()
        small.thumbnail((SHRUNK, SHRUNK))
        for each in [low, *(_low(cropped(small, share, *place)) for share in CROPS for place in PLACES)]:
            yield from map(_bits, _turned(each))


def _grey(content: bytes) -> Picture | None:
    from PIL import Image

    try:
        with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(content), formats=DECODERS) as image:
            if image.width * image.height > MAX_PIXELS:
                return None
            return image.convert("RGBA").convert("L") if image.mode in ("P", "LA") else image.convert("L")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None


def _low(grey: Picture) -> Floats:
    """The lowest frequencies, [vertical, horizontal]."""
    from PIL import Image
    from scipy.fft import dctn

    pixels = np.asarray(grey.resize((SIDE, SIDE), Image.Resampling.BOX), dtype=np.float64)
    return np.asarray(dctn(pixels, norm="ortho")[:NUM_FREQUENCIES, :NUM_FREQUENCIES])


def _bits(low: Floats) -> Hash:
    return np.packbits((low > np.median(low)).ravel()).view(np.uint64)


def _turned(low: Floats) -> Iterator[Floats]:
    """All eight ways of turning and mirroring an image, in its frequencies: an odd one changes its sign."""
    sign = np.where(np.arange(NUM_FREQUENCIES) % 2, -1.0, 1.0)
    for each in (low, low.T):
        for upright in (each, each * sign[:, None]):
            yield from (upright, upright * sign[None, :])


def cropped(image: Picture, share: float, left: float, top: float) -> Picture:
    """Without `share` of width and height, of which the share `left` is cut off on the left, and `top` on the top."""
    away = [max(1, round(share * side)) if share else 0 for side in image.size]
    x, y = round(left * away[0]), round(top * away[1])
    return image.crop((x, y, image.width - away[0] + x, image.height - away[1] + y))


def without_border(grey: Picture) -> Picture:
    """What stands inside a border of one tone; the image itself where it has none."""
    pixels = np.asarray(grey, dtype=np.int16)
    edge = np.median(np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]]))
    is_inside = np.abs(pixels - edge) > BORDER
    rows, columns = np.flatnonzero(is_inside.any(axis=1)), np.flatnonzero(is_inside.any(axis=0))
    if not rows.size:
        return grey
    left, top, right, bottom = int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
    if (right - left) * (bottom - top) < LEAST_INSIDE * grey.width * grey.height:
        return grey
    return grey.crop((left, top, right, bottom))


def catch_rates(contents: Sequence[bytes], settings: GateSettings) -> dict[str, tuple[int, int]]:
    """What was done to an image -> how many of the images are still near themselves, and of how many.

    The same images give the same rates: where a crop lies follows from the image's place.
    """
    rates = {}
    known = [
        (grey, np.array(list(_hashes(grey, True)))) for content in contents if (grey := _grey(content)) is not None
    ]
    for name, change in CHANGES.items():
        found = [
            _is_near(_hashes(change(grey, place), False), held, settings) for place, (grey, held) in enumerate(known)
        ]
        rates[name] = (sum(found), len(found))
    return rates


def _is_near(hashes: Iterable[Hash], held: NDArray[np.uint64], settings: GateSettings) -> bool:
    return any(bool((np.bitwise_count(held ^ one).sum(axis=1) <= settings.max_distance).any()) for one in hashes)


def _smaller(image: Picture, _: int) -> Picture:
    """Two thirds as large, and through JPEG."""
    from PIL import Image

    buffer = io.BytesIO()
    image.resize(tuple(max(1, side * 2 // 3) for side in image.size)).save(buffer, "JPEG", quality=80)
    return Image.open(buffer).convert("L")


def _crop(share: float) -> Change:
    return lambda image, place: cropped(image, share, place % 3 / 2, place // 3 % 3 / 2)


def _bordered(image: Picture, place: int) -> Picture:
    from PIL import ImageOps

    return ImageOps.expand(image, max(2, image.width // 12), fill=255 * (place % 2))


def _turn(times: int) -> Change:
    return lambda image, _: image.rotate(90 * times, expand=True)


def _mirrored(image: Picture, _: int) -> Picture:
    from PIL import ImageOps

    return ImageOps.mirror(image)


CHANGES: dict[str, Change] = {
    "two thirds as large, JPEG": _smaller,
    "cropped by 3 %": _crop(0.03),
    "cropped by 10 %": _crop(0.1),
    "cropped by 20 %": _crop(0.2),
    "with a border": _bordered,
    "mirrored": _mirrored,
    "turned by 90 degrees": _turn(1),
    "turned by 180 degrees": _turn(2),
    "turned by 3 degrees": lambda image, _: image.rotate(3, fillcolor=255),
}


def normalised(text: str) -> str:
    """Without case, unseen characters and look-alikes of Latin letters."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    seen = "".join(character for character in plain if unicodedata.category(character) not in UNSEEN)
    return seen.translate(LOOKALIKES)


def ngrams(text: str, length: int) -> frozenset[tuple[str, ...]]:
    words = WORD.findall(normalised(text))
    length = min(length, len(words))
    return (
        frozenset(tuple(words[start : start + length]) for start in range(len(words) - length + 1))
        if words
        else frozenset()
    )


def collisions(corpus: Iterable[Asked], sets: Sequence[Asked], settings: GateSettings) -> Iterator[Collision]:
    """At most one for each question of the corpus, the plainest reason first."""
    exact = {sha: asked for asked in sets for sha in asked.image_sha256}
    texts = SameText(sets, settings)
    held = [np.array(asked.hashes, dtype=np.uint64).reshape(-1, 4) for asked in sets]
    for asked in corpus:
        other = next((exact[sha] for sha in asked.image_sha256 if sha in exact), None)
        if other:
            yield Collision(asked.id, other.set, other.id, f"same image as in `{other.set}`")
            continue
        for place in texts.of(asked.text):
            one = sets[place]
            is_same = any(_is_near([hash_], held[place], settings) for hash_ in asked.hashes)
            if is_same or not (asked.image_sha256 or one.image_sha256):
                what = "near image and same question as in" if is_same else "same question as in"
                yield Collision(asked.id, one.set, one.id, f"{what} `{one.set}`")
                break


class SameText:
    """The questions of evaluation sets that a text is the same as, found by the n-grams that they share."""

    def __init__(self, sets: Sequence[Asked], settings: GateSettings) -> None:
        self._grams = [ngrams(asked.text, settings.words) for asked in sets]
        self._settings = settings
        self._places: dict[tuple[str, ...], list[int]] = {}
        for place, grams in enumerate(self._grams):
            for gram in grams:
                self._places.setdefault(gram, []).append(place)

    def of(self, text: str) -> Iterator[int]:
        """Their places, in order."""
        own = ngrams(text, self._settings.words)
        shared = Counter(place for gram in own for place in self._places.get(gram, ()))
        for place in sorted(shared):
            if shared[place] / min(len(own), len(self._grams[place])) >= self._settings.overlap:
                yield place
