"""The teacher behind HTTP: what a stranger's client sees, and the command that serves it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path as Place
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from insightv_bench.agents import ReasoningAgent
from insightv_bench.chat import Chat, ask, from_openai, to_openai
from insightv_bench.cli.serve_teacher import fault_rates, read_scenes, serve_teacher
from insightv_bench.engines import Caller, Engine, open_engine
from insightv_bench.engines.teacher import Teacher
from insightv_bench.errors import MissingExtra, RecipeError, RunError
from insightv_bench.journal import Journal
from insightv_bench.records import Image, Message, Path, Question
from insightv_bench.runs import run
from insightv_bench.serving import ChatServer, Manners, as_request
from insightv_bench.settings import OpenAIEngine, PathsSettings, TeacherEngine, load_recipe
from insightv_bench.storage import read_rows
from insightv_bench.world import Level, sample_questions

QUESTIONS = list(sample_questions(Level(side=16), "train", seed=5, num=8))
SCENES = {question.image_sha256[0]: question.scene for question in QUESTIONS}


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer(Teacher(TeacherEngine(read_error=0.2), SCENES)) as served:
        yield served


def call(url: str, body: object = None, key: str = "any") -> tuple[int, Any]:
    """Status and JSON, by a client that knows nothing of ours."""
    content = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, content, headers), timeout=20) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def question_body(**changes: Any) -> dict[str, Any]:
    return {"model": "teacher", "messages": to_openai(ask("direct", QUESTIONS[0])), "max_tokens": 20, **changes}


def test_the_one_model_is_listed(server: ChatServer) -> None:
    status, models = call(server.url + "/models")
    assert (status, [model["id"] for model in models["data"]]) == (200, ["teacher"])


def test_a_question_with_its_image_is_answered_and_its_tokens_are_counted(server: ChatServer) -> None:
    status, said = call(server.url + "/chat/completions", question_body())
    assert status == 200
    (choice,) = said["choices"]
    assert json.loads(choice["message"]["content"]) == {"answer": QUESTIONS[0].answer}
    assert choice["finish_reason"] == "stop" and said["model"] == "teacher"
    usage = said["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert min(usage.values()) > 0


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"{", 400, "not JSON"),
        (b"[" * 100_000, 400, "not JSON"),
        (b"[]", 400, "not a JSON object"),
        ({}, 404, "the model `None` does not exist; this is `teacher`"),
        (question_body(model="gpt"), 404, "the model `gpt` does not exist"),
        (question_body(messages=None), 400, "at least one message"),
        (question_body(messages=[]), 400, "at least one message"),
        (question_body(messages=["hello"]), 400, "needs a `role`"),
        (question_body(messages=[{"role": "user", "content": 3}]), 400, "text or a list of blocks"),
        (question_body(messages=[{"role": "user", "content": [{"type": "audio"}]}]), 400, "`text` or `image_url`"),
        (question_body(messages=[{"role": "user", "content": "hello"}]), 400, "prompts of this package"),
        (question_body(stream=True), 400, "one whole choice"),
        (question_body(n=2), 400, "one whole choice"),
        (question_body(seed="x"), 400, "whole number"),
        (question_body(max_tokens=0), 400, "greater than or equal to 1"),
    ],
)
def test_what_is_no_request_is_turned_away_with_its_reason(
    server: ChatServer, body: object, status: int, words: str
) -> None:
    found, said = call(server.url + "/chat/completions", body)
    assert found == status
    assert words in said["error"]["message"]
    assert call(server.url + "/chat/completions", question_body())[0] == 200  # and the next is served


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/a.png", "data:image/png;base64,***", "file:///etc/passwd", 3])
def test_an_image_from_elsewhere_is_never_fetched(server: ChatServer, url: object) -> None:
    content = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": "What?"}]
    status, said = call(
        server.url + "/chat/completions", question_body(messages=[{"role": "user", "content": content}])
    )
    assert status == 400 and said["error"]["message"]


def test_other_pages_are_not_there(server: ChatServer) -> None:
    assert call(server.url + "/completions", question_body())[0] == 404
    assert call(server.url + "/files")[0] == 404


def test_a_server_with_a_key_answers_those_who_have_it() -> None:
    with ChatServer(Teacher(TeacherEngine(), SCENES), manners=Manners(key="right")) as server:
        assert [call(server.url + "/models", key=key)[0] for key in ("right", "wrong", "")] == [200, 401, 401]
        for key, status in (("right", 200), ("wrong", 401)):
            assert call(server.url + "/chat/completions", question_body(), key)[0] == status


def test_a_chat_comes_through_its_own_layout_unchanged() -> None:
    messages = tuple(Message(role=role, content=f"say {role}") for role in ("system", "user", "assistant", "user"))
    chat = Chat(messages, (Image(bytes=b"\x89PNG one"), Image(bytes=b"GIF89a two")))
    assert from_openai(json.loads(json.dumps(to_openai(chat)))) == chat


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
keyed = st.dictionaries(
    st.sampled_from(["role", "content", "type", "text", "image_url", "url", "seed", "n", "messages", "max_tokens"]),
    json_values | st.sampled_from(["user", "text", "image_url", "data:image/png;base64,AAAA", "data:;base64,%%"]),
    max_size=5,
)


@given(keyed, st.lists(keyed | json_values, max_size=3))
@settings(max_examples=100, deadline=None)
def test_no_body_crashes_the_reading_of_a_request(body: dict[str, Any], messages: list[Any]) -> None:
    for each in (body, {**body, "messages": messages}):
        try:
            request = as_request(each)
        except ValueError:
            continue
        assert from_openai(to_openai(request.chat)) == request.chat or request.chat.images


roles: Any = st.sampled_from(["system", "user", "assistant"])
turns = st.builds(Message, role=roles, content=st.text(max_size=30))


@given(st.lists(turns, min_size=1, max_size=5), st.lists(st.binary(max_size=30), max_size=3))
@settings(max_examples=60, deadline=None)
def test_any_chat_comes_through_its_own_layout_unchanged(messages: list[Message], images: list[bytes]) -> None:
    shown = images if any(message.role == "user" for message in messages) else []
    chat = Chat(tuple(messages), tuple(Image(bytes=image) for image in shown))
    assert from_openai(json.loads(json.dumps(to_openai(chat)))) == chat


def write_paths(engine: Engine, journal: Journal, mode: str) -> list[Path]:
    how = PathsSettings.model_validate({"num_paths": 2, "mode": mode})
    with Caller(engine, journal) as caller:
        agent = ReasoningAgent(caller, how)
        return caller.run([agent.write(question, sample) for question in QUESTIONS for sample in range(2)])


@pytest.mark.parametrize("mode", ["stepwise", "one-call"])
def test_the_served_teacher_writes_the_paths_of_the_teacher_in_process(
    server: ChatServer, tmp_path: Place, mode: str
) -> None:
    pytest.importorskip("aiohttp")
    journal = Journal(tmp_path / "journal.sqlite")
    here = write_paths(server.engine, journal, mode)
    there = write_paths(open_engine(OpenAIEngine(model="teacher", base_url=server.url)), journal, mode)
    journal.close()
    own = {"id", "generator"}
    assert [path.model_dump(exclude=own) for path in there] == [path.model_dump(exclude=own) for path in here]
    assert {path.status for path in there} == {"complete"}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A run's folder with its questions."""
    out = tmp_path_factory.mktemp("runs")
    run(load_recipe("walk", ["questions.test.num=3", "questions.train.num=3"]), out, "questions-train")
    run(load_recipe("walk", ["questions.test.num=3", "questions.train.num=3"]), out, "questions-test")
    return out / "walk-seed0"


def test_scenes_are_found_in_a_runs_folder_and_in_a_stages(drawn: Place) -> None:
    stages = sorted((drawn / "stages").glob("questions-*"))
    questions = [question for stage in stages for question in read_rows(stage, Question)]
    assert read_scenes([drawn]) == {question.image_sha256[0]: question.scene for question in questions}
    assert len(read_scenes(stages[:1])) == 3
    assert read_scenes(stages) == read_scenes([drawn])


def test_a_folder_without_scenes_is_an_error_with_a_hint(tmp_path: Place) -> None:
    (tmp_path / "stages").mkdir()
    with pytest.raises(RunError, match="no questions of the drawn world") as raised:
        read_scenes([tmp_path])
    assert "build questions" in raised.value.hint
    with pytest.raises(RunError, match="no rows"):
        read_scenes([tmp_path / "nowhere"])


def test_a_rate_that_is_no_number_is_an_error() -> None:
    assert fault_rates(["429=0.1", "reset=0.5"]) == {"429": 0.1, "reset": 0.5}
    with pytest.raises(RecipeError, match="`429` does not say how often"):
        fault_rates(["429"])


def test_a_port_that_is_taken_is_an_error_with_a_hint(server: ChatServer) -> None:
    with pytest.raises(RunError, match="cannot be served") as raised:
        ChatServer(server.engine, port=server.port)
    assert "--port" in raised.value.hint


def test_without_aiohttp_the_extra_that_brings_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    with pytest.raises(MissingExtra, match="`aiohttp` is not installed; a chat server needs it") as raised:
        ChatServer(Teacher(TeacherEngine(), SCENES))
    assert "insightv-bench[openai]" in raised.value.hint


def test_the_command_serves_until_it_is_stopped(drawn: Place) -> None:
    command = [
        sys.executable,
        "-m",
        "insightv_bench",
        "serve-teacher",
        str(drawn),
        "--port",
        "0",
        "--read-error",
        "0.1",
    ]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    served = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    assert served.stdout is not None
    said = served.stdout.readline()
    assert said.startswith("model `teacher` at http://127.0.0.1:") and "6 images" in said
    assert call(said.split()[3].rstrip(",") + "/models")[0] == 200
    served.send_signal(signal.SIGINT)
    _, errors = served.communicate(timeout=30)
    assert served.returncode == 130
    assert "Traceback" not in errors


BEGUN = b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n{"


def told(server: ChatServer, request: bytes) -> bytes:
    """What a raw request is answered."""
    with socket.create_connection((server.host, server.port), timeout=30) as connection:
        connection.sendall(request)
        return connection.recv(4_096)


def test_other_names_and_other_sites_pages_are_turned_away(server: ChatServer) -> None:
    def ask(header: str) -> bytes:
        return told(server, f"GET /v1/models HTTP/1.1\r\n{header}\r\nConnection: close\r\n\r\n".encode())

    assert b"200 OK" in ask(f"Host: localhost:{server.port}")
    assert b" 421 " in ask("Host: rebound.example:8000")
    assert b" 403 " in ask(f"Host: 127.0.0.1:{server.port}\r\nOrigin: https://elsewhere.example")
    assert b"200 OK" in ask(f"Host: 127.0.0.1:{server.port}\r\nOrigin: http://localhost:3000")


def test_a_body_that_does_not_come_is_not_waited_for(capfd: pytest.CaptureFixture[str]) -> None:
    with ChatServer(Teacher(TeacherEngine(), SCENES), manners=Manners(body_s=0.2)) as server:
        assert b" 408 " in told(server, BEGUN)
    with ChatServer(Teacher(TeacherEngine(), SCENES)) as server:
        for _ in range(3):
            with socket.create_connection((server.host, server.port)) as connection:
                connection.sendall(BEGUN)
        assert call(server.url + "/chat/completions", question_body())[0] == 200  # the others are served
    assert "Traceback" not in capfd.readouterr().err


def test_more_requests_than_it_may_hold_are_told_to_come_again() -> None:
    with ChatServer(Teacher(TeacherEngine(), SCENES), manners=Manners(max_requests=1)) as server:
        with socket.create_connection((server.host, server.port)) as connection:
            connection.sendall(BEGUN)
            until(lambda: call(server.url + "/chat/completions", question_body())[0] == 503)
        until(lambda: call(server.url + "/chat/completions", question_body())[0] == 200)  # it is gone


def until(happens: Callable[[], bool]) -> None:
    ends = time.monotonic() + 60
    while not happens():
        assert time.monotonic() < ends
        time.sleep(0.05)


def test_other_machines_are_let_in_with_a_key_alone(drawn: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INSIGHTV_TEACHER_KEY", raising=False)
    with pytest.raises(RecipeError, match="no key is set") as raised:
        serve_teacher([drawn], host="0.0.0.0")
    assert "export INSIGHTV_TEACHER_KEY" in raised.value.hint
