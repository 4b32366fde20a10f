"""A server that errs on the wire in every way we know, and what becomes of a call, of a path and of a run."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path as Place
from typing import Any

import pytest
from faulty_server import Echo, ask, engine_of, served
from hypothesis import given, settings
from hypothesis import strategies as st

from insightv_bench.agents import ReasoningAgent
from insightv_bench.engines import Caller, open_engine
from insightv_bench.engines.openai.replies import MAX_CHARS, as_reply
from insightv_bench.engines.openai.retries import Trouble
from insightv_bench.engines.openai.server import MAX_TURNED_AWAY
from insightv_bench.engines.teacher import Teacher
from insightv_bench.errors import EngineError, EngineUnavailable, RecipeError
from insightv_bench.journal import Journal, Reply, Request
from insightv_bench.records import Path
from insightv_bench.serving import FAULTS, ChatServer, Faults
from insightv_bench.settings import OpenAIEngine, PathsSettings, TeacherEngine
from insightv_bench.world import Level, sample_questions

pytest.importorskip("aiohttp")
KINDS = {
    "429": "429",
    "500": "500",
    "reset": "connection",
    "slow": "timeout",
    "empty": "not chat",
    "html": "not chat",
    "truncated": "not chat",
}
"""How the journal counts each fault that may pass."""


def ask_all(server: ChatServer, journal: Journal, texts: Sequence[str], **changes: Any) -> list[Reply]:
    """One after the other, so that a script of faults meets them in this order."""
    with Caller(engine_of(server, concurrency=1, **changes), journal) as caller:
        return [reply for text in texts for reply in caller.ask_all([ask(text)])]


def failures(journal: Journal) -> dict[str, Any]:
    rows = [row for row in journal.stats() if row]
    return {key.removeprefix("failures: "): num for row in rows for key, num in row.items() if "failures" in key}


@pytest.mark.parametrize("fault", KINDS)
def test_a_fault_that_passes_costs_one_more_try_and_is_counted(journal: Journal, fault: str) -> None:
    patience = {"timeout_s": 1, "max_retries": 30} if fault == "slow" else {}  # a busy machine may need another try
    with served("", fault) as server:
        replies = ask_all(server, journal, ["one", "two"], **patience)
        assert [reply.text for reply in replies] == ["you said one", "you said two"]
        assert server.num_requests == 3 or patience
    assert failures(journal) == {KINDS[fault]: 1} or (patience and failures(journal).keys() == {"timeout"})


@pytest.mark.parametrize("fault", KINDS)
def test_a_fault_that_stays_with_everything_ends_the_run_and_the_next_goes_on(journal: Journal, fault: str) -> None:
    unavailable = KINDS[fault] != "not chat"
    with served("", *[fault] * 3) as server:  # the third: the short request by which a server is tried
        ask_all(server, journal, ["one"])
        with pytest.raises(EngineError, match="does not answer" if unavailable else "not as a chat server") as raised:
            ask_all(server, journal, ["two"], timeout_s=1 if fault == "slow" else 20)
        assert isinstance(raised.value, EngineUnavailable) == unavailable and raised.value.hint
        assert failures(journal) == {KINDS[fault]: 2, type(raised.value).__name__: 1}
    with served() as server:
        replies = ask_all(server, journal, ["one", "two"])
        assert [reply.text for reply in replies] == ["you said one", "you said two"]


@pytest.mark.parametrize("fault", [fault for fault in KINDS if fault != "429"])
def test_a_fault_that_stays_with_one_request_is_that_ones_loss(journal: Journal, fault: str) -> None:
    with served("", *[fault] * 2) as server:
        patience = {"timeout_s": 1 if fault == "slow" else 20}
        replies = ask_all(server, journal, ["one", "two", "three"], **patience)
        assert [reply.finish for reply in replies] == ["stop", "error", "stop"]
        assert replies[1].error
        assert ask_all(server, journal, ["two"], **patience)[0].text == "you said two"  # not kept, so asked again
    assert failures(journal) == {KINDS[fault]: 2}


@pytest.mark.parametrize("fault", ["html", "empty", "truncated"])
def test_a_place_that_never_answered_as_a_chat_server_is_named_at_once(journal: Journal, fault: str) -> None:
    with served(fault) as server:
        with pytest.raises(EngineError, match="answers, but not as a chat server"):
            ask_all(server, journal, ["one"])
        assert server.num_requests == 1


def test_a_refusal_is_a_reply_of_its_own_kind_and_is_kept(journal: Journal) -> None:
    with served("refusal") as server:
        first, again = ask_all(server, journal, ["one", "one"])
        assert (first.finish, first.text) == ("refusal", "I cannot help with that.")
        assert (again, server.num_requests) == (first, 1)


def test_a_reply_of_ten_million_characters_is_cut_and_said_to_be(journal: Journal) -> None:
    with served("huge") as server:
        (reply,) = ask_all(server, journal, ["one"])
    assert (len(reply.text), reply.finish) == (MAX_CHARS, "length")


def test_a_wrong_key_and_a_wrong_model_are_told_apart(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", "right")
    with served(key="right") as server:
        assert ask_all(server, journal, ["one"], api_key_env="A_KEY")[0].finish == "stop"
        monkeypatch.setenv("A_KEY", "sk-other")
        with pytest.raises(EngineError, match="401.*wrong key") as raised:
            ask_all(server, journal, ["two"], api_key_env="A_KEY")
        assert "`A_KEY`" in raised.value.hint
        monkeypatch.setenv("A_KEY", "right")
        with pytest.raises(EngineError, match="404.*`another` does not exist; this is `echo`") as raised:
            ask_all(server, journal, ["two"], api_key_env="A_KEY", model="another")
        assert "`model`" in raised.value.hint


def test_one_request_that_is_turned_away_among_others_is_that_ones_loss(journal: Journal) -> None:
    with served() as server:
        good, bad, after = ask_all(server, journal, ["one", "bad", "two"])
        assert [good.finish, bad.finish, after.finish] == ["stop", "error", "stop"]
        assert failures(journal) == {"400": 1}
        assert ask_all(server, journal, ["one", "bad"])[1].finish == "error"  # not kept, and no end of a later run
        assert server.num_requests == 4


class Strict(Echo):
    """Turns away a short request as well, once something bad was said."""

    def __init__(self) -> None:
        self._words = ["bad"]

    async def reply(self, request: Request) -> Reply:
        said = request.chat.messages[-1].content
        if "bad" in said:
            self._words.append("Hello")
        if any(word in said for word in self._words):
            raise ValueError("the prompt is too long")
        return await super().reply(request)


def test_many_requests_turned_away_in_a_row_are_an_error_where_nothing_else_is_answered(journal: Journal) -> None:
    with served(engine=Strict()) as server:
        with pytest.raises(EngineError, match="400.*the prompt is too long"):
            ask_all(
                server, journal, ["one", *[f"bad {number}" for number in range(MAX_TURNED_AWAY + 5)]], max_retries=0
            )
        assert server.num_requests == 1 + MAX_TURNED_AWAY + 2


QUESTIONS = list(sample_questions(Level(side=16), "train", seed=5, num=4))


def teacher() -> Teacher:
    scenes = {question.image_sha256[0]: question.scene for question in QUESTIONS}
    return Teacher(TeacherEngine(careful=0.7, read_error=0.2), scenes)


def write(server: ChatServer, journal: Journal, **changes: Any) -> list[Path]:
    how = PathsSettings(num_paths=2)
    with Caller(engine_of(server, **changes), journal) as caller:
        agent = ReasoningAgent(caller, how)
        return caller.run([agent.write(question, sample) for question in QUESTIONS for sample in range(2)])


def test_paths_from_a_server_that_stumbles_all_the_time_equal_those_from_a_steady_one(tmp_path: Place) -> None:
    rates = {"429": 0.1, "500": 0.1, "reset": 0.1, "empty": 0.05, "html": 0.05, "truncated": 0.1}
    written = []
    for name, chances in (("steady", {}), ("stumbling", rates)):
        journal = Journal(tmp_path / f"{name}.sqlite")
        with served("", rates=chances, engine=teacher()) as server:
            written.append(write(server, journal, max_retries=30, revision="1"))
            counted = failures(journal)
        journal.close()
    assert written[0] == written[1]
    assert set(counted) == {"429", "500", "connection", "not chat"}


def test_a_path_whose_model_refuses_is_malformed_after_one_call(journal: Journal) -> None:
    with served("refusal", engine=teacher()) as server:
        paths = write(server, journal, concurrency=1)
    assert [path.status for path in paths[:2]] == ["malformed", "complete"]
    assert (paths[0].num_calls, paths[0].text) == (1, "I cannot help with that.")


def test_a_huge_reply_is_not_sent_back_whole_when_its_repair_is_asked_for(journal: Journal) -> None:
    seen: list[int] = []

    class Watching(Teacher):
        async def reply(self, request: Request) -> Reply:
            seen.append(sum(len(message.content) for message in request.chat.messages))
            return await super().reply(request)

    scenes = {question.image_sha256[0]: question.scene for question in QUESTIONS}
    with served("huge", engine=Watching(TeacherEngine(), scenes)) as server:
        paths = write(server, journal, concurrency=1)
    assert {path.status for path in paths} == {"complete"}
    assert 20_000 < max(seen) < 25_000


def test_a_reply_that_comes_drop_by_drop_is_given_up_after_the_timeout(journal: Journal) -> None:
    """Each drop comes in time; the whole does not."""
    listener, ended = socket.create_server(("127.0.0.1", 0)), threading.Event()
    listener.settimeout(20)

    def drip() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n")
            while not ended.wait(0.02):
                try:
                    connection.sendall(b" ")
                except OSError:
                    return

    thread = threading.Thread(target=drip)
    thread.start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    engine = open_engine(OpenAIEngine(model="m", base_url=url, timeout_s=1.5, max_retries=0))
    with Caller(engine, journal) as caller, pytest.raises(EngineUnavailable, match=r"timed out after 1\.5 s"):
        caller.ask_all([ask("one")])
    ended.set()
    thread.join()
    listener.close()
    assert failures(journal)["timeout"] == 1


anything = st.none() | st.integers() | st.text(max_size=20) | st.lists(st.text(max_size=5), max_size=2)


@given(anything, anything, anything, anything, anything)
@settings(max_examples=100, deadline=None)
def test_no_completion_crashes_its_reading_and_every_reply_can_be_kept(
    content: Any, refusal: Any, finish: Any, tokens: Any, reasoning: Any
) -> None:
    message = {"content": content, "refusal": refusal, "reasoning_content": reasoning}
    usage = {"prompt_tokens": tokens, "completion_tokens": tokens}
    answer = {"choices": [{"message": message, "finish_reason": finish}], "usage": usage}
    try:
        reply = as_reply(answer, 0.1, OpenAIEngine(model="m", base_url="http://x"))
    except Trouble as trouble:
        assert trouble.words
        return
    assert Reply.model_validate_json(reply.model_dump_json()) == reply
    assert reply.num_tokens >= 0


@pytest.mark.parametrize("rates", [{"fire": 0.1}, {"429": -0.1}, {"429": 0.6, "500": 0.6}])
def test_faults_that_cannot_be_meant_are_an_error(rates: dict[str, float]) -> None:
    with pytest.raises(RecipeError):
        Faults(rates)


def test_faults_come_as_often_as_they_are_told_to() -> None:
    faults = Faults(dict.fromkeys(FAULTS, 0.1), seed=1)
    drawn = [faults.next() for _ in range(4000)]
    assert {name: drawn.count(name) / 4000 for name in FAULTS} == pytest.approx(dict.fromkeys(FAULTS, 0.1), abs=0.03)


def test_what_is_in_flight_when_a_server_goes_down_is_finished_and_kept(journal: Journal) -> None:
    """Seven calls wait in the server until the eighth has failed for good, as the journal then says."""

    class Waiting(Echo):
        async def reply(self, request: Request) -> Reply:
            if any(word in request.chat.messages[-1].content for word in ("fails", "Hello")):
                raise ValueError("never")
            while not has_failed():
                await asyncio.sleep(0.01)
            return await super().reply(request)

    def has_failed() -> bool:
        with closing(sqlite3.connect(journal.file, timeout=60)) as connection:
            return bool(connection.execute("SELECT 1 FROM failures WHERE kind = 'EngineError'").fetchone())

    with served(engine=Waiting()) as server:
        with Caller(engine_of(server, concurrency=8), journal) as caller, pytest.raises(EngineError, match="never"):
            caller.ask_all([ask(text) for text in ["1", "2", "3", "4", "5", "6", "7", "fails", "8", "9"]])
        assert server.num_requests == 8 + 1  # a short one, to tell whether it answers anything
    rows = sqlite3.connect(journal.file).execute("SELECT COUNT(*) FROM replies").fetchone()
    assert rows == (7,)
