"""A model behind a real loopback server: what is sent, what is read, and what each failure says."""

from __future__ import annotations

import asyncio
import base64
import logging
import os
import socket
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from recording_server import Answer, ChatServer, completion

from insightv_bench.agents import ReasoningAgent
from insightv_bench.chat import Chat, ask, assistant
from insightv_bench.engines import Caller, Engine, label, open_engine
from insightv_bench.engines.teacher import Teacher
from insightv_bench.errors import EngineError, EngineUnavailable
from insightv_bench.journal import Journal, Reply, Request
from insightv_bench.records import Image, Message, Path, Question
from insightv_bench.settings import OpenAIEngine, PathsSettings, Sampling, TeacherEngine
from insightv_bench.world import Level, sample_questions

pytest.importorskip("aiohttp")
QUESTIONS = list(sample_questions(Level(), "train", seed=5, num=8))
SHORT = "Hello. Reply with one word."
SECRET = "sk-a-key-that-nobody-may-see"


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[dict[str, Any]], Answer]], ChatServer]]:
    servers: list[ChatServer] = []

    def start(answer: Callable[[dict[str, Any]], Answer]) -> ChatServer:
        servers.append(ChatServer(answer))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


Serve = Callable[[Callable[[dict[str, Any]], Answer]], ChatServer]


def settings(url: str, **changes: Any) -> OpenAIEngine:
    return OpenAIEngine(
        **{"model": "m", "base_url": url, "max_retries": 3, "first_wait_s": 0.001, "timeout_s": 20, **changes}
    )


def ask_server(url: str, journal: Journal, request: Request, **changes: Any) -> Reply:
    with Caller(open_engine(settings(url, **changes)), journal) as caller:
        return caller.ask_all([request])[0]


async def ask_once(server: OpenAIEngine) -> Reply:
    """With no caller and no journal before it."""
    engine: Any = open_engine(server)
    try:
        return await engine.reply(plain())
    finally:
        await engine.close()


def plain(text: str = "What is it?") -> Request:
    return Request(Chat((Message(role="user", content=text),)), Sampling())


def test_the_original_bytes_of_each_image_are_sent_before_the_first_text(serve: Serve, journal: Journal) -> None:
    server = serve(lambda body: (200, completion("a bar")))
    contents = [b"\x89PNG\r\n\x1a\nno real image", b"\xff\xd8\xffnor this", b"RIFF1234WEBPnor this", b"GIF89a"]
    messages = (
        Message(role="system", content="Be short."),
        Message(role="user", content="What?"),
        assistant("A bar."),
        Message(role="user", content="Which?"),
    )
    chat = Chat(messages, tuple(Image(bytes=content) for content in contents))
    ask_server(server.url, journal, Request(chat, Sampling()))
    (body,) = server.bodies
    assert [message["role"] for message in body["messages"]] == ["system", "user", "assistant", "user"]
    *images, text = body["messages"][1]["content"]
    assert text == {"type": "text", "text": "What?"}
    urls = [image["image_url"]["url"] for image in images]
    assert [base64.b64decode(url.partition(";base64,")[2], validate=True) for url in urls] == contents
    assert [url.partition(";")[0] for url in urls] == [f"data:image/{kind}" for kind in ("png", "jpeg", "webp", "gif")]
    texts = [message["content"] for message in body["messages"] if message["role"] != "system"][1:]
    assert texts == [[{"type": "text", "text": "A bar."}], [{"type": "text", "text": "Which?"}]]


def test_sampling_and_sample_are_sent_as_they_are(serve: Serve, journal: Journal) -> None:
    server = serve(lambda body: (200, completion("x")))
    sampling = Sampling(max_new_tokens=77, temperature=0.7, top_p=0.9, repetition_penalty=1.05)
    ask_server(server.url, journal, Request(plain().chat, sampling, sample=3), model="org/model")
    ask_server(server.url, journal, plain())
    told = {name: server.bodies[0][name] for name in ("model", "max_tokens", "temperature", "top_p", "seed")}
    assert told == {"model": "org/model", "max_tokens": 77, "temperature": 0.7, "top_p": 0.9, "seed": 3}
    assert server.bodies[0]["repetition_penalty"] == 1.05
    assert "repetition_penalty" not in server.bodies[1]  # no key of the standard: sent where it is asked for


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_reasoning_is_kept_apart_from_the_reply(serve: Serve, journal: Journal, name: str) -> None:
    server = serve(lambda body: (200, completion("It is 3.", **{name: "The bar is red."})))
    reply = ask_server(server.url, journal, plain())
    assert (reply.text, reply.reasoning, reply.finish) == ("It is 3.", "The bar is red.", "stop")
    assert (reply.num_prompt_tokens, reply.num_tokens) == (11, 5)
    assert reply.seconds > 0


def test_a_reply_that_the_token_limit_cut_says_so(serve: Serve, journal: Journal) -> None:
    server = serve(lambda body: (200, completion("It is", finish="length")))
    assert ask_server(server.url, journal, plain()).finish == "length"


def test_a_reply_is_paid_once(serve: Serve, journal: Journal) -> None:
    server = serve(lambda body: (200, completion("x")))
    first = ask_server(server.url, journal, plain())
    assert ask_server(server.url, journal, plain()) == first
    assert len(server.bodies) == 1


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_that_is_busy_or_stumbles_is_asked_again(serve: Serve, journal: Journal, status: int) -> None:
    troubles = [(status, "slow down"), (status, "once more")]
    server = serve(lambda body: troubles.pop() if troubles else (200, completion("at last")))
    assert ask_server(server.url, journal, plain()).text == "at last"
    assert len(server.bodies) == 3


def said_to(server: ChatServer) -> list[dict[str, Any]]:
    """What it was asked, without the short request by which it is told whether it answers anything."""
    return [body for body in server.bodies if body["messages"][-1]["content"][-1]["text"] != SHORT]


@pytest.mark.parametrize("status", [429, 500])
def test_a_server_that_never_recovers_is_unavailable_for_now(serve: Serve, journal: Journal, status: int) -> None:
    server = serve(lambda body: (status, "slow down"))
    with pytest.raises(EngineUnavailable, match=f"`m` at {server.url} does not answer: .*{status}") as raised:
        ask_server(server.url, journal, plain(), max_retries=1)
    assert "the same command goes on" in raised.value.hint
    assert len(said_to(server)) == 2


def test_a_server_that_is_not_there_is_unavailable_with_a_hint(journal: Journal) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    with pytest.raises(EngineUnavailable, match=r"does not answer: Connection error\. .*connect") as raised:
        ask_server(url, journal, plain(), max_retries=0)
    assert "the same command goes on" in raised.value.hint
    assert journal.stats()[0]["failures: EngineUnavailable"] == 1


def test_a_server_that_is_too_slow_is_unavailable(serve: Serve, journal: Journal) -> None:
    ended = threading.Event()

    def wait(body: dict[str, Any]) -> Answer:
        ended.wait(20)
        return 500, "too late"

    server = serve(wait)
    with pytest.raises(EngineUnavailable, match="timed out"):
        ask_server(server.url, journal, plain(), timeout_s=0.2, max_retries=0)
    ended.set()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
def test_a_refusal_is_an_error_that_no_retry_mends(serve: Serve, journal: Journal, status: int) -> None:
    server = serve(lambda body: (status, {"error": {"message": f"the model `{body['model']}` does not exist"}}))
    with pytest.raises(EngineError, match=f"`m` at .*{status}.*the model `m` does not exist") as raised:
        ask_server(server.url, journal, plain())
    assert type(raised.value) is EngineError
    assert raised.value.hint
    assert len(said_to(server)) == 1


def test_the_key_is_sent_and_stands_in_no_error_no_file_and_no_log(
    serve: Serve, journal: Journal, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("A_SERVERS_KEY", SECRET)
    caplog.set_level(logging.DEBUG)
    server = serve(lambda body: (401, {"error": {"message": f"wrong key: {SECRET}"}}))
    with pytest.raises(EngineError, match="wrong key") as raised:
        ask_server(server.url, journal, plain(), api_key_env="A_SERVERS_KEY")
    assert "A_SERVERS_KEY" in raised.value.hint
    with pytest.raises(EngineError, match="wrong key") as direct:
        asyncio.run(ask_once(settings(server.url, api_key_env="A_SERVERS_KEY")))
    for error in (raised.value, direct.value):
        assert SECRET not in "".join(traceback.format_exception(error))
    assert server.keys == [f"Bearer {SECRET}"] * 2
    kept = serve(lambda body: (200, completion("fine")))
    ask_server(kept.url, journal, plain(), api_key_env="A_SERVERS_KEY")
    for file in journal.file.parent.iterdir():
        assert SECRET.encode() not in file.read_bytes()
    assert any(record.levelno == logging.DEBUG for record in caplog.records)  # else this tells nothing
    assert SECRET not in caplog.text


def test_a_server_that_wants_no_key_needs_none(serve: Serve, journal: Journal) -> None:
    assert "NO_SUCH_KEY" not in os.environ
    server = serve(lambda body: (200, completion("fine")))
    assert ask_server(server.url, journal, plain(), api_key_env="NO_SUCH_KEY").text == "fine"


@pytest.mark.parametrize(
    "body",
    [{"choices": []}, {"choices": None}, {}, {"choices": [{"finish_reason": "stop", "message": None}]}],
    ids=["empty", "null", "missing", "no message"],
)
def test_a_reply_with_no_choice_is_data_and_counted(serve: Serve, journal: Journal, body: dict[str, Any]) -> None:
    server = serve(lambda asked: (200, completion("Yes.") if SHORT in str(asked) else body))
    reply = ask_server(server.url, journal, plain())
    assert (reply.text, reply.finish, reply.error) == ("", "error", "its reply holds no choice")
    assert journal.stats()[0]["failures: no reply"] == 1 + 3


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (completion(None), ""),
        (completion([{"type": "text", "text": "par"}, {"type": "text", "text": "ts"}]), "parts"),
        (completion("half \ud83d of a pair"), "half ? of a pair"),
        ({**completion("no usage"), "usage": None}, "no usage"),
        ({**completion("empty usage"), "usage": {"prompt_tokens": None, "completion_tokens": None}}, "empty usage"),
    ],
    ids=["null", "parts", "surrogate", "no usage", "empty usage"],
)
def test_an_odd_reply_is_read_as_far_as_it_goes_and_kept(
    serve: Serve, journal: Journal, body: dict[str, Any], text: str
) -> None:
    server = serve(lambda _: (200, body))
    reply = ask_server(server.url, journal, plain())
    assert reply.text == text
    assert ask_server(server.url, journal, plain()) == reply


@pytest.mark.parametrize(
    "body", ["<html>a page</html>", '{"choices": [', "", [1, 2]], ids=["html", "cut", "none", "list"]
)
def test_what_is_no_chat_server_is_an_error_that_says_so(serve: Serve, journal: Journal, body: str | list[Any]) -> None:
    server = serve(lambda _: (200, body))
    with pytest.raises(EngineError, match="answers, but not as a chat server") as raised:
        ask_server(server.url, journal, plain())
    assert "/v1" in raised.value.hint


def test_calls_run_at_once_up_to_the_concurrency(serve: Serve, journal: Journal) -> None:
    """Each of the first four calls waits for the three others; a fifth at once would break the barrier's count."""
    barrier, lock, now, most = threading.Barrier(4), threading.Lock(), [0], [0]

    def together(body: dict[str, Any]) -> Answer:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        barrier.wait(20)
        with lock:
            now[0] -= 1
        return 200, completion("x")

    server = serve(together)
    with Caller(open_engine(settings(server.url, concurrency=4)), journal) as caller:
        assert len(caller.ask_all([plain(str(number)) for number in range(8)])) == 8
    assert most[0] == 4


def as_request(body: dict[str, Any]) -> Request:
    """The request that this body was made from, as far as the teacher looks at it."""
    blocks = [block for message in body["messages"] for block in message["content"]]
    urls = [block["image_url"]["url"] for block in blocks if block["type"] == "image_url"]
    images = tuple(Image(bytes=base64.b64decode(url.partition(",")[2])) for url in urls)
    messages = tuple(Message(role=each["role"], content=each["content"][-1]["text"]) for each in body["messages"])
    return Request(Chat(messages, images), Sampling(temperature=body["temperature"]), body["seed"])


def write_paths(engine: Engine, journal: Journal, how: PathsSettings, questions: Sequence[Question]) -> list[Path]:
    with Caller(engine, journal) as caller:
        agent = ReasoningAgent(caller, how)
        return caller.run([agent.write(question, sample) for question in questions for sample in range(how.num_paths)])


@pytest.mark.parametrize("mode", ["stepwise", "one-call"])
def test_paths_written_over_http_equal_those_of_the_teacher_in_process(
    serve: Serve, journal: Journal, mode: str
) -> None:
    scenes = {question.image_sha256[0]: question.scene for question in QUESTIONS}
    teacher = Teacher(TeacherEngine(careful=0.7, partial=0.2, read_error=0.2), scenes)
    server = serve(lambda body: (200, completion(asyncio.run(teacher.reply(as_request(body))).text)))
    how = PathsSettings(num_paths=2, mode=mode)  # type: ignore[arg-type]
    here = write_paths(teacher, journal, how, QUESTIONS)
    there = write_paths(open_engine(settings(server.url)), journal, how, QUESTIONS)
    own = {"id", "generator", "num_tokens"}
    assert [path.model_dump(exclude=own) for path in there] == [path.model_dump(exclude=own) for path in here]
    assert {path.generator for path in there} == {label(open_engine(settings(server.url)))}
    assert {path.status for path in there} == {"complete"}
    assert len({path.id for path in (*here, *there)}) == 2 * len(here)


def test_the_first_message_of_a_path_is_what_the_prompt_says(serve: Serve, journal: Journal) -> None:
    server = serve(lambda body: (200, completion("nothing that can be read")))
    how = PathsSettings(num_paths=1, mode="one-call")
    (path,) = write_paths(open_engine(settings(server.url)), journal, how, QUESTIONS[:1])
    assert as_request(server.bodies[0]).chat == ask("reason", QUESTIONS[0])
    assert path.status == "malformed"


@pytest.mark.parametrize("mode", ["one-call", "stepwise"])
def test_the_words_of_a_failed_request_stand_on_the_path_that_it_cost(
    serve: Serve, journal: Journal, mode: str
) -> None:
    """Also where the server says it with a 200."""
    failed = {"error": {"message": "the image is too large", "code": 422}}
    server = serve(lambda body: (200, completion("Yes.") if SHORT in str(body) else failed))
    how = PathsSettings(num_paths=1, mode=mode)  # type: ignore[arg-type]
    (path,) = write_paths(open_engine(settings(server.url)), journal, how, QUESTIONS[:1])
    assert path.status != "complete" and path.error.endswith("the image is too large")
