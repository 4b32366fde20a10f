"""Budgets in tokens and in money: the run stops in good order, and goes on where it stopped when there is more."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path as Place
from typing import Any

import pytest

from insightv_bench.chat import Chat
from insightv_bench.cli.summary import print_plan
from insightv_bench.engines import Caller, open_engine
from insightv_bench.errors import BudgetSpent, RecipeError
from insightv_bench.journal import Journal, Reply, Request
from insightv_bench.plan import plan
from insightv_bench.records import Message
from insightv_bench.runs.estimate import estimate
from insightv_bench.serving import ChatServer
from insightv_bench.settings import OpenAIEngine, PathsSettings, Sampling, load_recipe
from insightv_bench.stages import fingerprint

pytest.importorskip("aiohttp")
TEXTS = [f"question {number}" for number in range(40)]
PRICES = {"usd_per_million_prompt_tokens": 1_000, "usd_per_million_tokens": 10_000}
"""With 30 tokens read and 12 written, a call costs $0.15."""


class Slow:
    """Answers after a moment, so that several calls are in flight when the budget ends."""

    name, revision, concurrency = "slow", "1", 99

    async def reply(self, request: Request) -> Reply:
        await asyncio.sleep(0.02)
        return Reply(text=request.chat.messages[0].content, num_prompt_tokens=30, num_tokens=12)


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer(Slow()) as served:
        yield served


def ask_all(server: ChatServer, journal: Journal, **changes: Any) -> list[Reply]:
    requests = [Request(Chat((Message(role="user", content=text),)), Sampling()) for text in TEXTS]
    engine = OpenAIEngine(model="slow", base_url=server.url, concurrency=4, **changes)
    with Caller(open_engine(engine), journal) as caller:
        return caller.ask_all(requests)


def num_kept(journal: Journal) -> int:
    return int(sqlite3.connect(journal.file).execute("SELECT COUNT(*) FROM replies").fetchone()[0])


def test_a_token_budget_stops_the_run_and_keeps_what_was_in_flight(server: ChatServer, journal: Journal) -> None:
    with pytest.raises(BudgetSpent, match=r"the budget for `slow@server-.*` is spent: \d+ calls, [\d,]+ ") as raised:
        ask_all(server, journal, max_tokens_total=420)  # ten calls
    assert "`max_tokens_total`: 420" in raised.value.fact
    assert "the same command goes on" in raised.value.hint
    assert 10 <= server.num_requests <= 10 + 3
    assert f"{server.num_requests} calls, {42 * server.num_requests} tokens" in raised.value.fact
    assert num_kept(journal) == server.num_requests
    assert not [key for row in journal.stats() for key in row if "failures" in key]


def test_a_cost_budget_says_what_was_spent(server: ChatServer, journal: Journal) -> None:
    with pytest.raises(BudgetSpent, match=r"is spent: 1\d calls, .* tokens, \$[12]\.\d\d \(`max_cost_usd`: \$1\.50\)"):
        ask_all(server, journal, max_cost_usd=1.5, **PRICES)
    assert 10 <= server.num_requests <= 13
    (row,) = journal.stats()
    assert row["cost_usd"] == pytest.approx(0.15 * server.num_requests)


def test_a_budget_counts_what_earlier_runs_spent_and_a_higher_one_goes_on(server: ChatServer, journal: Journal) -> None:
    for _ in range(2):
        with pytest.raises(BudgetSpent):
            ask_all(server, journal, max_tokens_total=420)
    stopped_at = server.num_requests
    assert stopped_at <= 13  # the second run asked for nothing
    replies = ask_all(server, journal, max_tokens_total=100_000)
    assert [reply.text for reply in replies] == TEXTS
    assert server.num_requests == len(TEXTS)


def test_a_budget_that_is_spent_still_gives_all_that_was_kept(server: ChatServer, journal: Journal) -> None:
    ask_all(server, journal)
    assert [reply.text for reply in ask_all(server, journal, max_tokens_total=1)] == TEXTS
    assert server.num_requests == len(TEXTS)


def test_a_cost_budget_without_prices_is_an_error() -> None:
    engine = '{kind: openai, model: m, base_url: "http://x", max_cost_usd: 3}'
    with pytest.raises(RecipeError, match="`max_cost_usd` needs `usd_per_million_prompt_tokens`"):
        load_recipe("puzzlevqa", [f"paths.engine={engine}"])


def test_patience_prices_and_budgets_change_no_stage_and_the_model_does(tmp_path: Place) -> None:
    def print_of(*changes: str) -> str:
        stages = {stage.name: stage for stage in plan(load_recipe("puzzlevqa", list(changes)))}
        return fingerprint(stages["paths-teacher"], {}, 0)

    same = ["concurrency=2", "timeout_s=3", "max_retries=1", "max_tokens_total=5", "usd_per_million_tokens=2"]
    same += ["first_wait_s=2", "max_wait_s=3"]
    assert {print_of(f"paths.engine.{change}") for change in same} == {print_of()}
    other = ["model=b", "base_url=http://x", 'revision="2"', "structured=never", "extra_body={top_k: 5}"]
    assert len({print_of(f"paths.engine.{change}") for change in other} | {print_of()}) == len(other) + 1


def test_an_estimate_counts_calls_tokens_and_money() -> None:
    engine = OpenAIEngine(model="m", base_url="http://x", **PRICES)
    one_call = PathsSettings(
        engine=engine, num_paths=4, mode="one-call", sampling=Sampling(max_new_tokens=100, temperature=1)
    )
    most = estimate(one_call, 50, kept=(10, 2_000))
    assert (most.num_calls, most.num_tokens, most.num_prompt_tokens) == (200, 20_000, 40_000)
    assert most.measured and most.cost_usd == pytest.approx(40 + 200)
    stepwise = one_call.model_copy(update={"mode": "stepwise", "max_steps": 7})
    assert estimate(stepwise, 50).num_calls == 200 * (7 + 1)
    assert not estimate(stepwise, 50).measured


def test_a_plan_says_what_the_paths_will_take(tmp_path: Place, capsys: pytest.CaptureFixture[str]) -> None:
    prices = [f"paths.engine.{name}={price}" for name, price in PRICES.items()]
    recipe = load_recipe("puzzlevqa", ["questions.test.path=nowhere.parquet", *prices])
    print_plan(recipe, plan(recipe)[:2], tmp_path)
    assert "not known before `questions-test` is there" in capsys.readouterr().out
    drawn = load_recipe("puzzlevqa", ["questions.test={source: world, split: train, num: 30}", *prices])
    print_plan(drawn, plan(drawn)[:2], tmp_path)
    said = capsys.readouterr().out
    assert "at most 30 calls" in said and "30,720 tokens written" in said and "a guess" in said and "about $" in said
    file = tmp_path / "puzzlevqa-seed0" / "journal.sqlite"
    journal = Journal(file)
    label = "a-model@http://localhost:8000/v1"
    journal.put([("k", Reply(text="", num_prompt_tokens=200, num_tokens=100, cost_usd=1.25))], label)
    journal.close()
    print_plan(drawn, plan(drawn)[:2], tmp_path)
    said = capsys.readouterr().out
    assert "about 6,000 tokens read (as measured so far)" in said
    assert "the journal holds 1 calls, 300 tokens, $1.25" in said
