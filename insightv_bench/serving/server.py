"""Any one-by-one engine as an OpenAI-compatible chat server, over aiohttp.

    GET  /v1/models             the one model there is
    POST /v1/chat/completions   text and images as data URLs; one choice, no streaming

For tests and demonstrations on the machine itself: it knows no TLS and no users beyond one key. Bound to this machine
it answers to this machine's names alone, and to no other site's page; a body that does not come is not waited for.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
import threading
import time
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from pydantic import ValidationError

from insightv_bench.chat import from_openai
from insightv_bench.engines import OneByOneEngine
from insightv_bench.errors import EngineError, RunError, require
from insightv_bench.journal import Reply, Request
from insightv_bench.settings import Sampling

from .faults import Faults

MAX_BODY_BYTES = 256 * 2**20
HUGE = 10_000_000  # characters
FINISHED = {"stop": "stop", "length": "length", "refusal": "content_filter"}
PAGE = "<html><body>Bad gateway</body></html>"
LOCAL = ("127.0.0.1", "localhost", "::1")
BODY_S = 60.0
"""For a request's body to come, and for an idle connection."""
MAX_REQUESTS = 256
"""At once; more are told to come again."""
BACKLOG = 128
"""With the usual 5, connections made at once wait a second."""


class Refused(Exception):
    """A request that is turned away: status and words."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status, self.words = status, words


class Manners(NamedTuple):
    """How a server behaves beside what it answers."""

    key: str = ""
    """What a client must send as its key; empty: any."""
    delay_s: float = 0.0
    faults: Faults | None = None
    body_s: float = BODY_S
    max_requests: int = MAX_REQUESTS


class ChatServer:
    """Serves `engine` until it is closed: as a context manager from a thread of its own, or by `serve_forever`."""

    def __init__(
        self, engine: OneByOneEngine, host: str = "127.0.0.1", port: int = 0, manners: Manners | None = None
    ) -> None:
        """Port 0: any that is free. Raises RunError where the port cannot be had, MissingExtra without aiohttp."""
        require("aiohttp", "openai", "a chat server")
        self.engine, self.manners = engine, manners or Manners()
        self.num_requests = 0
        """Chat completions asked for, faults included."""
        self._num_now = 0
        self._loop, self._closing = asyncio.new_event_loop(), asyncio.Event()
        self._thread = threading.Thread(target=self.serve_forever, daemon=True)
        try:
            self._socket = socket.create_server((host, port), backlog=BACKLOG)
        except (OSError, OverflowError) as error:
            self._loop.close()
            raise RunError(f"`{host}:{port}` cannot be served: {error}", "name another `--port`") from error
        self.host, self.port = self._socket.getsockname()[:2]

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}/v1"

    def serve_forever(self) -> None:
        """Until `close`, or Ctrl-C."""
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    def __enter__(self) -> ChatServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends what `__enter__` began: connections are cut, whatever is under way."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join()

    async def _serve(self) -> None:
        from aiohttp import web

        app = web.Application(client_max_size=MAX_BODY_BYTES + 1)
        app.router.add_get("/{page:.*}", self._get)
        app.router.add_post("/{page:.*}", self._post)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0, keepalive_timeout=BODY_S)
        await runner.setup()
        try:
            await web.SockSite(runner, self._socket, backlog=BACKLOG).start()
            await self._closing.wait()
        finally:
            await runner.cleanup()

    async def _get(self, request: Any) -> Any:
        try:
            self._check(request, "/v1/models")
            return respond(200, json.dumps(self.models()))
        except Refused as refused:
            return respond_refused(refused)

    async def _post(self, request: Any) -> Any:
        self.num_requests += 1
        if self._num_now >= self.manners.max_requests:
            return respond_refused(Refused(503, "too many requests at once"))
        self._num_now += 1
        try:
            return await self._answer(request)
        finally:
            self._num_now -= 1

    async def _answer(self, request: Any) -> Any:
        try:
            body = await self._read(request)
            fault = self.manners.faults.next() if self.manners.faults else ""
            if fault in ("429", "500"):
                raise Refused(int(fault), "injected fault")
            reply = await self.reply(body)
        except Refused as refused:
            return respond_refused(refused)
        await asyncio.sleep(self.manners.delay_s)
        return await self._misbehave(request, fault, as_completion(self.engine.name, reply))

    def models(self) -> dict[str, Any]:
        """The list of models. A subclass may raise Refused."""
        model = {"id": self.engine.name, "object": "model", "created": 0, "owned_by": "insightv-bench"}
        return {"object": "list", "data": [model]}

    async def reply(self, body: dict[str, Any]) -> Reply:
        """To the body of a chat completion. Raises Refused."""
        if body.get("model") != self.engine.name:
            words = f"the model `{body.get('model')!s:.80}` does not exist; this is `{self.engine.name}`"
            raise Refused(404, words)
        try:
            return await self.engine.reply(as_request(body))
        except (ValueError, EngineError) as error:
            raise Refused(400, str(error)) from None

    async def _read(self, request: Any) -> dict[str, Any]:
        """The request as JSON; read to its end before anything is said, so that the connection can be used again."""
        if request.content_length is None or request.content_length > MAX_BODY_BYTES:
            status = 411 if request.content_length is None else 413
            raise Refused(status, "the length of the body is missing or too large")
        try:
            content = await asyncio.wait_for(request.read(), self.manners.body_s)
        except TimeoutError:
            raise Refused(408, "the body did not come in time") from None
        except (OSError, asyncio.IncompleteReadError):  # whoever asked is gone: nobody reads what is said
            raise Refused(400, "the body was cut off") from None
        self._check(request, "/v1/chat/completions")
        try:
            body = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise Refused(400, f"the body is not JSON: {error}") from None
        if not isinstance(body, dict):
            raise Refused(400, "the body is not a JSON object")
        return body

    def _check(self, request: Any, page: str) -> None:
        origin = request.headers.get("Origin")
        if origin and urlsplit(origin).hostname not in LOCAL:
            raise Refused(403, "another site's page asks")
        name = urlsplit(f"//{request.headers.get('Host', '')}").hostname
        if self.host in LOCAL and name not in (None, *LOCAL):
            raise Refused(421, "this server answers to 127.0.0.1 and localhost")
        key, given = self.manners.key, request.headers.get("Authorization", "")
        if key and not secrets.compare_digest(given.encode("utf-8", "replace"), f"Bearer {key}".encode()):
            raise Refused(401, "wrong key")
        if request.path != page:
            raise Refused(404, f"no such page: {request.path}")

    async def _misbehave(self, request: Any, fault: str, completion: dict[str, Any]) -> Any:
        message = completion["choices"][0]["message"]
        if fault == "refusal":
            message.update(content=None, refusal="I cannot help with that.")
        if fault == "huge":
            message["content"] = "x" * HUGE
        if fault == "slow" and self.manners.faults:
            await asyncio.sleep(self.manners.faults.slow_s)
        content = json.dumps(completion)
        if fault == "reset":
            return await reset(request, content.encode())
        return respond(200, {"empty": "", "html": PAGE, "truncated": content[: len(content) // 2]}.get(fault, content))


def respond(status: int, content: str) -> Any:
    from aiohttp import web

    kind = "text/html" if content == PAGE else "application/json"
    return web.Response(body=content.encode(), status=status, content_type=kind)


def respond_refused(refused: Refused) -> Any:
    error = {"message": refused.words, "type": "invalid_request_error"}
    response = respond(refused.status, json.dumps({"error": error}))
    if refused.status in (408, 411, 413, 503):
        response.force_close()  # its body has not been read
    return response


async def reset(request: Any, content: bytes) -> Any:
    """The connection cut in the middle of the body."""
    from aiohttp import web

    response = web.StreamResponse()
    response.content_length = len(content)
    await response.prepare(request)
    await response.write(content[: len(content) // 2])
    if request.transport is not None:
        linger_no_time = b"\1\0\0\0\0\0\0\0"  # closing then sends a reset
        request.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_no_time)
        request.transport.abort()
    return response


def as_request(body: dict[str, Any]) -> Request:
    """The request behind the body of a chat completion. Raises ValueError."""
    if body.get("stream") or body.get("n", 1) != 1:
        raise ValueError("one whole choice a request is all there is: no `stream`, no `n`")
    names = {"max_tokens": "max_new_tokens", "max_completion_tokens": "max_new_tokens"}
    names |= {name: name for name in ("temperature", "top_p", "repetition_penalty")}
    given = {names[name]: body[name] for name in names if body.get(name) is not None}
    sample = body.get("seed") or 0
    if not isinstance(sample, int):
        raise ValueError("`seed` must be a whole number")
    try:
        return Request(from_openai(body.get("messages")), Sampling.model_validate(given), sample)
    except ValidationError as error:
        raise ValueError(error.errors()[0]["msg"]) from None


def as_completion(model: str, reply: Reply) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": reply.text}
    if reply.reasoning:
        message["reasoning_content"] = reply.reasoning
    prompt, written = reply.num_prompt_tokens, reply.num_tokens
    return {
        "id": f"chatcmpl-{secrets.token_hex(8)}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": FINISHED.get(reply.finish, "stop")}],
        "usage": {"prompt_tokens": prompt, "completion_tokens": written, "total_tokens": prompt + written},
    }
