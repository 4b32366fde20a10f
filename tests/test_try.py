"""`try`: one question to a model, and all that passes is shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from recording_server import ChatServer, completion
from typer.testing import CliRunner

from insightv_bench.cli.main import app
from insightv_bench.errors import InsightvError

PATH = '{"summary": "read", "reasoning": "Monday is 3", "action": "summary"}\n{"answer": "3"}'


def answer(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    content = body["messages"][-1]["content"]
    is_path = isinstance(content, list) and "Here is a path" in content[-1]["text"]
    return said('{"check": "x", "verdict": "wrong", "answer": "7"}' if is_path else PATH, body)


def said(reply: str, body: dict[str, Any], finish: str = "stop") -> tuple[int, dict[str, Any]]:
    """An image takes tokens, as it does at a server that sees."""
    made = completion(reply, finish)
    made["usage"]["prompt_tokens"] += 9 * json.dumps(body["messages"]).count('"image_url"')
    return 200, made


def questions_of(server: ChatServer) -> list[dict[str, Any]]:
    """What was asked, without what only finds out whether the server sees."""
    return [body for body in server.bodies if body["max_tokens"] > 64]


@pytest.fixture
def server() -> Iterator[ChatServer]:
    made = ChatServer(answer)
    yield made
    made.close()


def tried(*words: str) -> str:
    result = CliRunner().invoke(app, ["try", *words])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


def test_both_seats_are_asked_and_all_that_passes_is_shown(server: ChatServer) -> None:
    shown = tried(f"openai:{server.url}#m", "--task", "insightv_small")
    assert '"model": "m"' in shown and "[image " in shown  # the request as it is sent, its image by name
    assert "path as read: json, complete, 1 steps" in shown and "read: Monday is 3" in shown
    assert "reasoning agent: answer as read: `3` (sure, protocol)" in shown
    assert "summary agent: answer as read: `7` (sure, protocol)" in shown and "verdict on the path: wrong" in shown
    assert "gold answer" in shown and "29 tokens" in shown and "ended by itself" in shown
    assert len(questions_of(server)) == 2


def test_a_model_of_a_known_family_is_asked_in_its_manner(server: ChatServer) -> None:
    shown = tried(f"openai:{server.url}#MiMo-VL-7B-RL", "--model_args", "enable_thinking=false", "--n", "2")
    assert "asked in the manner of `mimo-vl`; paths as `native`" in shown and "question 2 of 2" in shown
    first = questions_of(server)[0]
    assert first["temperature"] == 0.3 and first["messages"][0]["content"][-1]["text"].endswith(" /no_think")


def test_a_cut_off_reply_is_told(server: ChatServer) -> None:
    cut = ChatServer(lambda body: said("1. I look at", body, "length"))
    try:
        shown = tried(f"openai:{cut.url}#m", "--ask", "prose")
    finally:
        cut.close()
    assert "CUT OFF at the token cap" in shown and "answer as read: none (cut off" in shown


def test_a_local_model_shows_its_prompt_with_its_special_tokens(tiny: Path) -> None:
    shown = tried(str(tiny), "--gen_kwargs", "max_gen_toks=4", "--task", "insightv_tiny")
    assert "<|user|>" in shown and "<image>" in shown and "<|assistant|>" in shown
    assert "images: " in shown and "images: not told" not in shown


@pytest.mark.parametrize(
    ("words", "fact"),
    [
        (["nowhere/at/all"], "neither a folder nor a Hub id"),
        (["openai:http://127.0.0.1:9/v1#m"], "does not answer"),
        (["openai:127.0.0.1#m"], "names no model at a server"),
        (["ORG/NAME", "--profile", "non"], "there is no profile `non`"),
        pytest.param(["ORG/NAME", "--task", "insightv_ful"], "there is no task", marks=pytest.mark.slow),
        (["ORG/NAME", "--model_args", "sytem=x"], "`sytem`"),
    ],
)
def test_what_cannot_be_tried_is_one_line(words: list[str], fact: str) -> None:
    with pytest.raises(InsightvError) as caught:
        tried(*words)
    assert fact in str(caught.value)


def test_what_a_model_writes_does_not_reach_the_terminal_as_orders() -> None:
    evil = ChatServer(lambda body: said("\x1b[2J" + json.dumps({"answer": "\u202e3"}), body))
    try:
        shown = tried(f"openai:{evil.url}#m")
    finally:
        evil.close()
    assert "\x1b[2J" not in shown and "\u202e" not in shown
