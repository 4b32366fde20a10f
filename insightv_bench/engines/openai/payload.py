"""A request's body: JSON with its pictures put in as it is sent.

A picture is never copied into a whole, goes out slice by slice as the server takes it, and is let go of once it is
sent: while a model thinks, nothing of the picture is held but what the cache of `ImageUrls` keeps.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator, Mapping
from typing import Any

from insightv_bench.records import Image

from .images import ImageUrls

SLICE = 256 * 1024
"""Bytes written at once; what the server has not taken yet is copied by the event loop."""


def places(images: tuple[Image, ...]) -> dict[str, Image]:
    """Words that stand for a request's pictures while it becomes JSON; nobody's text holds them."""
    nonce = secrets.token_hex(16)
    return {f"{nonce}-{number}": image for number, image in enumerate(images)}


class Body:
    """Bytes of known length, as often as they are asked for: a redirect asks twice."""

    def __init__(self, pieces: list[bytes | Image], urls: ImageUrls) -> None:
        self._pieces, self._urls = pieces, urls
        self._held: dict[int, bytes] = {}
        self._size = sum(len(piece) for piece in pieces if isinstance(piece, bytes))

    @classmethod
    async def of(cls, body: Mapping[str, Any], images: Mapping[str, Image], urls: ImageUrls) -> Body:
        """`images`: by the place that stands for each in `body`. Raises EngineError for what is no picture."""
        made = cls(as_pieces(body, images), urls)
        for number, piece in enumerate(made._pieces):
            if isinstance(piece, Image):
                made._held[number] = url = await urls.url(piece)
                made._size += len(url)
        return made

    def __len__(self) -> int:
        return self._size

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for number, piece in enumerate(self._pieces):
            if isinstance(piece, Image):
                piece = self._held.pop(number, None) or await self._urls.url(piece)
            for start in range(0, len(piece), SLICE):
                yield piece[start : start + SLICE]


def as_pieces(body: Mapping[str, Any], images: Mapping[str, Image]) -> list[bytes | Image]:
    """The JSON around its pictures; base64 needs no escaping."""
    rest, found = json.dumps(body).encode(), list[bytes | Image]()
    for place, image in images.items():
        before, is_there, rest = rest.partition(place.encode())
        found += [before, image] if is_there else [before]  # `extra_body` may bring messages of its own
    return [*found, rest]
