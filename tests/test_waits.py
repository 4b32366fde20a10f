"""How long a server asks to wait, how that is read, and how long the next try waits."""

from __future__ import annotations

import socket
import threading
import time
from email.utils import formatdate

import pytest
from faulty_server import ask
from hypothesis import given, settings
from hypothesis import strategies as st

from insightv_bench.engines import Caller, open_engine
from insightv_bench.engines.openai import Trouble
from insightv_bench.engines.openai.retries import Patience, asked_wait
from insightv_bench.errors import EngineUnavailable
from insightv_bench.journal import Journal
from insightv_bench.settings import OpenAIEngine

pytest.importorskip("aiohttp")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "600"}, 600),
        ({"retry-after": "-2"}, 0),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "inf"}, float("inf")),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after-ms": "?", "retry-after": "1"}, 1),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0),
        ({"retry-after": "Wed, 99 Oct 2015 07:28:00 GMT"}, None),
    ],
)
def test_a_wait_that_a_server_asks_for_is_read(headers: dict[str, str], seconds: float | None) -> None:
    assert asked_wait(headers) == seconds


@given(st.text(max_size=40) | st.from_regex(r"[A-Z][a-z]{2}, \d\d? [A-Z][a-z]{2} \d{1,6} \d\d:\d\d:\d\d GMT"))
@settings(max_examples=100, deadline=None)
def test_no_header_crashes_the_reading_of_a_wait(header: str) -> None:
    for headers in ({"retry-after": header}, {"retry-after-ms": header}):
        seconds = asked_wait(headers)
        assert seconds is None or seconds >= 0


def test_a_wait_until_a_date_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_000_000_000.0)
    date = formatdate(1_000_000_090, usegmt=True)
    assert asked_wait({"retry-after": date}) == 90
    assert asked_wait({"retry-after": date.replace("GMT", "-0000")}) == 90


def test_waits_are_never_shorter_than_asked_and_double_up_to_a_minute() -> None:
    patience, asked = Patience(8, 0.5, 600), Trouble("429", "", True, wait_s=300)
    waits = [patience.wait(asked, 0, False) for _ in range(50)]
    assert 300 <= min(waits) < max(waits) <= 375  # with jitter, so that they do not all come back at once
    plain = Trouble("500", "", True)
    for number, most in enumerate([0.5, 1, 2, 4, 8, 16, 32, 60, 60]):
        waits = [patience.wait(plain, number, False) for _ in range(50)]
        assert 0.75 * most <= min(waits) < max(waits) <= most


def serve_raw(responses: list[bytes], times: list[float]) -> tuple[socket.socket, threading.Thread]:
    """One connection a response, sent as it is."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(20)

    def serve() -> None:
        for response in responses:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                times.append(time.monotonic())
                connection.sendall(response)

    thread = threading.Thread(target=serve)
    thread.start()
    return listener, thread


BUSY = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: %b\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def test_the_next_try_waits_as_long_as_the_server_asks(journal: Journal) -> None:
    times: list[float] = []
    listener, thread = serve_raw([BUSY % b"0.4", BUSY % b"0"], times)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    engine = open_engine(OpenAIEngine(model="m", base_url=url, first_wait_s=0, max_retries=1))
    with Caller(engine, journal) as caller, pytest.raises(EngineUnavailable):
        caller.ask_all([ask("one")])
    thread.join()
    listener.close()
    assert times[1] - times[0] >= 0.4


def test_a_server_that_asks_for_too_long_a_wait_is_unavailable_at_once(journal: Journal) -> None:
    listener, thread = serve_raw([BUSY % b"7200"], [])
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    engine = open_engine(OpenAIEngine(model="m", base_url=url, max_wait_s=600))
    with Caller(engine, journal) as caller, pytest.raises(EngineUnavailable, match="asks to wait 7,200 s"):
        caller.ask_all([ask("one")])
    thread.join()
    listener.close()
