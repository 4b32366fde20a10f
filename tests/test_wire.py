"""Replies that no memory would hold: bodies without an end, and small ones that unpack to large ones."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from insightv_bench.chat import Chat, from_openai
from insightv_bench.engines import Caller, open_engine
from insightv_bench.engines.openai.client import MAX_BYTES, MAX_REDIRECTS, is_same_server
from insightv_bench.engines.openai.payload import SLICE, Body, ImageUrls
from insightv_bench.errors import EngineError, EngineUnavailable
from insightv_bench.journal import Journal, Reply, Request
from insightv_bench.records import Image, Message
from insightv_bench.settings import OpenAIEngine, Sampling

pytest.importorskip("aiohttp")
GOOD = json.dumps({"choices": [{"message": {"content": "yes"}, "finish_reason": "stop"}]}).encode()
BOMB = gzip.compress(bytes(4 * MAX_BYTES), 1)
PIECE = bytes(64 * 1024)


class Server(ThreadingHTTPServer):
    def __init__(self, script: list[str]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script = script
        self.seen: list[tuple[dict[str, Any], str | None]] = []
        """Each request's body and key."""
        self.num_sent = 0
        """Bytes of the body that had no end."""


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((json.loads(body), self.headers["Authorization"]))
        kind = self.server.script.pop(0)
        if kind.startswith(("http", "/")):
            self.send_response(307)
            self.send_header("Location", f"{kind}/v1/chat/completions".replace("//v1", "/v1"))
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
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


def url_of(server: Server) -> str:
    return f"http://127.0.0.1:{server.server_port}"


def ask(server: Server, folder: Path, *texts: str, **changes: Any) -> tuple[list[Reply], dict[str, int]]:
    """One reply after the other, and the failures that the journal counted."""
    url = f"{url_of(server)}/v1"
    options = {"concurrency": 1, "timeout_s": 30, "first_wait_s": 0.001, **changes}
    engine = open_engine(OpenAIEngine(model="m", base_url=url, **options))
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


def test_images_follow_a_redirect_whole_and_the_key_does_not_leave_its_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_SERVERS_KEY", "sk-secret")
    images = tuple(Image(bytes=b"\x89PNG" + os.urandom(size)) for size in (10, SLICE, 3 * SLICE + 1))
    request = Request(Chat((Message(role="user", content="What is it?"),), images), Sampling())
    with serving("good") as behind, serving(url_of(behind)) as before:
        settings = OpenAIEngine(model="m", base_url=f"{url_of(before)}/v1", api_key_env="A_SERVERS_KEY")
        journal = Journal(tmp_path / "journal.sqlite")
        with Caller(open_engine(settings), journal) as caller:
            assert caller.ask_all([request])[0].text == "yes"
        journal.close()
    (first, key), (second, no_key) = before.seen[0], behind.seen[0]
    assert first == second
    assert from_openai(second["messages"]) == request.chat
    assert (key, no_key) == ("Bearer sk-secret", None)


def test_a_redirect_on_the_same_server_keeps_the_key_and_a_circle_of_them_is_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    with serving("/", "good") as server:
        assert ask(server, tmp_path, "one")[0][0].text == "yes"
    assert [key for _, key in server.seen] == ["Bearer sk-secret"] * 2
    with serving(*["/"] * (MAX_REDIRECTS + 1)) as server, pytest.raises(EngineUnavailable, match="redirects more than"):
        ask(server, tmp_path, "two", max_retries=0)


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ("http://a/v1", "http://a:80/v2", True),
        ("http://a/v1", "https://a/v1", True),
        ("https://a/v1", "http://a/v1", False),
        ("http://a:8000/v1", "https://a:8443/v1", False),
        ("http://a/v1", "http://b/v1", False),
        ("http://a/v1", "https://b/v1", False),
    ],
)
def test_the_key_follows_to_the_same_server_alone(before: str, after: str, same: bool) -> None:
    from yarl import URL

    assert is_same_server(URL(before), URL(after)) == same


def test_an_image_is_let_go_of_once_it_is_sent() -> None:
    """While the reply is waited for, its data URL is held by the cache alone, and there only as far as it has room."""

    async def send() -> None:
        urls, image = ImageUrls(max_bytes=1), Image(bytes=b"\x89PNG" + bytes(2 * SLICE))
        body = await Body.of({"messages": "here"}, {"here": image}, urls)
        first = [piece async for piece in body]
        assert len(b"".join(first)) == len(body) and max(map(len, first)) <= SLICE
        assert not body.held
        assert b"".join([piece async for piece in body]) == b"".join(first)

    asyncio.run(send())
