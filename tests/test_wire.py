"""Replies that no memory would hold: bodies without an end, and small ones that unpack to large ones."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from insightv_bench.chat import Chat
from insightv_bench.engines import Caller, open_engine
from insightv_bench.engines.transport import MAX_BYTES
from insightv_bench.errors import EngineError
from insightv_bench.journal import Journal, Reply, Request
from insightv_bench.records import Message
from insightv_bench.settings import OpenAIEngine, Sampling

pytest.importorskip("aiohttp")
GOOD = json.dumps({"choices": [{"message": {"content": "yes"}, "finish_reason": "stop"}]}).encode()
BOMB = gzip.compress(bytes(4 * MAX_BYTES), 1)
PIECE = bytes(64 * 1024)


class Server(ThreadingHTTPServer):
    def __init__(self, script: list[str]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script = script
        self.num_sent = 0
        """Bytes of the body that had no end."""


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        kind = self.server.script.pop(0)
        self.send_response(400 if kind == "endless error" else 200)
        if "endless" in kind:
            self.end_headers()  # no length: the body lasts as long as the connection
            self._send_for_ever()
            return
        if kind == "bomb":
            self.send_header("Content-Encoding", "gzip")
        body = BOMB if kind == "bomb" else GOOD
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _send_for_ever(self) -> None:
        self.close_connection = True
        try:
            while self.server.num_sent < 16 * MAX_BYTES:
                self.wfile.write(PIECE)
                self.server.num_sent += len(PIECE)
        except OSError:
            return

    def log_message(self, *arguments: object) -> None:
        """Nothing."""


@contextmanager
def serving(*script: str) -> Iterator[Server]:
    server = Server(list(script))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def ask(server: Server, folder: Path, *texts: str) -> tuple[list[Reply], dict[str, int]]:
    """One reply after the other, and the failures that the journal counted."""
    url = f"http://127.0.0.1:{server.server_port}/v1"
    engine = open_engine(OpenAIEngine(model="m", base_url=url, concurrency=1, timeout_s=30, first_wait_s=0.001))
    journal = Journal(folder / "journal.sqlite")
    requests = [Request(Chat((Message(role="user", content=text),)), Sampling()) for text in texts]
    try:
        with Caller(engine, journal) as caller:
            replies = [reply for request in requests for reply in caller.ask_all([request])]
        rows = [row for row in journal.stats() if row]
    finally:
        journal.close()
    found = {key: number for row in rows for key, number in row.items() if "failures" in key}
    return replies, {key.removeprefix("failures: "): number for key, number in found.items()}


@pytest.mark.parametrize("kind", ["endless", "bomb"])
def test_a_body_that_is_too_large_is_a_failed_reply_among_others(kind: str, tmp_path: Path) -> None:
    with serving("good", kind, "good") as server:
        replies, failures = ask(server, tmp_path, "one", "two", "three")
    assert [reply.finish for reply in replies] == ["stop", "error", "stop"]
    assert failures == {"too large": 1}
    assert server.num_sent < 4 * MAX_BYTES  # what the two ends hold on the way is read by nobody


@pytest.mark.parametrize("kind", ["endless", "bomb"])
def test_a_place_that_answers_nothing_but_too_much_is_no_chat_server(kind: str, tmp_path: Path) -> None:
    with serving(kind) as server, pytest.raises(EngineError, match="not as a chat server.* larger than 16 MiB"):
        ask(server, tmp_path, "one")


def test_an_error_that_has_no_end_is_still_that_error(tmp_path: Path) -> None:
    with serving("good", "endless error", "good") as server:
        replies, failures = ask(server, tmp_path, "one", "two", "three")
    assert [reply.finish for reply in replies] == ["stop", "error", "stop"]
    assert failures == {"400": 1}
