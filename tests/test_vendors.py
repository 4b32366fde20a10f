"""Any vendor's server: what it is sent, how its replies are read, and what a request costs that fails for itself."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from recording_server import Answer, ChatServer, completion
from vendors import VENDORS, vendor_answer

from insightv_bench.chat import Chat
from insightv_bench.engines import Caller, open_engine
from insightv_bench.errors import EngineError, EngineUnavailable
from insightv_bench.journal import Journal, Reply, Request
from insightv_bench.records import Message
from insightv_bench.settings import OpenAIEngine, PathsSettings, Sampling
from insightv_bench.stages.preflight import check_engine

pytest.importorskip("aiohttp")
SHORT = "Hello. Reply with one word."


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.sqlite")


def ask_server(
    answer: Callable[[dict[str, Any]], Answer], journal: Journal, *texts: str, format: str = "", **changes: Any
) -> tuple[list[Reply], list[dict[str, Any]]]:
    """The replies to these texts, asked one after the other, and the bodies that were sent."""
    given = {"model": "m", "first_wait_s": 0.001, "max_retries": 2, "concurrency": 1, "revision": "1", **changes}
    with closing(ChatServer(answer)) as server:
        engine = open_engine(OpenAIEngine.model_validate({**given, "base_url": server.url}))
        with Caller(engine, journal) as caller:
            chats = [Chat((Message(role="user", content=text),)) for text in texts]
            sampling = PathsSettings().sampling
            replies = [caller.ask_all([Request(chat, sampling, 3, format)])[0] for chat in chats]
        return replies, [body for body in server.bodies if SHORT not in str(body)]


@pytest.mark.parametrize("name", VENDORS)
def test_every_vendors_reply_is_read_and_what_it_is_sent_it_takes(name: str, journal: Journal) -> None:
    vendor = VENDORS[name]
    (first, second), bodies = ask_server(
        lambda body: vendor_answer(vendor, body), journal, "two and two?", "and again?", format="step"
    )
    assert (first.text, first.reasoning, first.finish) == ("Four.", vendor.thought, "stop")
    assert (first.num_prompt_tokens, first.num_tokens) == (11, 5)
    assert second.text == "Four." and vendor.refuses(bodies[-1]) is None
    for key, other in vendor.sent_otherwise.items():
        assert key not in bodies[-1] and bodies[-1][other] == {"max_tokens": 1024, "seed": 3}[key]
    assert len(bodies) <= 2 + 2  # each key is learnt once


@pytest.mark.parametrize("name", VENDORS)
@pytest.mark.parametrize("finish", ["length", "refusal"])
def test_every_vendors_word_for_the_end_of_a_reply_is_known(name: str, finish: str, journal: Journal) -> None:
    (reply,), _ = ask_server(lambda body: vendor_answer(VENDORS[name], body, finish), journal, "two and two?")
    assert reply.finish == finish


@pytest.mark.parametrize("name", VENDORS)
def test_every_vendor_passes_the_check_before_a_run(name: str, journal: Journal) -> None:
    with closing(ChatServer(lambda body: vendor_answer(VENDORS[name], body))) as server:
        check_engine(OpenAIEngine(model="m", base_url=server.url), journal, sampling=PathsSettings().sampling)


def test_a_server_without_schemas_says_so_once(journal: Journal, caplog: pytest.LogCaptureFixture) -> None:
    vendor = VENDORS["lm studio"]
    with caplog.at_level(logging.WARNING, "insightv_bench"):
        ask_server(lambda body: vendor_answer(vendor, body), journal, "one", "two", "three", format="step")
    assert [record.getMessage().partition(" at ")[0] for record in caplog.records] == ["`m`"]
    assert "held to no JSON schema" in caplog.text


LOST: dict[str, Answer] = {
    "too long": (400, {"error": {"message": "maximum context length is 4096 tokens"}}),
    "permanent 500": (500, {"error": {"message": "image input is not supported"}}),
    "error body": (200, {"error": {"message": "upstream is out of tokens", "code": "server_error"}}),
    "error in the choice": (
        200,
        {
            "choices": [
                {"finish_reason": "error", "message": {"content": "half a te"}, "error": {"message": "upstream"}}
            ]
        },
    ),
    "no choice": (200, {"choices": []}),
    "tool call": (
        200,
        {"choices": [{"finish_reason": "tool_calls", "message": {"content": None, "tool_calls": [{"id": "1"}]}}]},
    ),
}
WORDS = {
    "too long": "maximum context length",
    "permanent 500": "image input is not supported",
    "error body": "upstream is out of tokens",
    "error in the choice": "ended its reply with an error: upstream",
    "no choice": "holds no choice",
    "tool call": "called a tool and wrote no text",
}


@pytest.mark.parametrize("place", [0, 1, 2], ids=["first", "in the middle", "last"])
@pytest.mark.parametrize("kind", LOST)
def test_a_request_that_fails_for_its_own_sake_is_that_rows_loss_with_the_servers_words(
    kind: str, place: int, journal: Journal
) -> None:
    texts = ["one", "two"]
    texts.insert(place, "odd")

    def answer(body: dict[str, Any]) -> Answer:
        return LOST[kind] if "odd" in str(body["messages"]) else (200, completion("fine"))

    started = time.monotonic()
    replies, _ = ask_server(answer, journal, *texts)
    assert [reply.finish for reply in replies] == ["error" if text == "odd" else "stop" for text in texts]
    assert WORDS[kind] in replies[place].error and not replies[place].text
    assert time.monotonic() - started < 20
    again, _ = ask_server(answer, journal, *texts)  # a later run loses the same row, and ends as well
    assert [reply.finish for reply in again] == [reply.finish for reply in replies]


@pytest.mark.parametrize("kind", [kind for kind in LOST if kind != "tool call"])
def test_a_server_that_answers_nothing_is_an_error_with_its_words(kind: str, journal: Journal) -> None:
    with pytest.raises(EngineError, match=WORDS[kind]):
        ask_server(lambda body: LOST[kind], journal, "one")


@pytest.mark.parametrize("status", [429, 503, 529])
def test_a_server_with_too_much_to_do_is_left_and_nothing_is_lost(status: int, journal: Journal) -> None:
    def answer(body: dict[str, Any]) -> Answer:
        return (status, "busy") if "two" in str(body["messages"]) else (200, completion("fine"))

    with pytest.raises(EngineUnavailable, match=str(status)):
        ask_server(answer, journal, "one", "two", "three")
    assert ask_server(lambda body: (200, completion("at last")), journal, "one")[0][0].text == "fine"


def test_a_permanent_error_is_told_in_seconds_where_nothing_but_a_short_request_is_answered(journal: Journal) -> None:
    def answer(body: dict[str, Any]) -> Answer:
        return (200, completion("fine")) if SHORT in str(body) else LOST["permanent 500"]

    started = time.monotonic()
    with pytest.raises(EngineError, match="answers a short request, but none of the first 17.*not supported"):
        ask_server(answer, journal, *map(str, range(40)), max_retries=8)
    assert time.monotonic() - started < 30


@pytest.mark.parametrize(("code", "error"), [(401, EngineError), (429, EngineUnavailable)])
def test_an_error_in_a_reply_of_200_counts_as_the_status_that_it_names(
    code: int, error: type[EngineError], journal: Journal
) -> None:
    with pytest.raises(error, match=f"{code}, in a reply of 200 - no such luck"):
        ask_server(lambda body: (200, {"error": {"message": "no such luck", "code": code}}), journal, "one")


def test_a_prompt_that_azure_filters_is_a_refusal_and_is_kept(journal: Journal) -> None:
    error = {"code": "content_filter", "message": "The response was filtered due to the content management policy."}
    (reply,), _ = ask_server(lambda body: (400, {"error": error}), journal, "one")
    assert (reply.finish, reply.text) == ("refusal", "")
    assert ask_server(lambda body: (500, ""), journal, "one")[0] == [reply]


def test_a_gateway_that_hides_the_cause_is_told_of_with_the_keys_that_not_all_servers_know(journal: Journal) -> None:
    with closing(ChatServer(lambda body: (422, {"error": {"message": "litellm.BadRequestError"}}))) as server:
        engine = OpenAIEngine(model="m", base_url=server.url, extra_body={"top_k": 3})
        with pytest.raises(EngineError) as raised:
            check_engine(engine, journal, sampling=Sampling(repetition_penalty=1.1))
    assert "`repetition_penalty` (sent by" in raised.value.hint and "`top_k` (sent by" in raised.value.hint


def test_a_server_that_ignores_the_token_cap_is_told_of_once(
    journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    def answer(body: dict[str, Any]) -> Answer:
        long = completion("on and on")
        long["usage"]["completion_tokens"] = body["max_tokens"] + 500
        return 200, long

    with caplog.at_level(logging.WARNING, "insightv_bench"):
        ask_server(answer, journal, "one", "two")
    assert len(caplog.records) == 1 and "ignores `max_tokens`: a reply of 1524 tokens, of 1024" in caplog.text


def test_what_a_server_says_that_it_is_stands_in_its_replies(journal: Journal) -> None:
    def answer(body: dict[str, Any]) -> Answer:
        return 200, completion("Four.") | {"system_fingerprint": "fp_7", "model": "m-2026-11-01"}

    (reply,), _ = ask_server(answer, journal, "two and two?")
    assert reply.served == "m-2026-11-01 fp_7"
