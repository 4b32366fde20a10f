"""The engine: a model behind a server of its own, started with the first request and stopped when it is closed.

A stage whose replies are all kept therefore starts none. What is kept is known by the model's weights, the program and
its arguments: neither the port nor the folder's place is part of it, so that a run goes on after a kill.
"""

from __future__ import annotations

import asyncio
import gc
import json
import socket
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from insightv_bench.errors import EngineError
from insightv_bench.journal import Reply, Request
from insightv_bench.records import content_id
from insightv_bench.settings import HfEngine, ModelSection, OpenAIEngine, Sampling, ServedEngine

from ..base import Start
from ..costs import Budget
from ..hf import identity
from ..openai import Server, Trouble
from .process import Process
from .programs import AS_ASKED, HOST, check_program, command, requested

SECONDS_BETWEEN_TRIES = 0.25
WAIT_S = 60.0
"""For one word of a server that is up."""
ONE_BY_ONE = ("transformers",)
"""Programs that seed and generate one request after the other: two at once would share their seeds and gain nothing."""
SPECIAL_TOKENS = ("eos_token_id", "pad_token_id", "bos_token_id")
NO_KEY = "INSIGHTV_SERVED_MODEL_KEY"
"""A variable that nobody sets: a server of one's own gets no key of a vendor's."""


class ServedModel:
    def __init__(self, settings: ServedEngine, scenes: Mapping[str, str] | None = None) -> None:
        """`scenes`: as every engine is opened with; a server sees the images alone."""
        check_program(settings)
        self._settings = settings
        self.name, weights = identity(HfEngine(kind="hf", model=settings.model))
        self.revision = f"{weights}+{settings.serve}-{content_id(_changes_replies(settings), length=8)}"
        self.system, self.suffix = settings.system, settings.suffix
        self.structured = settings.serve not in ONE_BY_ONE
        self.concurrency = 1 if settings.serve in ONE_BY_ONE else settings.concurrency
        self.adaptive, self.budget = settings.serve not in ONE_BY_ONE, Budget()
        self._start = Start(seed=0, has_answered=False, on_failure=lambda kind: None)
        self._starting = asyncio.Lock()
        self._process: Process | None = None
        self._server: Server | None = None
        self._watch: asyncio.Task[None] | None = None
        self._failure: EngineError | None = None

    def begin(self, start: Start) -> None:
        self._start = start

    async def reply(self, request: Request) -> Reply:
        """Raises EngineError where the server cannot be started or ends."""
        async with self._starting:
            if self._failure:  # of many that wait for it, the first has tried
                raise self._failure
            server = self._server or await self._started(bool(request.chat.images))
        assert self._watch
        reply = asyncio.ensure_future(server.reply(request))
        try:
            await asyncio.wait({reply, self._watch}, return_when=asyncio.FIRST_COMPLETED)
            if not reply.done():  # a client would go on to try for minutes
                raise self._error("ended while it was asked")
            return await reply
        finally:
            reply.cancel()

    async def close(self) -> None:
        if self._watch:
            self._watch.cancel()
        if self._server:
            await self._server.close()
        if self._process:
            self._process.stop()
        self._server = self._process = self._watch = None

    async def _started(self, shows_images: bool) -> Server:
        """The server, once it answers a short request."""
        settings = self._settings
        free_devices()
        port, name = free_port(), self.name
        folder = Path(settings.place or tempfile.mkdtemp(prefix="insightv-served-"))
        self._process = Process(command(settings, name, port), folder / f"{name.replace('/', '--')}.json")
        server = Server(client_settings(settings, requested(settings, name), f"http://{HOST}:{port}/v1", self.revision))
        try:
            await self._wait(server)
            await self._check(server, shows_images)
        except BaseException as error:
            self._failure = error if isinstance(error, EngineError) else None
            await server.close()
            await self.close()
            raise
        server.begin(self._start)
        self._server, self._watch = server, asyncio.ensure_future(self._until_over())
        return server

    async def _until_over(self) -> None:
        while self._process and not self._process.is_over:
            await asyncio.sleep(SECONDS_BETWEEN_TRIES)

    async def _wait(self, server: Server) -> None:
        deadline = time.monotonic() + self._settings.wait_s
        while True:
            assert self._process
            if self._process.is_over:
                raise self._error("ended before it could be asked")
            with suppress(Trouble):
                if await server.models(WAIT_S):
                    return
            if time.monotonic() > deadline:
                raise self._error(f"was not ready after {self._settings.wait_s:,.0f} s (`wait_s`)")
            await asyncio.sleep(SECONDS_BETWEEN_TRIES)

    async def _check(self, server: Server, shows_images: bool) -> None:
        """Raises EngineError for one that turns a short request away, or does not see an image."""
        try:
            tokens = [await server.probe(WAIT_S, Sampling(), shown) for shown in (False, True)[: 1 + shows_images]]
        except Trouble as trouble:
            raise self._error(f"turned a short request away: {trouble.words}") from None
        if shows_images and tokens[0] and tokens[0] == tokens[1]:
            raise EngineError(
                f"`{self.name}` behind `{self._settings.serve}` does not see images: a prompt of {tokens[0]:,} tokens "
                "is no longer with one",
                "serve it with another program, or leave `serve` out",
            )

    def _error(self, what: str) -> EngineError:
        assert self._process
        words, log = self._process.last_words(), self._process.log
        return EngineError(
            f"the server of `{self.name}` (`{self._settings.serve}`) {what}: {words or 'it said nothing'}",
            f"its whole log: {log}; its options stand in `args`; the same command goes on",
        )


def _changes_replies(settings: ServedEngine) -> dict[str, object]:
    return {**settings.changes(), "model": "", "kind": "", "as_asked": AS_ASKED.get(settings.serve, ())}


def client_settings(settings: ServedEngine, model: str, url: str, revision: str) -> OpenAIEngine:
    """The same manner, asked at its place."""
    manner = {name: getattr(settings, name) for name in ModelSection.model_fields}
    own: dict[str, Any] = {"concurrency": settings.concurrency, "timeout_s": settings.timeout_s, "api_key_env": NO_KEY}
    if settings.serve == "transformers":
        own["extra_body"] = {"generation_config": json.dumps(sampled_config(Path(settings.model)))}
    return OpenAIEngine(kind="openai", model=model, base_url=url, revision=revision, **manner, **own)


def sampled_config(folder: Path) -> dict[str, object]:
    """The model's generation config, told to sample: `transformers serve` takes a temperature and stays greedy where
    the model's own config is (seen with transformers 5.24), and then keeps the 50 likeliest tokens by default."""
    known: dict[str, object] = {}
    for name in ("config.json", "generation_config.json"):
        with suppress(OSError, ValueError):
            found = json.loads((folder / name).read_text(encoding="utf-8"))
            ends = {**found.get("text_config", {}), **found}
            known |= {key: ends[key] for key in SPECIAL_TOKENS if ends.get(key) is not None}
    return {**known, "do_sample": True, "top_k": 0}


def free_port() -> int:
    with socket.create_server((HOST, 0)) as found:
        return int(found.getsockname()[1])


def free_devices() -> None:
    """What trainings of this process have left behind on a GPU is given back, as far as torch can."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized():
        gc.collect()
        torch.cuda.empty_cache()
