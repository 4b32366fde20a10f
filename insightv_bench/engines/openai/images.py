"""Pictures as data URLs: each one encoded once, in a thread, however many calls show it.

The original bytes are sent where a chat server takes their format; a picture of another format is converted to PNG.
"""

from __future__ import annotations

import asyncio
import base64
import io
from collections import OrderedDict

from insightv_bench.chat import media_type
from insightv_bench.errors import EngineError
from insightv_bench.records import DECODERS, Image

MAX_BYTES_KEPT = 128 * 2**20
"""Of the pictures shown last; the steps of one path follow each other closely."""


class ImageUrls:
    def __init__(self, max_bytes: int = MAX_BYTES_KEPT) -> None:
        self._urls: OrderedDict[str, asyncio.Future[bytes]] = OrderedDict()
        self._num_bytes, self._max_bytes = 0, max_bytes

    async def url(self, image: Image) -> bytes:
        """Raises EngineError for what is no picture."""
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
        self._num_bytes += len(encoded.result())
        while self._num_bytes > self._max_bytes and len(self._urls) > 1:
            _, oldest = self._urls.popitem(last=False)
            if oldest.done() and not oldest.cancelled() and not oldest.exception():
                self._num_bytes -= len(oldest.result())


def encode(image: Image) -> bytes:
    """A data URL."""
    held = Image(bytes=image.bytes)  # read once, where it lies on disk
    held = held if media_type(held) else as_png(held)
    return f"data:{media_type(held)};base64,".encode() + base64.b64encode(held.bytes)


def as_png(image: Image) -> Image:
    """BMP, TIFF and the like, which chat servers do not take. The pixels stay as they are, the bytes do not."""
    from PIL import Image as Picture

    buffer = io.BytesIO()
    try:
        with Picture.open(io.BytesIO(image.bytes), formats=DECODERS) as picture:
            modes = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")  # what a PNG can hold
            (picture if picture.mode in modes else picture.convert("RGB")).save(buffer, "PNG")
    except (OSError, SyntaxError, ValueError, Picture.DecompressionBombError) as error:
        fact = f"a picture ({image.sha256[:12]}) cannot be sent: {error}"
        raise EngineError(fact, "leave its question out") from None
    return Image(bytes=buffer.getvalue(), path=image.path)
