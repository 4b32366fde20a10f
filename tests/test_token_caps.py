"""Accuracy against the token cap: who is asked again, what is read, and what is told."""

from __future__ import annotations

import io
import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from arms_asked import SETTINGS
from pydantic import ValidationError
from rich.console import Console

from insightv_bench.cli.summary import print_token_caps
from insightv_bench.engines import Caller
from insightv_bench.evals.arms import Given, docs
from insightv_bench.evals.budgets import draw, sweep
from insightv_bench.journal import Journal, Reply, Request
from insightv_bench.records import Question
from insightv_bench.settings import EvalSettings, Sampling

CAPS = (20, 50, 200)


class Thinker:
    """Thinks for 10 tokens of every other question, for 100 of the rest, and then is right."""

    name, revision, concurrency = "thinker", "1", 1

    def __init__(self, asked: list[dict[str, Any]]) -> None:
        self.requests: list[Request] = []
        self._takes = {doc["context"]: (doc["gold"], (10, 100)[place % 2]) for place, doc in enumerate(asked)}

    async def reply(self, request: Request) -> Reply:
        self.requests.append(request)
        gold, num = self._takes[request.chat.messages[0].content]
        cap = request.sampling.max_new_tokens
        if num > cap:
            return Reply(text="<think>Red is", finish="length", num_tokens=cap)
        return Reply(text=f"<think>Red.</think>The answer is {gold}.", num_tokens=num)


def asked_under(drawn: list[Question], folder: Path, temperature: float = 0.0) -> tuple[list[Any], Thinker]:
    rows = list({doc["context"]: doc for doc in docs("direct", drawn, Given({}, {}), SETTINGS)}.values())[:6]
    thinker, images = Thinker(rows), {image.sha256: image for question in drawn for image in question.images}
    samplings = {"direct": Sampling(max_new_tokens=50, temperature=temperature)}
    with closing(Journal(folder / "journal.sqlite")) as journal, Caller(thinker, journal) as caller:
        return sweep(CAPS, {"direct": rows}, {"summary": caller}, samplings, images, False), thinker  # type: ignore[dict-item, arg-type]


def test_a_reply_that_ended_by_itself_is_asked_for_once(drawn: list[Question], tmp_path: Path) -> None:
    rows, thinker = asked_under(drawn, tmp_path)
    assert [(row.cap, row.accuracy, row.cut_in_thought, row.finished_accuracy) for row in rows] == [
        (20, 0.5, 0.5, 1.0),
        (50, 0.5, 0.5, 1.0),
        (200, 1.0, 0.0, 1.0),
    ]
    assert [(row.num_reused, row.if_cut_right, row.n) for row in rows] == [(3, 1.0, 6)] * 3
    caps = [request.sampling.max_new_tokens for request in thinker.requests]
    assert {cap: caps.count(cap) for cap in CAPS} == {20: 3, 50: 6, 200: 3}, "the arm's own cap, and what was cut"


def test_a_sampled_reply_is_asked_for_under_every_cap(drawn: list[Question], tmp_path: Path) -> None:
    rows, thinker = asked_under(drawn, tmp_path, temperature=0.7)
    assert len(thinker.requests) == 18 and not any(row.num_reused for row in rows)


def test_the_curve_is_told_and_drawn(drawn: list[Question], tmp_path: Path) -> None:
    rows, _ = asked_under(drawn, tmp_path)
    (tmp_path / "stages" / "eval-x").mkdir(parents=True)
    manifest = {"options": {"system": "[b]me"}, "totals": {"token_caps": [row._asdict() for row in rows]}}
    (tmp_path / "stages" / "eval-x" / "manifest.json").write_text(json.dumps(manifest))
    console = Console(width=160, file=io.StringIO(), record=True)
    print_token_caps(tmp_path, console)
    said = console.export_text()
    assert "[b]me" in said and "50.0 [" in said and " 200 " in said
    pytest.importorskip("seaborn")
    draw(rows, tmp_path / "curve.svg")
    assert "accuracy, %" in (tmp_path / "curve.svg").read_text()


def test_caps_that_do_not_rise_are_refused() -> None:
    with pytest.raises(ValidationError, match="must rise"):
        EvalSettings(token_caps=(512, 64))
