"""Token counts that are not those of the replies: a server that counts nothing, and one that hides what it thought."""

from __future__ import annotations

import io
from pathlib import Path

from board_rows import written
from boards import arm_of, board_of, printed
from rich.console import Console

from insightv_bench.cli.compare_table import print_comparison
from insightv_bench.engines import Budget, Limits
from insightv_bench.engines.openai.replies import as_reply
from insightv_bench.journal import Reply
from insightv_bench.results import equal_tokens, load, parse_name
from insightv_bench.settings import OpenAIEngine

TEXT = "Read the bars: three and four. " * 8


def test_a_server_that_counts_nothing_has_no_price_and_the_board_says_why(tmp_path: Path) -> None:
    told = {"response": TEXT, "num_tokens": 60, "total_tokens": 60}
    none = arm_of("reason", "1" * 20, system="counts-none", **(told | {"num_tokens": 0, "total_tokens": 0}))
    few = arm_of("reason", "1" * 20, system="counts-few", **(told | {"response": TEXT * 20, "num_tokens": 3}))
    board = board_of(tmp_path, arm_of("reason", "1" * 20, **told) + none + few)
    by_system = {row.system: row for row in board.arms}
    assert by_system["sft"].tokens_per_right_answer == 60 and not by_system["sft"].tokens_missing
    for name in ("counts-none", "counts-few"):
        assert by_system[name].tokens_per_right_answer is None and by_system[name].tokens_missing == 20
    shown = " ".join(printed(board).split())
    assert "tokens not counted, or too few for the text: counts-" in shown and "reason 20 of 20" in shown


def test_thought_that_is_counted_and_not_shown_is_told_and_priced(tmp_path: Path) -> None:
    hidden = arm_of("reason", "1" * 20, response="It is 7.", num_tokens=2_000, total_tokens=2_000)
    (row,) = board_of(tmp_path, hidden).arms
    assert (row.tokens_hidden, row.tokens_missing, row.tokens_per_right_answer) == (20, 0, 2_000)
    shown = arm_of("reason", "1" * 20, response="It is 7.", reasoning="a" * 3_000, num_tokens=900, total_tokens=900)
    (row,) = board_of(tmp_path / "shown", shown).arms
    assert (row.tokens_hidden, row.tokens_missing) == (0, 0)


def test_votes_failures_and_rows_without_texts_are_no_faults_of_a_server(tmp_path: Path) -> None:
    rows = arm_of("majority", "11", num_tokens=0, response=TEXT)
    rows += arm_of("reason", "00", num_tokens=0, response="", answer=None, finish="error")
    rows += arm_of("direct", "11", num_tokens=400, response="")
    assert all(row.tokens_missing == row.tokens_hidden == 0 for row in board_of(tmp_path, rows).arms)


def test_nothing_is_compared_at_equal_tokens_where_a_server_counts_none(tmp_path: Path) -> None:
    rows = arm_of("reason", "1010", response=TEXT, num_tokens=60, total_tokens=60)
    rows += arm_of("reason+summary", "1110", response=TEXT, num_tokens=0, total_tokens=60)
    place = written(tmp_path / "a", rows)
    assert equal_tokens(load(parse_name(str(place))).rows) == []
    console = Console(width=80, record=True, file=io.StringIO())
    print_comparison(load(parse_name(f"{place}:sft:reason")), load(parse_name(f"{place}:sft:reason+summary")), console)
    shown = " ".join(console.export_text().split())
    assert "arm `reason+summary`: 4 of 4 replies have no token count that fits their text" in shown


def test_a_budget_ends_with_a_server_that_counts_nothing() -> None:
    budget = Budget(Limits(max_tokens_total=100))
    budget.add(Reply(text="a" * 400))
    assert budget.spent.num_tokens == 100
    settings = OpenAIEngine(kind="openai", model="m", base_url="http://127.0.0.1/v1", usd_per_million_tokens=10_000)
    answer = {"choices": [{"message": {"content": "a" * 400}, "finish_reason": "stop"}], "usage": {}}
    reply = as_reply(answer, 1.0, settings)
    assert (reply.num_tokens, reply.cost_usd) == (0, 1.0)
