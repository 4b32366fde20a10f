"""Large images to a loopback server that takes 200 ms: when the first request leaves, and what a call costs here.

300 noise PNGs of 1024x768 (about 2 MB each), 64 connections. Beside it the bare client, with images encoded before.
"""

from __future__ import annotations

import asyncio
import io
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import numpy as np
import pytest
from figures import scaled
from PIL import Image as PILImage

from insightv_bench.chat import Chat, to_openai
from insightv_bench.engines import Caller, open_engine
from insightv_bench.journal import Journal, Request
from insightv_bench.records import Image, Message
from insightv_bench.settings import OpenAIEngine, Sampling

(NUM,), CONNECTIONS = scaled(300), 64
SERVER = """
import asyncio, sys, time
from insightv_bench.journal import Reply
from insightv_bench.serving import ChatServer

class Model:
    name, revision, concurrency = "m", "1", 64
    first = 0.0
    async def reply(self, request):
        Model.first = Model.first or time.time()
        await asyncio.sleep(0.2)
        return Reply(text=str(Model.first), num_prompt_tokens=1, num_tokens=1)

server = ChatServer(Model())
print(server.url, flush=True)
server.serve_forever()
"""


@pytest.fixture
def url() -> Iterator[str]:
    server = subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    yield server.stdout.readline().strip()
    server.kill()
    server.wait()
    server.stdout.close()


def chats() -> list[Chat]:
    random = np.random.default_rng(0)
    made = []
    for number in range(NUM):
        buffer = io.BytesIO()
        pixels = random.integers(0, 255, (768, 1024, 3), dtype=np.uint8)
        PILImage.fromarray(pixels).save(buffer, "PNG", compress_level=1)
        made.append(Chat((Message(role="user", content=str(number)),), (Image(bytes=buffer.getvalue()),)))
    return made


def test_the_first_request_leaves_within_a_second(url: str, tmp_path: Path) -> None:
    requests = [Request(chat, Sampling()) for chat in chats()]
    started, busy = time.time(), time.process_time()
    engine = open_engine(OpenAIEngine(model="m", base_url=url, concurrency=CONNECTIONS))
    with Caller(engine, Journal(tmp_path / "journal.sqlite")) as caller:
        replies = caller.ask_all(requests)
    first = float(replies[0].text) - started
    print(f"\nfirst request read after {first:.2f} s, all {NUM} after {time.time() - started:.1f} s", end="")
    print(f", {time.process_time() - busy:.1f} s of the processor")
    assert len(replies) == NUM


def test_the_bare_client_on_the_same(url: str) -> None:
    bodies = [to_openai(chat) for chat in chats()]

    async def ask_all() -> None:
        slots = asyncio.Semaphore(CONNECTIONS)
        async with aiohttp.ClientSession() as session:

            async def ask(messages: list[dict[str, object]]) -> None:
                body = {"model": "m", "messages": messages}
                async with slots, session.post(f"{url}/chat/completions", json=body) as reply:
                    await reply.json()

            await asyncio.gather(*map(ask, bodies))

    started, busy = time.time(), time.process_time()
    asyncio.run(ask_all())
    print(f"\nbare client: {time.time() - started:.1f} s, {time.process_time() - busy:.1f} s of the processor")
