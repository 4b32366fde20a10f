"""A request's body: JSON with its images put in as it is sent.

Each image is made a data URL once, in a thread, however many calls show it. It is never copied into a whole, goes out
slice by slice as the server takes it, and is let go of once it is sent: while a model thinks, nothing of the image is
held but what the cache of `ImageUrls` keeps.
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from typing import Any

from insightv_bench.chat import media_type
from insightv_bench.errors import EngineError
from insightv_bench.records import DECODERS, Image
from insightv_bench.sources import TimedBytes

SLICE = 256 * 1024
"""Bytes written at once; what the server has not taken yet is copied by the event loop."""
MAX_BYTES_KEPT = 128 * 2**20
"""Of the images shown last; the steps of one path follow each other closely."""


def placeholders(images: tuple[Image, ...]) -> dict[str, Image]:
    """Words that stand for a request's images while it becomes JSON; nobody's text holds them."""
    nonce = secrets.token_hex(16)
    return {f"{nonce}-{number}": image for number, image in enumerate(images)}


class ImageUrls:
    """Data URLs of the images shown last."""

    def __init__(self, max_bytes: int = MAX_BYTES_KEPT) -> None:
        self._urls: OrderedDict[str, asyncio.Future[bytes]] = OrderedDict()
        self.num_bytes, self._max_bytes = 0, max_bytes

    async def url(self, image: Image) -> bytes:
        """Raises EngineError for what is not an image."""
        key = image.sha256
        if key not in self._urls:
            self._urls[key] = asyncio.ensure_future(asyncio.to_thread(encode, image))
            self._urls[key].add_done_callback(self._count)
        self._urls.move_to_end(key)
        try:
            return await asyncio.shield(self._urls[key])  # one chain's end is not the others'
        except EngineError:
            self._urls.pop(key, None)
            raise

    def _count(self, encoded: asyncio.Future[bytes]) -> None:
        if encoded.cancelled() or encoded.exception():
            return
        self.num_bytes += len(encoded.result())
        while self.num_bytes > self._max_bytes and len(self._urls) > 1:
            _, oldest = self._urls.popitem(last=False)
            if oldest.done() and not oldest.cancelled() and not oldest.exception():
                self.num_bytes -= len(oldest.result())


class Body:
    """Bytes of known length, as often as they are asked for: a redirect asks twice."""

    def __init__(self, pieces: list[bytes | Image], urls: ImageUrls) -> None:
        self._pieces, self._urls = pieces, urls
        self.held: dict[int, bytes] = {}
        """Data URLs that are still to be sent, by the number of the piece."""
        self._size = sum(len(piece) for piece in pieces if isinstance(piece, bytes))

    @classmethod
    async def of(cls, body: Mapping[str, Any], images: Mapping[str, Image], urls: ImageUrls) -> Body:
        """`images`: by the placeholder of each in `body`. Raises EngineError for what is not an image."""
        rest, pieces = json.dumps(body).encode(), list[bytes | Image]()
        for placeholder, image in images.items():
            before, is_there, rest = rest.partition(placeholder.encode())  # base64 needs no escaping
            pieces += [before, image] if is_there else [before]  # `extra_body` may bring messages of its own
        whole = cls([*pieces, rest], urls)
        for number, piece in enumerate(whole._pieces):
            if isinstance(piece, Image):
                whole.held[number] = await urls.url(piece)
                whole._size += len(whole.held[number])
        return whole

    def __len__(self) -> int:
        return self._size

    @property
    def headers(self) -> dict[str, str]:
        return {"Content-Type": "application/json", "Content-Length": str(len(self))}

    @property
    def content(self) -> bytes | Body:
        """As aiohttp takes it: a short body of text at once, which costs less than in slices."""
        first = self._pieces[0]
        return first if isinstance(first, bytes) and len(first) == len(self) <= SLICE else self

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for number, piece in enumerate(self._pieces):
            if isinstance(piece, Image):
                piece = self.held.pop(number, None) or await self._urls.url(piece)
            for start in range(0, len(piece), SLICE):
                yield piece[start : start + SLICE]


def encode(image: Image) -> bytes:
    """A data URL: of the original bytes where a chat server takes their format, else of a PNG made from them."""
    in_memory = Image(bytes=image.bytes)  # read once, where it lies on disk
    in_memory = in_memory if media_type(in_memory) else as_png(in_memory)
    return f"data:{media_type(in_memory)};base64,".encode() + base64.b64encode(in_memory.bytes)


def as_png(image: Image) -> Image:
    """BMP, TIFF and the like, which chat servers do not take. The pixels stay as they are, the bytes do not."""
    from PIL import Image as PILImage

    buffer = io.BytesIO()
    try:
        with PILImage.open(TimedBytes(image.bytes), formats=DECODERS) as opened:
            modes = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")  # what a PNG can hold
            (opened if opened.mode in modes else opened.convert("RGB")).save(buffer, "PNG")
    except (OSError, SyntaxError, ValueError, PILImage.DecompressionBombError) as error:
        fact = f"an image ({image.sha256[:12]}) cannot be sent: {error}"
        raise EngineError(fact, "leave its question out") from None
    return Image(bytes=buffer.getvalue(), path=image.path)
