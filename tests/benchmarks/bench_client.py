"""What a call to a server costs here, in milliseconds of the processor: ours, and a bare aiohttp client's.

    python -m pytest tests/benchmarks/bench_client.py -s

Against `fast_server.py` at 20 ms, 64 at once; one process a way, so that no import and no heap is another's. Ours is
`Caller.ask_all`: the journal and what it keeps are in it.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from figures import TIMES, Took, Work, keep, scaled, turn_about
from processes import serving

from insightv_bench.chat import Chat, to_openai
from insightv_bench.engines import Caller, open_engine
from insightv_bench.journal import Journal, Request
from insightv_bench.records import Image, Message
from insightv_bench.settings import OpenAIEngine, Sampling

CONNECTIONS = 64
SIZES = {"text": scaled(200, 800, 3_200), "image": scaled(32, 64, 128)}
BYTES = 2_300_000
Ask = Callable[[Chat], Awaitable[object]]


def chats(load: str, num: int) -> list[Chat]:
    def images() -> tuple[Image, ...]:
        return (Image(bytes=b"\x89PNG" + os.urandom(BYTES)),) if load == "image" else ()

    return [Chat((Message(role="user", content=f"Which is number {n}?"),), images()) for n in range(num)]


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


def ours(url: str, asked: list[Chat]) -> None:
    requests = [Request(chat, Sampling()) for chat in asked]
    engine = open_engine(OpenAIEngine(model="m", base_url=f"{url}/v1", concurrency=CONNECTIONS))
    with tempfile.TemporaryDirectory() as folder, Caller(engine, Journal(Path(folder) / "journal.sqlite")) as caller:
        caller.ask_all(requests)


def spend(way: str, url: str, load: str, num: int) -> tuple[float, float]:
    """Milliseconds of the processor a call, imports left out; and the peak memory in MB."""
    asked = chats(load, num)

    def run(some: list[Chat]) -> None:
        if way == "ours":
            ours(url, some)
        else:
            asyncio.run(bare(url, some))

    run(asked[:1])
    started = time.process_time()
    run(asked[1:])
    return 1000 * (time.process_time() - started) / (len(asked) - 1), peak_mb()


def peak_mb() -> float:
    (told,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(told.split()[1]) / 1024


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving("0.02") as found:
        yield found


@pytest.mark.parametrize(("load", "num"), [(load, num) for load, sizes in SIZES.items() for num in sizes])
def test_what_a_call_costs(url: str, load: str, num: int) -> None:
    def spent(way: str) -> Took:
        words = [sys.executable, __file__, way, url, load, str(num)]
        return Took(*json.loads(subprocess.run(words, capture_output=True, check=True).stdout))

    turns = turn_about({"ours": lambda: spent("ours"), "bare client": lambda: spent("bare")}, TIMES)
    work = Work(f"evaluation client: a {load}", num, "calls", "ms a call")
    keep(work, turns.pop("ours"), turns)


if __name__ == "__main__":
    print(json.dumps(spend(*sys.argv[1:4], int(sys.argv[4]))))
