"""What a call to a server costs here, in milliseconds of the processor: ours, a bare client's, the `openai` client's.

    python -m pytest tests/benchmarks/bench_client.py -s

Against `fast_server.py` at 20 ms, 64 at once; one process a way, so that no import and no heap is another's. Ours is
`Caller.ask_all`: the journal and what it keeps are in it. A way of the `openai` client is HTTP library, then call:
`create` as its page has it, `post` finished JSON and the reply as it comes.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from insightv_bench.chat import Chat, to_openai
from insightv_bench.engines import Caller, open_engine
from insightv_bench.journal import Journal, Request
from insightv_bench.records import Image, Message
from insightv_bench.settings import OpenAIEngine, Sampling

HERE = Path(__file__).parent
CONNECTIONS = 64
NUM = {"text": 800, "picture": 128}
BYTES = 2_300_000
TIMES = int(os.environ.get("BENCH_TIMES", "3"))
WAYS = ("bare", "ours", "httpx create", "aiohttp create", "aiohttp post")
Ask = Callable[[Chat], Awaitable[object]]


def chats(load: str) -> list[Chat]:
    def images() -> tuple[Image, ...]:
        return (Image(bytes=b"\x89PNG" + os.urandom(BYTES)),) if load == "picture" else ()

    return [Chat((Message(role="user", content=f"Which is number {n}?"),), images()) for n in range(NUM[load])]


def body(chat: Chat) -> dict[str, Any]:
    return {"model": "m", "messages": to_openai(chat), "max_tokens": 256, "temperature": 0.0}


async def gather(ask: Ask, asked: list[Chat]) -> None:
    slots = asyncio.Semaphore(CONNECTIONS)

    async def one(chat: Chat) -> None:
        async with slots:
            await ask(chat)

    await asyncio.gather(*map(one, asked))


async def bare(url: str, asked: list[Chat]) -> None:
    import aiohttp

    connector = aiohttp.TCPConnector(limit=CONNECTIONS)
    async with aiohttp.ClientSession(connector=connector, headers={"Content-Type": "application/json"}) as session:

        async def ask(chat: Chat) -> object:
            async with session.post(f"{url}/v1/chat/completions", data=json.dumps(body(chat)).encode()) as reply:
                return (await reply.json())["choices"]

        await gather(ask, asked)


async def through_openai(way: str, url: str, asked: list[Chat]) -> None:
    import httpx2
    import openai

    library, call = way.split()
    limits = httpx2.Limits(max_connections=CONNECTIONS)
    http: Any = (openai.DefaultAioHttpClient if library == "aiohttp" else openai.DefaultAsyncHttpxClient)(limits=limits)
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0, http_client=http) as client:

        async def create(chat: Chat) -> object:
            return (await client.chat.completions.create(**body(chat))).choices

        async def post(chat: Chat) -> object:
            content = json.dumps(body(chat)).encode()
            return json.loads(
                (await client.post("/chat/completions", cast_to=httpx2.Response, content=content)).content
            )

        await gather(create if call == "create" else post, asked)


def ours(url: str, asked: list[Chat]) -> None:
    requests = [Request(chat, Sampling()) for chat in asked]
    engine = open_engine(OpenAIEngine(model="m", base_url=f"{url}/v1", concurrency=CONNECTIONS))
    with tempfile.TemporaryDirectory() as folder, Caller(engine, Journal(Path(folder) / "journal.sqlite")) as caller:
        caller.ask_all(requests)


def spend(way: str, url: str, load: str) -> float:
    """Milliseconds of the processor a call, imports left out."""
    asked = chats(load)

    def run(some: list[Chat]) -> None:
        if way == "ours":
            ours(url, some)
        else:
            asyncio.run(bare(url, some) if way == "bare" else through_openai(way, url, some))

    run(asked[:1])
    started = time.process_time()
    run(asked[1:])
    return 1000 * (time.process_time() - started) / (len(asked) - 1)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = subprocess.Popen([sys.executable, HERE / "fast_server.py", "0.02"], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    yield server.stdout.readline().strip()
    server.kill()
    server.wait()
    server.stdout.close()


@pytest.mark.parametrize("load", NUM)
def test_what_a_call_costs(url: str, load: str) -> None:
    spent: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(TIMES):
        for way in WAYS:
            told = subprocess.run([sys.executable, __file__, way, url, load], capture_output=True, check=True)
            spent[way].append(float(told.stdout))
    for way, found in spent.items():
        middle = statistics.median(found)
        ratio = middle / statistics.median(spent["bare"])
        print(f"\n{load}, {way}: {middle:.2f} ms ({min(found):.2f}-{max(found):.2f}), {ratio:.2f} of bare", end="")


if __name__ == "__main__":
    print(spend(*sys.argv[1:]))
