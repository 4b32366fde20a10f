"""Replies held to a JSON schema: asked for where a server has it, left out where not, and part of the key."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from insightv_bench.agents import ReasoningAgent
from insightv_bench.engines import Caller, open_engine
from insightv_bench.engines.teacher import Teacher
from insightv_bench.errors import EngineError
from insightv_bench.journal import Journal, Reply, Request, request_key
from insightv_bench.judge_replies import (
    Extracted,
    FirstWrong,
    Rating,
    read_answer_verdict,
    read_extraction,
    read_first_wrong,
    read_ratings,
)
from insightv_bench.protocol import SCHEMAS, parse_step, parse_summary, parse_verdicts, render_step, response_format
from insightv_bench.records import Path, Step
from insightv_bench.serving import ChatServer, Refused
from insightv_bench.settings import OpenAIEngine, PathsSettings, TeacherEngine
from insightv_bench.world import Level, sample_questions

pytest.importorskip("aiohttp")
QUESTIONS = list(sample_questions(Level(side=16), "train", seed=5, num=6))
Serve = Callable[[str], ChatServer]


class Held(ChatServer):
    """Keeps each body; `refuses`: the format it knows not, `all` or empty for none."""

    def __init__(self, refuses: str) -> None:
        scenes = {question.image_sha256[0]: question.scene for question in QUESTIONS}
        self.refuses, self.bodies = refuses, list[dict[str, Any]]()
        super().__init__(Teacher(TeacherEngine(), scenes))

    async def reply(self, body: dict[str, Any]) -> Reply:
        self.bodies.append(body)
        if self.refuses and "response_format" in body:
            raise Refused(400, "`response_format` is not supported")
        return await super().reply(body)

    @property
    def formats(self) -> list[str]:
        found = (body.get("response_format") for body in self.bodies)
        return [each["json_schema"]["name"] if each else "" for each in found]


@pytest.fixture
def serve() -> Iterator[Callable[[str], Held]]:
    servers: list[Held] = []

    def start(refuses: str = "") -> Held:
        servers.append(Held(refuses))
        servers[-1].__enter__()
        return servers[-1]

    yield start
    for server in servers:
        server.__exit__()


def write(server: Held, journal: Journal, mode: str = "stepwise", **changes: Any) -> list[Path]:
    engine = OpenAIEngine(model="teacher", base_url=server.url, concurrency=1, **changes)
    how = PathsSettings.model_validate({"mode": mode, "num_paths": 1})
    with Caller(open_engine(engine), journal) as caller:
        agent = ReasoningAgent(caller, how)
        return caller.run([agent.write(question, 0) for question in QUESTIONS])


def test_steps_and_answers_are_held_to_their_schema(serve: Callable[[str], Held], journal: Journal) -> None:
    server = serve("")
    paths = write(server, journal)
    wanted = [name for path in paths for name in [*["step"] * len(path.steps), "answer"]]
    assert Counter(server.formats) == Counter(wanted)
    given = server.bodies[0]["response_format"]
    assert given == response_format("step")
    assert given["json_schema"]["strict"] and not given["json_schema"]["schema"]["additionalProperties"]


def test_a_whole_path_has_no_schema(serve: Callable[[str], Held], journal: Journal) -> None:
    server = serve("")
    write(server, journal, mode="one-call")
    assert set(server.formats) == {""}


def test_without_schemas_on_the_servers_side_auto_goes_on_and_remembers(
    serve: Callable[[str], Held], journal: Journal
) -> None:
    server = serve("all")
    paths = write(server, journal)
    assert {path.status for path in paths} == {"complete"}
    assert server.formats == ["step"] + [""] * sum(path.num_calls for path in paths)
    assert not [key for row in journal.stats() for key in row if "failures" in key]
    again = len(server.bodies)
    assert write(server, journal) == paths
    assert len(server.bodies) == again


def test_always_insists_and_never_does_not_ask(serve: Callable[[str], Held], journal: Journal) -> None:
    server = serve("all")
    with pytest.raises(EngineError, match="`response_format` is not supported"):
        write(server, journal, structured="always")
    server.bodies.clear()
    assert {path.status for path in write(server, journal, structured="never")} == {"complete"}
    assert set(server.formats) == {""}


def test_a_request_that_is_turned_away_for_another_reason_is_told_with_that_reason(
    serve: Callable[[str], Held], journal: Journal
) -> None:
    server = serve("")
    with pytest.raises(EngineError, match="greater than or equal"):
        write(server, journal, extra_body={"max_tokens": 0})


def test_a_held_reply_and_a_free_one_are_two_calls(serve: Callable[[str], Held], journal: Journal) -> None:
    server = serve("")
    write(server, journal, structured="never")
    free = len(server.bodies)
    write(server, journal)
    assert len(server.bodies) == 2 * free


def test_a_schema_is_part_of_the_key_only_where_it_is_asked_for() -> None:
    free = Request(chat=_chat(), sampling=PathsSettings().sampling)
    keys = {request_key("m@1", free._replace(format=name)) for name in ("", *SCHEMAS)}
    assert len(keys) == 1 + len(SCHEMAS)


def _chat() -> Any:
    from insightv_bench.chat import ask

    return ask("step", QUESTIONS[0])


def test_engines_without_schemas_keep_their_old_keys(journal: Journal) -> None:
    """So that what they were paid for before is found."""
    scenes = {question.image_sha256[0]: question.scene for question in QUESTIONS}
    with Caller(Teacher(TeacherEngine(), scenes), journal) as caller:
        request = Request(_chat(), PathsSettings().sampling, 0, "step")
        caller.ask_all([request])
        assert request_key(caller.model, request._replace(format="")) in journal.get(
            [request_key(caller.model, request._replace(format=""))]
        )


RATINGS = [{"path": 1, "accuracy": 80, "detail": 60}, {"path": 2, "accuracy": 10, "detail": 90}]
JUDGES: dict[str, tuple[dict[str, Any], Callable[[str], Any], Any]] = {
    "judge_answer": ({"verdict": "right"}, read_answer_verdict, True),
    "judge_score": ({"ratings": RATINGS}, lambda text: read_ratings(text, 2), [Rating(80, 60), Rating(10, 90)]),
    "judge_steps": ({"first_wrong_step": None}, lambda text: read_first_wrong(text, 3), FirstWrong(None)),
    "extract": ({"answer": "B"}, read_extraction, Extracted("B")),
}


@pytest.mark.parametrize("name", SCHEMAS)
def test_what_fits_a_schema_is_read_by_the_protocol(name: str) -> None:
    if name in JUDGES:
        said, read, value = JUDGES[name]
        assert read(json.dumps(said)).value == value
        return
    texts: dict[str, Any] = {"summary": "look", "reasoning": "red is 3", "answer": "3", "check": "blue is 4"}
    texts["verdicts"] = ["right", "wrong"]
    properties = SCHEMAS[name]["properties"]
    said = {key: texts.get(key) or properties[key]["enum"][-1] for key in SCHEMAS[name]["required"]}
    text = json.dumps(said)
    if name == "step":
        assert parse_step(text).step == Step(**said)
        assert json.loads(render_step(Step(**said))) == said
    else:
        summary = parse_summary(text)
        assert summary.answer == "3"
        assert summary.verdict == said.get("verdict", "none")
        assert list(parse_verdicts(text, 2)) == said.get("verdicts", ["none", "none"])


def test_keys_of_the_servers_own_are_sent_and_can_be_left_out(serve: Callable[[str], Held], journal: Journal) -> None:
    server = serve("")
    write(server, journal, extra_body={"top_k": 20, "max_tokens": None, "max_completion_tokens": 64})
    for body in server.bodies:
        assert (body["top_k"], body["max_completion_tokens"]) == (20, 64)
        assert "max_tokens" not in body
    labels = [row["model"] for row in journal.stats()]
    assert labels[0] != f"teacher@{server.url}"  # other replies are to be expected
