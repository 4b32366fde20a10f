"""The summary corpus: its kinds and their shares, what each row judges, and where its paths come from."""

from __future__ import annotations

from collections import Counter, defaultdict

from small_build import AGENT, SUMMARY, TRIPLE, Built, text_of

from insightv_bench.agents import path_text
from insightv_bench.protocol import parse_path, parse_summary
from insightv_bench.records import Path, SummaryRow


def test_summary_kinds_have_their_shares(built: Built) -> None:
    counts = Counter(row_.kind for row_ in built.rows("summary", SummaryRow))
    assert counts == {"optimal": 40, "flawed": 80, "agent": 40, "plain": 40} == built.totals["summary"]["kinds"]


def test_a_kind_of_which_there_are_too_few_gives_all_it_has(built: Built) -> None:
    many = SUMMARY.model_copy(update={"summary_num": 100_000})
    context = built.run("summary-all", "summary", many, [*TRIPLE, "flawed", *AGENT])
    rows = built.rows("summary-all", SummaryRow)
    assert len({(r.kind, r.id, text_of(r.prompt)) for r in rows}) == len(rows) == context.num_rows
    counts = Counter(row_.kind for row_ in rows)
    assert counts["plain"] == 160 and counts["flawed"] <= 480
    agent = {(path.question_id, path_text(path)) for path in built.rows("agent-paths", Path)}
    assert counts["agent"] == len(agent)


def test_summary_rows_judge_the_path_and_end_in_the_gold_answer(built: Built) -> None:
    num_checked = 0
    for row_ in built.rows("summary", SummaryRow):
        said = parse_summary(text_of(row_.completion))
        assert said.answer == row_.answer
        if row_.kind == "plain":
            assert (said.verdict, row_.path_correct, row_.score_range) == ("none", None, "none")
            continue
        shown = parse_path(text_of(row_.prompt).partition("be right or wrong.\n")[2].partition("\nRead again")[0])
        assert shown.steps and row_.path_correct is (shown.answer == row_.answer)
        assert said.verdict == ("right" if row_.path_correct else "wrong")
        names = [step.summary.removeprefix("read ") for step in shown.steps if step.summary.startswith("read ")]
        again = [part.partition(" is ")[0] for part in said.check.split(", ") if " is " in part and part[:3] != "so "]
        assert again[: len(set(names))] == list(dict.fromkeys(names))  # then what the path left out
        num_checked += bool(said.check)
    assert num_checked > 20


def test_plain_rows_show_no_path(built: Built) -> None:
    rows = [row_ for row_ in built.rows("summary", SummaryRow) if row_.kind == "plain"]
    for row_ in rows:
        assert "path" not in text_of(row_.prompt) and '"reasoning"' not in text_of(row_.prompt)
        assert row_.question in text_of(row_.prompt)


def test_score_ranges_of_the_summary_corpus_are_told_apart(built: Built) -> None:
    ranges = defaultdict(set)
    for row_ in built.rows("summary", SummaryRow):
        ranges[row_.kind].add(row_.score_range)
        assert (row_.score_range == "wrong") == (row_.path_correct is False)
    assert ranges["optimal"] == {"high"} and ranges["plain"] == {"none"}
    assert {"mid", "wrong"} <= ranges["flawed"] <= {"mid", "low", "wrong"}
    assert {"high", "wrong"} <= ranges["agent"] <= {"high", "mid", "low", "wrong"}


def test_agent_rows_are_half_right_and_half_wrong(built: Built) -> None:
    verdicts = Counter(row_.path_correct for row_ in built.rows("summary", SummaryRow) if row_.kind == "agent")
    assert verdicts == {True: 20, False: 20}


def test_agent_rows_are_right_as_often_as_the_agent_where_nothing_is_balanced(built: Built) -> None:
    written = {(path.question_id, path_text(path)) for path in built.rows("agent-paths", Path)}
    shares = []
    for name, num, wanted in (("all", 100_000, len(written)), ("some", 600, 120)):
        settings = SUMMARY.model_copy(update={"summary_num": num, "balance_agent": False})
        built.run(f"summary-{name}", "summary", settings, [*TRIPLE, "flawed", *AGENT])
        rows = [row_ for row_ in built.rows(f"summary-{name}", SummaryRow) if row_.kind == "agent"]
        assert len(rows) == wanted
        shares.append(sum(row_.path_correct is True for row_ in rows) / len(rows))
    assert min(shares) > 0.52 and abs(shares[0] - shares[1]) < 0.12


def test_agent_rows_come_from_the_agents_own_paths(built: Built) -> None:
    agent = {(path.question_id, path_text(path)) for path in built.rows("agent-paths", Path)}
    for row_ in built.rows("summary", SummaryRow):
        if row_.kind == "agent":
            assert any(row_.id == question and text in text_of(row_.prompt) for question, text in agent)


def test_the_summary_corpus_is_the_same_each_time(built: Built) -> None:
    built.run("summary-again", "summary", SUMMARY, [*TRIPLE, "flawed", *AGENT])
    assert built.rows("summary-again", SummaryRow) == built.rows("summary", SummaryRow)
