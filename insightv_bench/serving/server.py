"""Any one-by-one engine as an OpenAI-compatible chat server, over the standard library's HTTP server.

    GET  /v1/models             the one model there is
    POST /v1/chat/completions   text and images as data URLs; one choice, no streaming

For tests and demonstrations on the machine itself: it knows no TLS and no users beyond one key.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from pydantic import ValidationError

from insightv_bench.chat import from_openai
from insightv_bench.engines import OneByOneEngine
from insightv_bench.errors import EngineError, RunError
from insightv_bench.journal import Reply, Request
from insightv_bench.settings import Sampling

from .faults import Faults

MAX_BODY_BYTES = 256 * 2**20
HUGE = 10_000_000  # characters
FINISHED = {"stop": "stop", "length": "length", "refusal": "content_filter"}
PAGE = "<html><body>Bad gateway</body></html>"


class Turned(Exception):
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


class ChatServer(ThreadingHTTPServer):
    """Serves `engine` until it is closed. Use as a context manager, or call `serve_forever`."""

    request_queue_size = 128  # with the usual 5, connections made at once wait a second
    daemon_threads = True

    def __init__(
        self, engine: OneByOneEngine, host: str = "127.0.0.1", port: int = 0, manners: Manners | None = None
    ) -> None:
        """Port 0: any that is free. Raises RunError where the port cannot be had."""
        self.engine, self.manners = engine, manners or Manners()
        self.num_requests = 0
        """Chat completions asked for, faults included."""
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)
        try:
            super().__init__((host, port), _Handler)
        except (OSError, OverflowError) as error:
            raise RunError(f"`{host}:{port}` cannot be served: {error}", "name another `--port`") from error

    @property
    def url(self) -> str:
        return f"http://{self.server_address[0]!s}:{self.server_port}/v1"

    def count(self) -> None:
        with self._lock:
            self.num_requests += 1

    def __enter__(self) -> ChatServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no matter for the terminal."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: ChatServer

    def do_GET(self) -> None:
        model = {"id": self.server.engine.name, "object": "model", "created": 0, "owned_by": "insightv-bench"}
        try:
            self._check_key()
            if self.path != "/v1/models":
                raise Turned(404, f"no such page: {self.path}")
            self._send(200, json.dumps({"object": "list", "data": [model]}))
        except Turned as turned:
            self._send_error(turned)

    def do_POST(self) -> None:
        self.server.count()
        try:
            body = self._read()
            fault = self.server.manners.faults.next() if self.server.manners.faults else ""
            if fault in ("429", "500"):
                raise Turned(int(fault), "injected fault")
            reply = self._reply(body)
            time.sleep(self.server.manners.delay_s)
            self._misbehave(fault, as_completion(self.server.engine.name, reply))
        except Turned as turned:
            self._send_error(turned)

    def _read(self) -> dict[str, Any]:
        """The request as JSON; read to its end before anything is said, so that the connection can be used again."""
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MAX_BODY_BYTES:
            self.close_connection = True
            raise Turned(413 if length.isdecimal() else 411, "the length of the body is missing or too large")
        content = self.rfile.read(int(length))
        self._check_key()
        if self.path != "/v1/chat/completions":
            raise Turned(404, f"no such page: {self.path}")
        try:
            body = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise Turned(400, f"the body is no JSON: {error}") from None
        if not isinstance(body, dict):
            raise Turned(400, "the body is no JSON object")
        return body

    def _check_key(self) -> None:
        key = self.server.manners.key
        said = self.headers.get("Authorization", "")
        if key and not secrets.compare_digest(said.encode(), f"Bearer {key}".encode()):
            raise Turned(401, "wrong key")

    def _reply(self, body: dict[str, Any]) -> Reply:
        engine = self.server.engine
        if body.get("model") != engine.name:
            raise Turned(404, f"the model `{body.get('model')!s:.80}` does not exist; this is `{engine.name}`")
        try:
            return asyncio.run(engine.reply(as_request(body)))
        except (ValueError, EngineError) as error:
            raise Turned(400, str(error)) from None

    def _misbehave(self, fault: str, completion: dict[str, Any]) -> None:
        message = completion["choices"][0]["message"]
        if fault == "refusal":
            message.update(content=None, refusal="I cannot help with that.")
        if fault == "huge":
            message["content"] = "x" * HUGE
        if fault == "slow" and self.server.manners.faults:
            time.sleep(self.server.manners.faults.slow_s)
        content = json.dumps(completion)
        sent = {"empty": "", "html": PAGE, "truncated": content[: len(content) // 2]}.get(fault, content)
        if fault == "reset":
            self._reset(content)
        else:
            self._send(200, sent)

    def _reset(self, content: str) -> None:
        self._send(200, content, num_sent=len(content) // 2)
        self.close_connection = True
        with suppress(OSError):
            linger_no_time = b"\1\0\0\0\0\0\0\0"  # closing then sends a reset
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_no_time)

    def _send_error(self, turned: Turned) -> None:
        self._send(turned.status, json.dumps({"error": {"message": turned.words, "type": "invalid_request_error"}}))

    def _send(self, status: int, content: str, num_sent: int | None = None) -> None:
        payload = content.encode()
        with suppress(ConnectionError):  # the client gave up
            self.send_response(status)
            self.send_header("Content-Type", "text/html" if content == PAGE else "application/json")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload[:num_sent])

    def log_message(self, *_: object) -> None:
        """Say nothing."""


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
