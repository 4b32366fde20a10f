"""A chat server on a free port that keeps what it was sent, and the body of a reply."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, dict[str, Any] | list[Any] | str]
"""Status and body; a body that is no JSON value is sent as it is."""


class Listener(ThreadingHTTPServer):
    request_queue_size = 128  # with the usual 5, connections made at once wait a second


class ChatServer:
    """Speaks chat completions on a free port. `answer` gets each request's body; all of them are kept."""

    def __init__(self, answer: Callable[[dict[str, Any]], Answer]) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.keys: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.bodies.append(body)
                outer.keys.append(self.headers["Authorization"])
                status, content = answer(body) if self.path == "/v1/chat/completions" else (404, "no such page")
                self._send(status, content if isinstance(content, str) else json.dumps(content))

            def _send(self, status: int, content: str) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/json" if content[:1] in "{[" else "text/html")
                self.send_header("Retry-After-Ms", "5")
                self.end_headers()
                with suppress(BrokenPipeError):  # the client gave up, as a test may want it to
                    self.wfile.write(content.encode())

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = Listener(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def completion(content: object, finish: str = "stop", **message: object) -> dict[str, Any]:
    return {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": content, **message}}
        ],
        "usage": {"prompt_tokens": 11, "completion_tokens": 5, "total_tokens": 16},
    }


def seen(body: dict[str, Any], content: object) -> dict[str, Any]:
    """A completion by a server that sees: a prompt is longer with an image."""
    made = completion(content)
    made["usage"]["prompt_tokens"] += 9 * json.dumps(body["messages"]).count('"image_url"')
    return made
