"""Is a question of a corpus one of an evaluation set? Asked before anything is published.

It is where an image is the same, byte for byte; or where an image is near (perceptual hash) and the text is the same
(word n-grams of question and options); or where neither has an image and the text is the same. Questions of templates
share their words, and plain drawings look alike, so neither text nor nearness counts alone.

The perceptual hash is that of the cosine transform: the image in grey at 64 x 64 pixels, its 16 x 16 lowest
frequencies, one bit for each that is above their median. It survives re-encoding and resizing, not cropping or turning.
Of 300 real figures, shrunk to two thirds and saved as JPEG, 298 are found at 32 bits; of 500 puzzles against 304
figures of another set, none. Puzzles of one template are near each other: there the gate leaves out too much.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from insightv_bench.records import DECODERS
from insightv_bench.settings import GateSettings

SIDE, NUM_FREQUENCIES = 64, 16  # pixels; along each axis
MAX_PIXELS = 40_000_000
WORD = re.compile(r"\w+")
Hash = NDArray[np.uint64]
"""256 bits as four numbers."""


class Asked(NamedTuple):
    """What the gate looks at of one question."""

    id: str
    set: str
    """The evaluation set's name; empty for a question of a corpus."""
    text: str
    """Question and options."""
    image_sha256: tuple[str, ...]
    hashes: tuple[Hash, ...]


class Collision(NamedTuple):
    id: str
    set: str
    other: str
    """The evaluation set's question."""
    reason: str


def perceptual_hash(content: bytes) -> Hash | None:
    """None where the image cannot be decoded, or is too large to be."""
    from PIL import Image
    from scipy.fft import dctn

    try:
        with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(content), formats=DECODERS) as image:
            if image.width * image.height > MAX_PIXELS:
                return None
            grey = image.convert("RGBA").convert("L") if image.mode in ("P", "LA") else image.convert("L")
            pixels = np.asarray(grey.resize((SIDE, SIDE), Image.Resampling.BOX), dtype=np.float64)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None
    low = dctn(pixels, norm="ortho")[:NUM_FREQUENCIES, :NUM_FREQUENCIES].ravel()
    return np.packbits(low > np.median(low)).view(np.uint64)


def ngrams(text: str, length: int) -> frozenset[tuple[str, ...]]:
    words = WORD.findall(text.casefold())
    length = min(length, len(words))
    return (
        frozenset(tuple(words[start : start + length]) for start in range(len(words) - length + 1))
        if words
        else frozenset()
    )


def overlap(one: str, other: str, length: int) -> float:
    """The share of the shorter text's n-grams that the other has too; texts of fewer words are one n-gram."""
    grams = ngrams(one, length), ngrams(other, length)
    fewer = min(len(grams[0]), len(grams[1]))
    return len(grams[0] & grams[1]) / fewer if fewer else 0.0


def collisions(corpus: Iterable[Asked], sets: Sequence[Asked], settings: GateSettings) -> Iterator[Collision]:
    """At most one for each question of the corpus, the plainest reason first."""
    exact = {sha: asked for asked in sets for sha in asked.image_sha256}
    bare = [asked for asked in sets if not asked.image_sha256]
    owners = [asked for asked in sets for _ in asked.hashes]
    matrix = np.array([hash_ for asked in sets for hash_ in asked.hashes], dtype=np.uint64).reshape(-1, 4)
    for asked in corpus:
        other = next((exact[sha] for sha in asked.image_sha256 if sha in exact), None)
        if other:
            yield Collision(asked.id, other.set, other.id, f"same image as in `{other.set}`")
            continue
        match = (
            _near(asked, owners, matrix, settings)
            if asked.hashes
            else None
            if asked.image_sha256
            else _same(asked, bare, settings)
        )
        if match:
            what = "near image and same question as in" if asked.hashes else "same question as in"
            yield Collision(asked.id, match.set, match.id, f"{what} `{match.set}`")


def _near(asked: Asked, owners: Sequence[Asked], matrix: NDArray[np.uint64], settings: GateSettings) -> Asked | None:
    for hash_ in asked.hashes:
        distances = np.bitwise_count(matrix ^ hash_).sum(axis=1)
        near = [owners[place] for place in np.flatnonzero(distances <= settings.max_distance).tolist()]
        same = _same(asked, near, settings)
        if same:
            return same
    return None


def _same(asked: Asked, others: Sequence[Asked], settings: GateSettings) -> Asked | None:
    return next(
        (other for other in others if overlap(asked.text, other.text, settings.words) >= settings.overlap), None
    )
