"""`compare` and `rescore` on evaluations made by hand: what they say, what they refuse and why, and what they keep."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import board_rows
import numpy as np
import polars as pl
import pytest
from rich.console import Console
from typer.testing import CliRunner

from insightv_bench import estimates, tables
from insightv_bench.answer_filter import AnswerFilter
from insightv_bench.answers import PARSER
from insightv_bench.cli import app
from insightv_bench.compare_table import as_json, print_comparison
from insightv_bench.comparing import compare
from insightv_bench.engines import Caller
from insightv_bench.equal_tokens import equal_tokens
from insightv_bench.errors import RunError
from insightv_bench.estimates import estimate, share_sums
from insightv_bench.journal import Journal, Reply, Request
from insightv_bench.outcomes import outcomes, tokens_a_right_answer
from insightv_bench.records import EvalRecord
from insightv_bench.rescoring import rescored
from insightv_bench.results import load, parse_name
from insightv_bench.robustness import measured
from insightv_bench.settings import AssessSettings
from insightv_bench.statistics import accuracy, paired


def record(place: int, arm: str, correct: bool, **changes: Any) -> EvalRecord:
    """A row of system `sft`: gold 7, and 9 where it is wrong."""
    return board_rows.row(place, arm, correct, **changes)


def arm_of(arm: str, right: str, **changes: Any) -> list[EvalRecord]:
    """One row a question: `right` is a string of 1 and 0."""
    return [record(place, arm, mark == "1", **changes) for place, mark in enumerate(right)]


def two_agents(right: str, **changes: Any) -> list[EvalRecord]:
    """Every arm that a figure needs; `right` are the marks of reason+summary."""
    num = len(right)
    rows = arm_of("direct", "10" * (num // 2), **changes) + arm_of("oracle", "1" * num, path_correct=True, **changes)
    rows += arm_of("reason", "1" * (num // 2) + "0" * (num // 2), **changes)
    rows += [
        record(place, "reason+summary", mark == "1", path_correct=place < num // 2, path_id=f"p{place}", **changes)
        for place, mark in enumerate(right)
    ]
    for place in range(num):
        planted = {"severity": 0.5, "flaw": "perception", "planted_answer": "9", "path_correct": False}
        rows.append(record(place, "flawed", place % 3 == 0, verdict="wrong", path=f"f{place}", **planted, **changes))
    return rows


def written(folder: Path, records: Sequence[EvalRecord], **manifest: Any) -> Path:
    folder.mkdir(parents=True)
    tables.write_shards(folder, records, EvalRecord)
    if manifest:
        tables.write_text(folder / "manifest.json", json.dumps(manifest))
    return folder


@pytest.fixture
def sides(tmp_path: Path) -> tuple[Path, Path]:
    a = written(tmp_path / "a", two_agents("1100" * 10))
    b = written(tmp_path / "b", two_agents("1110" * 10))
    return a, b


def printed(a: Path, b: Path) -> str:
    console = Console(width=200, record=True, file=io.StringIO())
    print_comparison(load(parse_name(str(a))), load(parse_name(str(b))), console)
    return console.export_text()


# compare


def test_arms_are_paired_on_the_same_questions_and_adjusted_together(sides: tuple[Path, Path]) -> None:
    found = compare(*(load(parse_name(str(side))) for side in sides))
    by_arm = {pairing.a.arm: pairing for pairing in found.pairings}
    assert list(by_arm) == ["direct", "reason", "reason+summary", "oracle", "flawed"]
    both = by_arm["reason+summary"]
    expected = paired(
        {f"q{place:03d}": [place % 4 < 2] for place in range(40)},
        {f"q{place:03d}": [place % 4 < 3] for place in range(40)},
    )
    assert both.comparison == expected and both.comparison.difference == pytest.approx(0.25)
    assert both.p == pytest.approx(min(1.0, 5 * expected.p)) and by_arm["direct"].p == 1
    assert (both.accuracy_a.value, both.accuracy_b.value, both.accuracy_a.n) == (0.5, 0.75, 40)
    assert 0.05 < both.detectable <= 0.25 and by_arm["direct"].detectable != by_arm["direct"].detectable


def test_figures_of_robustness_are_compared_as_well(sides: tuple[Path, Path]) -> None:
    found = {one.measure: one for one in compare(*(load(parse_name(str(side))) for side in sides)).figures}
    rescue = found["rescue"]
    assert (rescue.figure_a.value, rescue.figure_b.value, rescue.figure_a.n) == (0.5, 0.75, 20)
    assert rescue.comparison.low <= 0.25 <= rescue.comparison.high and rescue.comparison.p < 0.2
    assert found["recovery"].comparison.difference == 0 and found["recovery"].comparison.p == 1


def test_the_severity_curves_are_compared_point_by_point(sides: tuple[Path, Path]) -> None:
    clean, spoilt = compare(*(load(parse_name(str(side))) for side in sides)).curves
    assert (clean.severity, spoilt.severity) == (0, 0.5)
    assert (clean.accuracy_a.value, spoilt.accuracy_a.value, spoilt.accuracy_a.n) == (1, 14 / 40, 40)
    assert clean.p == spoilt.p == 1 and "severity" in printed(*sides)


def test_what_is_printed_names_every_arm_with_n_and_interval(sides: tuple[Path, Path]) -> None:
    text = printed(*sides)
    for words in ("reason+summary", "50.0 [35.2, 64.8]", "+25.0 [", "over rejection", "tokens", "detectable"):
        assert words in text
    assert "majority of 1 path" in text and "went wrong" not in text


@pytest.mark.parametrize(
    ("changes", "words", "hint"),
    [
        ({"task_version": "2"}, "version `1` against `2`", "one version"),
        ({"parser": "answers@0"}, f"parser `{PARSER}` against `answers@0`", "rescore"),
        ({"prompt": "other@1"}, "against `other@1`", "one prompt"),
        ({"token_cap": 100}, "token cap `512` against `100`", "max_new_tokens"),
        ({"task": "else"}, "share no arm of a task", "one side only"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_the_reason(
    tmp_path: Path, changes: dict[str, Any], words: str, hint: str
) -> None:
    a = written(tmp_path / "a", two_agents("1100"))
    b = written(tmp_path / "b", two_agents("1100", **changes))
    with pytest.raises(RunError) as refused:
        compare(load(parse_name(str(a))), load(parse_name(str(b))))
    assert words in refused.value.fact and hint in refused.value.hint


def test_other_questions_and_other_flawed_paths_are_refused(tmp_path: Path) -> None:
    a = written(tmp_path / "a", arm_of("reason", "1100"))
    b = written(tmp_path / "b", arm_of("reason", "11000"))
    with pytest.raises(RunError, match="4 questions against 5, of which 4 are shared"):
        compare(load(parse_name(str(a))), load(parse_name(str(b))))
    flawed = {"severity": 0.5, "planted_answer": "9"}
    a = written(tmp_path / "c", [record(0, "flawed", True, path="one", **flawed)])
    b = written(tmp_path / "d", [record(0, "flawed", True, path="other", **flawed)])
    with pytest.raises(RunError, match="the paths shown differ in 2 of 2"):
        compare(load(parse_name(str(a))), load(parse_name(str(b))))


def test_two_arms_of_one_run_are_compared_though_their_prompts_differ(tmp_path: Path) -> None:
    folder = written(tmp_path / "run", two_agents("1110" * 5))
    reply = CliRunner().invoke(app, ["compare", "sft:reason", "sft:reason+summary", "--run", str(folder), "--json"])
    assert reply.exit_code == 0, reply.output
    (row,) = json.loads(reply.output)["accuracy"]
    assert (row["a"]["arm"], row["b"]["arm"]) == ("reason", "reason+summary")
    assert row["comparison"]["difference"] == pytest.approx(0.25)


def test_the_same_rows_no_folder_and_no_such_arm_are_errors(tmp_path: Path) -> None:
    folder = written(tmp_path / "a", two_agents("1100"))
    for one, other, words in [
        (f"{folder}", f"{folder}", "the same rows"),
        (f"{folder}", f"{folder}x", "no folder"),
        (f"{folder}:sft:nothing", f"{folder}", "no rows of arm `nothing`"),
        (f"{folder}:dpo", f"{folder}", "no rows of system `dpo`"),
    ]:
        reply = CliRunner().invoke(app, ["compare", one, other])
        assert isinstance(reply.exception, RunError) and words in reply.exception.fact


def test_of_two_evaluations_of_one_name_in_a_run_the_later_counts_and_it_is_said(tmp_path: Path) -> None:
    for place, (right, started) in enumerate([("1111", "2026-01-02"), ("0000", "2026-01-01")]):
        folder = tmp_path / "run" / "stages" / f"eval-sft-{place}"
        written(folder, arm_of("reason", right), stage="eval-sft", started=started)
    found = load(parse_name(str(tmp_path / "run")))
    assert found.rows["correct"].all() and "eval-sft-1" in found.notes[0]


def test_costs_are_those_of_the_manifest(tmp_path: Path) -> None:
    took = {"num_calls": 4, "num_prompt_tokens": 200, "num_tokens": 40, "seconds": 8.0, "cost_usd": 0.02}
    manifest = {
        "stage": "eval-sft",
        "options": {"system": "sft", "task": "drawn", "arms": ["reason"]},
        "totals": {"costs": {"reason": took}},
    }
    a = written(tmp_path / "a", arm_of("reason", "1100"), **manifest)
    b = written(tmp_path / "b", arm_of("reason", "1110"))
    text = printed(a, b)
    assert "4 " in text and "0.0100" in text
    (mine, other) = json.loads(as_json(load(parse_name(str(a))), load(parse_name(str(b)))))["outcomes"]
    assert mine["took"] == took and other["took"] is None


# Figures


def test_an_estimate_is_the_interval_of_accuracy_where_both_are_defined() -> None:
    generator = np.random.default_rng(0)
    for num_rows in (1, 3):
        marks = generator.random(60 * num_rows) < 0.4
        clusters = [f"q{place // num_rows}" for place in range(len(marks))]
        rows = pl.DataFrame({"question_id": clusters, "correct": marks})
        found, wanted = estimate(share_sums(rows, pl.col("correct"))), accuracy(marks.tolist(), clusters)
        assert found == pytest.approx(wanted, abs=0.02) and found[0] == wanted[0]


def test_alike_questions_have_an_interval_of_some_width() -> None:
    """Each of three questions is right once of two: a bootstrap over them sees no spread."""
    rows = pl.DataFrame({"question_id": ["a", "a", "b", "b", "c", "c"], "correct": [True, False] * 3})
    found = estimate(share_sums(rows, pl.col("correct")))
    assert found.low < 0.2 and found.high > 0.8
    assert accuracy(rows["correct"].to_list(), rows["question_id"].to_list()) == pytest.approx(found)


def test_a_swap_test_finds_a_difference_and_none_where_there_is_none() -> None:
    rows = pl.DataFrame({"question_id": [f"q{place}" for place in range(200)]})
    a, b, c = (
        share_sums(
            rows.with_columns(correct=pl.Series([place % 10 < tenths for place in range(200)])), pl.col("correct")
        )
        for tenths in (4, 6, 4)
    )
    assert estimates.compare(a, b).p < 0.001 and estimates.compare(a, c).p == 1


def test_under_no_difference_the_swap_test_is_seldom_small() -> None:
    """5 % of 200 tests, give or take three standard errors of a binomial."""
    generator, small = np.random.default_rng(1), 0
    for _ in range(200):
        sides = [
            estimates.Sums(
                tuple(f"q{place}" for place in range(60)),
                np.column_stack([generator.random(60) < 0.3, np.ones(60)]).astype(float),
                estimates.ratio,
                60,
            )
            for _ in range(2)
        ]
        small += estimates.compare(*sides).p < 0.05
    assert small <= 10 + 3 * (200 * 0.05 * 0.95) ** 0.5


def frame(records: Sequence[EvalRecord], folder: Path) -> pl.DataFrame:
    return load(parse_name(str(written(folder, records)))).rows


def test_flaws_in_own_paths_are_measured_against_the_same_paths_unspoilt(tmp_path: Path) -> None:
    own = [record(place, "reason+summary", place < 8, path_correct=True, path_id=f"p{place}") for place in range(10)]
    planted = {"severity": 0.25, "flaw": "perception", "planted_answer": "9"}
    spoilt = [record(place, "self-flawed", place < 6, made_from=f"p{place}", **planted) for place in range(10)]
    direct = arm_of("direct", "1111111110")
    found = {one.measure: one.interval for one in measured(frame(own + spoilt + direct, tmp_path / "a"))}
    assert (found["self_recovery"].value, found["self_recovery"].n) == (6 / 8, 8)
    assert (found["self_follow"].value, found["self_excess_follow"].value) == (0.4, pytest.approx(0.3))
    assert "recovery" not in found and "follow" not in found


def test_verdicts_on_controls_do_not_count(tmp_path: Path) -> None:
    rows = [record(0, "shuffled", True, path_correct=False, path_status="complete", verdict="wrong")]
    assert not [*measured(frame(rows, tmp_path / "a"))]


def test_what_went_wrong_is_counted_apart_and_a_right_answer_has_its_price(tmp_path: Path) -> None:
    rows = arm_of("reason+summary", "1100", total_tokens=30, num_tokens=10)
    rows[2] = rows[2].model_copy(update={"answer": None, "path_status": "malformed"})
    rows[3] = rows[3].model_copy(update={"finish": "length", "judge_failure": "no reply"})
    found = frame(rows, tmp_path / "a")
    shares = {one.outcome: one.interval.value for one in outcomes(found)}
    assert shares == {
        "accuracy": 0.5,
        "unread": 0.25,
        "malformed": 0.25,
        "cut_off": 0.25,
        "no_reply": 0,
        "judge_failed": 0.25,
    }
    price = estimate(tokens_a_right_answer(found))
    assert price.value == 60 and price.low <= 60 <= price.high


def test_a_vote_at_equal_tokens_has_as_many_paths_as_two_agents_would_pay_for(tmp_path: Path) -> None:
    answers = ["979", "799", "777", "999"]
    rows = [
        record(place, "reason", mark == "7", sample=sample, num_tokens=20, total_tokens=20)
        for place, marks in enumerate(answers)
        for sample, mark in enumerate(marks)
    ]
    rows += arm_of("reason+summary", "1110", total_tokens=50, num_tokens=30)
    found = equal_tokens(frame(rows, tmp_path / "a"))
    assert found and (found.k, found.wanted_k, found.tokens_majority, found.tokens_two_agents) == (3, 3, 60, 50)
    assert found.comparison.difference == pytest.approx(3 / 4 - 1 / 4)
    few = equal_tokens(frame([row for row in rows if row.sample == 0], tmp_path / "b"))
    assert few and (few.k, few.wanted_k) == (1, 3)


def test_a_tolerance_counts_for_votes_and_planted_answers_as_it_does_for_replies(tmp_path: Path) -> None:
    near = {"gold": "100", "tolerance": 0.05}
    rows = [record(0, "reason", True, answer="103", **near), record(0, "reason+summary", True, answer="103", **near)]
    for place, planted in enumerate(("103", "120")):
        flaw = {"severity": 0.5, "flaw": "perception", "planted_answer": planted, "path": f"f{place}"}
        rows.append(record(place, "flawed", True, answer=planted, **flaw, **near))
    found = frame(rows, tmp_path / "a")
    same = equal_tokens(found)
    assert same and same.comparison.difference == 0
    flawed = found.filter(pl.col("arm") == "flawed").sort("planted_answer")
    assert flawed["misleads"].to_list() == [False, True]


def test_names_that_others_gave_neither_steer_the_terminal_nor_are_markup(tmp_path: Path) -> None:
    for side, right in (("a", "1100"), ("b", "1110")):
        written(tmp_path / side, arm_of("reason", right, system="[/x]\x1b[2J", task="[bold]drawn"))
    ran = CliRunner().invoke(app, ["compare", str(tmp_path / "a"), str(tmp_path / "b")])
    again = CliRunner().invoke(app, ["rescore", str(tmp_path / "a"), "--out", str(tmp_path / "c")])
    assert ran.exit_code == again.exit_code == 0, (ran.exception, again.exception)
    assert "\x1b" not in ran.output + again.output
    assert "[bold]drawn" in ran.output and "[/x][U+001B][2J" in again.output


def test_names_of_folders_are_no_patterns(tmp_path: Path) -> None:
    folder = tmp_path / "runs[1]" / "a*b"
    assert frame(arm_of("reason", "10"), folder / "eval").height == 2
    assert load(parse_name(str(folder))).rows.height == 2


# rescore


class Judge:
    """Says right of `seven`, nothing that can be read of `mute`, wrong of all else."""

    name, revision, concurrency = "judge", "1", 4

    async def reply(self, request: Request) -> Reply:
        asked = request.chat.messages[0].content
        verdict = "right" if '"seven' in asked or "It is seven" in asked else "wrong"
        return Reply(text="Well." if "mute" in asked else json.dumps({"verdict": verdict}))


def free(place: int, response: str) -> EvalRecord:
    known = {"gold": "a seven", "answer_type": "text", "response": response, "answer": None, "span": None}
    return record(place, "direct", False, method="unread", sure=False, parser="answers@0", **known)


def test_replies_are_read_again_without_a_model() -> None:
    old = record(
        0, "oracle", True, response='{"verdict": "wrong", "answer": "8"}', parser="answers@0", path_status="complete"
    )
    (change,) = rescored([old])
    assert change.is_other and (change.after.answer, change.after.correct, change.after.parser) == ("8", False, PARSER)
    assert change.after.verdict == "wrong" and change.after.response[slice(*change.after.span or ())] == "8"
    unchanged = record(1, "reason", True)
    assert rescored([unchanged])[0].after == unchanged


def test_a_judge_settles_what_the_rule_cannot_and_its_failures_are_kept(tmp_path: Path) -> None:
    texts = [
        '{"answer": "a seven"}',
        '{"answer": "seven dots"}',
        "It is seven, as one sees in the third row of them all.",
        "",
    ]
    texts += ['{"answer": "mute"}', '{"answer": "eight"}']
    with Caller(Judge(), Journal(tmp_path / "journal.sqlite")) as caller:
        judge = AnswerFilter(AssessSettings(judge="rule"), caller)
        made = [change.after for change in rescored([free(place, text) for place, text in enumerate(texts)], judge)]
    assert [row.correct for row in made] == [True, True, True, False, False, False]
    assert [row.answer_judge for row in made] == ["rule", "judge@1", "judge@1", "rule", "judge@1", "judge@1"]
    assert [bool(row.judge_failure) for row in made] == [False, False, False, False, True, False]
    assert made[2].answer is None


def test_rescore_writes_rows_that_compare_takes_and_leaves_the_old_ones(tmp_path: Path) -> None:
    a = written(tmp_path / "a", arm_of("reason", "1100", parser="answers@0"))
    before = (a / "data-00000.parquet").read_bytes()
    for _ in range(2):  # the same command again does the same
        reply = CliRunner().invoke(app, ["rescore", str(a), "--out", str(tmp_path / "again")])
        assert reply.exit_code == 0, reply.output
    assert (a / "data-00000.parquet").read_bytes() == before
    b = written(tmp_path / "b", arm_of("reason", "1110"))
    with pytest.raises(RunError, match="parser"):
        compare(load(parse_name(str(a))), load(parse_name(str(b))))
    assert len(compare(load(parse_name(str(tmp_path / "again"))), load(parse_name(str(b)))).pairings) == 1


def thought(answer: str) -> str:
    return f'{{"summary": "look", "reasoning": "so", "action": "summary"}}\n{{"answer": "{answer}"}}'


def sampled(texts: Sequence[str], verdicts: Sequence[str] = ()) -> list[EvalRecord]:
    """The stored paths of question 0, and what the summary agent says of each."""
    rows = [record(0, "reason", False, sample=k, path_id=f"p{k}", response=text) for k, text in enumerate(texts)]
    for k, verdict in enumerate(verdicts):
        said = json.dumps({"verdict": verdict, "answer": "9"})
        known = {"path_id": f"p{k}", "path_status": "complete", "response": said}
        rows.append(record(0, "reason+summary", False, sample=k, **known))
    return rows


def vote(arm: str, texts: Sequence[str], **changes: Any) -> EvalRecord:
    return record(0, arm, False, response='{"answer": "9"}', num_paths=len(texts), **changes)


def test_votes_are_cast_again_from_the_paths_as_they_are_read_today() -> None:
    texts = [thought("9"), thought("7"), "Nothing to say.", thought("7.0")]
    old = vote("majority", texts, parser="answers@0")
    cast = rescored([old, *sampled(texts)])[0].after
    assert (cast.answer, cast.correct, cast.parser) == ("7", True, PARSER)
    (silent, *_) = rescored([vote("majority", ["?"] * 3), *sampled(["?"] * 3)])
    assert (silent.after.response, silent.after.answer, silent.after.method) == ("", None, "unread")


def test_the_best_of_k_is_chosen_again_by_the_verdicts_as_they_are_read_today() -> None:
    texts = [thought("9"), thought("7"), "Nothing to say."]
    old = vote("best-of-k", texts, path_id="p0", path_score=50, path_judge="summary: m@1")
    cast = rescored([old, *sampled(texts, ["wrong", "right", "right"])])[0].after
    assert (cast.path_id, cast.path_score, cast.answer, cast.correct) == ("p1", 100, "7", True)
    unread = rescored([old, *sampled(texts, ["wrong"])])[0].after  # some verdicts are not there: its choice stands
    assert (unread.path_id, unread.answer) == ("p0", "9")
    judged = vote("best-of-k", texts, path_id="p1", path_score=80, path_judge="engine: judge@1")
    stood = rescored([judged, *sampled(texts, ["right", "wrong", "wrong"])])[0].after
    assert (stood.path_id, stood.path_score, stood.answer) == ("p1", 80, "7")


def test_a_vote_whose_paths_are_not_there_stays_and_is_counted(tmp_path: Path) -> None:
    texts = [thought("7")] * 3
    rows = [vote("majority", texts), *sampled(texts)[:2]]
    assert rescored(rows)[0].after.answer == "9"
    reply = CliRunner().invoke(app, ["rescore", str(written(tmp_path / "a", rows)), "--out", str(tmp_path / "b")])
    assert reply.exit_code == 0 and "1 votes stay as they were cast" in " ".join(reply.output.split())


def test_rescore_writes_over_nothing_that_it_did_not_write(tmp_path: Path) -> None:
    a = written(tmp_path / "a", arm_of("reason", "1100"))
    other = written(tmp_path / "other" / "b", arm_of("reason", "1100"))
    for out, words in [
        (other.parent, "which no `rescore` wrote"),
        (a / "again", "lies inside"),
        (tmp_path, "or holds it"),
    ]:
        reply = CliRunner().invoke(app, ["rescore", str(a), "--out", str(out)])
        assert isinstance(reply.exception, RunError) and words in reply.exception.fact


def test_rows_written_before_a_column_came_are_read(tmp_path: Path) -> None:
    a = written(tmp_path / "a", arm_of("reason", "1100"))
    file = a / "data-00000.parquet"
    pl.read_parquet(file).drop("maker", "made_from", "judge_failure", "answer_judge", "tolerance").write_parquet(file)
    assert load(parse_name(str(a))).rows["answer_judge"].unique().to_list() == ["rule"]
    assert [row.made_from for row in tables.read_rows(a, EvalRecord)] == [""] * 4
    pl.read_parquet(file).drop("gold").write_parquet(file)
    with pytest.raises(RunError, match="column `gold` is missing"):
        load(parse_name(str(a)))
