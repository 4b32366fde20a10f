"""Pictures as data URLs: each one encoded once, in a thread, however many calls show it.

The original bytes are sent where a chat server takes their format; a picture of another format is converted to PNG.
"""

from __future__ import annotations

import asyncio
import io
from collections import OrderedDict

from insightv_bench.chat import data_url, media_type
from insightv_bench.errors import EngineError
from insightv_bench.records import DECODERS, Image

MAX_CHARS_KEPT = 512 * 2**20
"""Of the pictures shown last; the steps of one path follow each other closely."""


class ImageUrls:
    def __init__(self, max_chars: int = MAX_CHARS_KEPT) -> None:
        self._urls: OrderedDict[str, asyncio.Future[str]] = OrderedDict()
        self._num_chars, self._max_chars = 0, max_chars

    async def url(self, image: Image) -> str:
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

    def _count(self, encoded: asyncio.Future[str]) -> None:
        if encoded.cancelled() or encoded.exception():
            return
        self._num_chars += len(encoded.result())
        while self._num_chars > self._max_chars and len(self._urls) > 1:
            _, oldest = self._urls.popitem(last=False)
            if oldest.done() and not oldest.cancelled() and not oldest.exception():
                self._num_chars -= len(oldest.result())


def encode(image: Image) -> str:
    return data_url(image if media_type(image) else as_png(image))


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
