"""lm-eval's own command line asks a model in its manner, as `eval` does."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from recording_server import ChatServer, completion

pytest.importorskip("lm_eval")
pytest.importorskip("aiohttp")


def asked(tmp_path: Path, options: dict[str, Any], **arguments: Any) -> dict[str, Any]:
    """The one request that a task's document leads to."""
    from insightv_bench.evals.harness.model import InsightvLM

    with closing(ChatServer(lambda body: (200, completion("Four.")))) as server:
        place = f"openai:{server.url}#Qwen3-VL-8B-Thinking"
        model = InsightvLM(place, journal=str(tmp_path / "journal.sqlite"), **arguments)
        model.generate_until([SimpleNamespace(args=("What is two and two?", options), doc={})])
        (body,) = server.bodies
    return body


def test_what_a_task_leaves_open_is_as_the_models_profile_has_it(tmp_path: Path) -> None:
    body = asked(tmp_path, {}, arm="reason")
    assert (body["temperature"], body["top_p"], body["max_tokens"]) == (0.6, 0.95, 40960)
    assert "JSON" not in str(body["messages"])


def test_what_a_task_says_stands_whatever_the_profile(tmp_path: Path) -> None:
    body = asked(tmp_path, {"do_sample": False, "max_gen_toks": 99}, arm="plain")
    assert (body["temperature"], body["max_tokens"]) == (0.0, 99)


def test_without_a_profile_a_model_is_asked_in_our_prompts(tmp_path: Path) -> None:
    body = asked(tmp_path, {}, arm="reason", profile="none")
    assert (body["temperature"], body["max_tokens"]) == (0.0, 1024) and "JSON" in str(body["messages"])
