"""Images on their way to a server: encoded once and off the event loop, and the first request leaves at once."""

from __future__ import annotations

import asyncio
import base64
import io
import threading
from pathlib import Path as Place

import numpy as np
import pytest
from PIL import Image as PILImage

from insightv_bench.chat import Chat
from insightv_bench.engines import Caller
from insightv_bench.engines.openai import encode, payload
from insightv_bench.engines.openai.payload import ImageUrls
from insightv_bench.errors import EngineError
from insightv_bench.journal import Journal, Reply, Request
from insightv_bench.records import Image, Message
from insightv_bench.settings import Sampling

PIXELS = np.random.default_rng(0).integers(0, 255, (9, 7, 3), dtype=np.uint8)


def drawn_image(form: str, mode: str = "RGB", side: int = 0) -> Image:
    buffer = io.BytesIO()
    pixels = np.zeros((side, side, 3), np.uint8) if side else PIXELS
    PILImage.fromarray(pixels).convert(mode).save(buffer, form)
    return Image(bytes=buffer.getvalue())


def sent(url: bytes) -> tuple[str, bytes]:
    head, _, data = url.decode().partition(";base64,")
    return head, base64.b64decode(data, validate=True)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF"])
def test_the_original_bytes_are_sent_where_the_format_allows(form: str) -> None:
    image = drawn_image(form)
    assert sent(encode(image)) == (f"data:image/{form.lower()}", image.bytes)


@pytest.mark.parametrize(("form", "mode"), [("BMP", "RGB"), ("TIFF", "RGB"), ("TIFF", "L"), ("TIFF", "RGBA")])
def test_another_format_becomes_a_png_of_the_same_pixels(form: str, mode: str) -> None:
    image = drawn_image(form, mode)
    head, content = sent(encode(image))
    assert head == "data:image/png"
    assert PILImage.open(io.BytesIO(content)).mode == mode
    before, after = (np.asarray(PILImage.open(io.BytesIO(data))) for data in (image.bytes, content))
    assert (before == after).all()


def test_an_image_in_print_colours_is_sent_in_screen_colours() -> None:
    head, content = sent(encode(drawn_image("TIFF", "CMYK")))
    assert (head, PILImage.open(io.BytesIO(content)).mode) == ("data:image/png", "RGB")


@pytest.mark.parametrize(
    "content",
    [b"", b"no image", b"RIFF1234WAVE", b"BM" + bytes(100), drawn_image("BMP").bytes[:60], drawn_image("PPM").bytes],
)
def test_what_is_no_image_is_an_error_that_names_it(content: bytes) -> None:
    urls = ImageUrls()
    for _ in range(2):
        with pytest.raises(EngineError, match=rf"an image \({Image(bytes=content).sha256[:12]}\) cannot be sent"):
            asyncio.run(urls.url(Image(bytes=content)))


def test_each_image_is_encoded_once_and_off_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[threading.Thread] = []

    def recording(image: Image) -> str:
        threads.append(threading.current_thread())
        return encode(image)

    monkeypatch.setattr(payload, "encode", recording)

    async def show() -> set[str]:
        urls, same = ImageUrls(), [drawn_image("PNG") for _ in range(5)]
        return {*await asyncio.gather(*(urls.url(image) for image in same)), await urls.url(same[0])}

    assert len(asyncio.run(show())) == 1
    assert len(threads) == 1 and threads[0] is not threading.main_thread()


def test_images_shown_long_ago_make_room() -> None:
    images = [drawn_image("PNG", side=side) for side in range(20, 60)]

    async def show() -> None:
        urls = ImageUrls(max_bytes=2_000)
        for image in images * 2:
            assert sent(await urls.url(image))[1] == image.bytes
            assert urls.num_bytes <= 2_000

    asyncio.run(show())


def test_the_first_request_leaves_before_the_other_chains_begin(tmp_path: Place) -> None:
    begun: list[int] = []
    at_first: list[int] = []

    class Server:
        name, revision, concurrency = "server", "1", 4

        async def reply(self, request: Request) -> Reply:
            at_first.append(len(begun))
            await asyncio.sleep(0)
            return Reply(text="x")

    async def chain(caller: Caller, number: int) -> str:
        begun.append(number)
        chat = Chat((Message(role="user", content=str(number)),))
        return (await caller.ask(Request(chat, Sampling()))).text

    journal = Journal(tmp_path / "journal.sqlite")
    with Caller(Server(), journal) as caller:
        assert len(caller.run([chain(caller, number) for number in range(500)])) == 500
    journal.close()
    assert at_first[0] <= 8
    assert begun == list(range(500))
