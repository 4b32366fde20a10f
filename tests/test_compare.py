"""`compare` on evaluations made by hand: what it says of two, and what it refuses to compare and why."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from board_rows import of, row, written
from rich.console import Console
from typer.testing import CliRunner

from insightv_bench.answers import PARSER
from insightv_bench.cli.compare_table import as_json, print_comparison
from insightv_bench.cli.main import app
from insightv_bench.errors import RunError
from insightv_bench.records import EvalRecord
from insightv_bench.results import compare, load, parse_name
from insightv_bench.statistics import accuracy, paired
from insightv_bench.storage import read_rows


def two_agents(right: str, **changes: Any) -> list[EvalRecord]:
    """Every arm that a figure needs; `right` are the marks of reason+summary."""
    num = len(right)
    rows = of("direct", "10" * (num // 2), **changes) + of("oracle", "1" * num, path_correct=True, **changes)
    rows += of("reason", "1" * (num // 2) + "0" * (num // 2), **changes)
    rows += [
        row(place, "reason+summary", mark == "1", path_correct=place < num // 2, path_id=f"p{place}", **changes)
        for place, mark in enumerate(right)
    ]
    for place in range(num):
        planted = {"severity": 0.5, "flaw": "perception", "planted_answer": "9", "path_correct": False}
        rows.append(row(place, "flawed", place % 3 == 0, verdict="wrong", path=f"f{place}", **planted, **changes))
    return rows


@pytest.fixture
def sides(tmp_path: Path) -> tuple[Path, Path]:
    a = written(tmp_path / "a", two_agents("1100" * 10))
    b = written(tmp_path / "b", two_agents("1110" * 10))
    return a, b


def printed(a: Path, b: Path) -> str:
    console = Console(width=200, record=True, file=io.StringIO())
    print_comparison(load(parse_name(str(a))), load(parse_name(str(b))), console)
    return console.export_text()


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
    a = written(tmp_path / "a", of("reason", "1100"))
    b = written(tmp_path / "b", of("reason", "11000"))
    with pytest.raises(RunError, match="4 questions against 5, of which 4 are shared"):
        compare(load(parse_name(str(a))), load(parse_name(str(b))))
    flawed = {"severity": 0.5, "flaw": "perception", "planted_answer": "9"}
    a = written(tmp_path / "c", [row(0, "flawed", True, path="one", **flawed)])
    b = written(tmp_path / "d", [row(0, "flawed", True, path="other", **flawed)])
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
        written(folder, of("reason", right), {"stage": "eval-sft", "started": started})
    found = load(parse_name(str(tmp_path / "run")))
    assert found.rows["correct"].all() and "eval-sft-1" in found.notes[0]


def test_costs_are_those_of_the_manifest(tmp_path: Path) -> None:
    took = {"num_calls": 4, "num_prompt_tokens": 200, "num_tokens": 40, "seconds": 8.0, "cost_usd": 0.02}
    manifest = {
        "stage": "eval-sft",
        "options": {"system": "sft", "task": "drawn", "arms": ["reason"]},
        "totals": {"costs": {"reason": took}},
    }
    a = written(tmp_path / "a", of("reason", "1100"), manifest)
    b = written(tmp_path / "b", of("reason", "1110"))
    text = printed(a, b)
    assert "4 " in text and "0.0100" in text
    (mine, other) = json.loads(as_json(load(parse_name(str(a))), load(parse_name(str(b)))))["outcomes"]
    assert mine["took"] == took and other["took"] is None


def test_names_that_others_gave_neither_steer_the_terminal_nor_are_markup(tmp_path: Path) -> None:
    for side, right in (("a", "1100"), ("b", "1110")):
        written(tmp_path / side, of("reason", right, system="[/x]\x1b[2J", task="[bold]drawn"))
    ran = CliRunner().invoke(app, ["compare", str(tmp_path / "a"), str(tmp_path / "b")])
    again = CliRunner().invoke(app, ["rescore", str(tmp_path / "a"), "--out", str(tmp_path / "c")])
    assert ran.exit_code == again.exit_code == 0, (ran.exception, again.exception)
    assert "\x1b" not in ran.output + again.output
    assert "[bold]drawn" in ran.output and "[/x][U+001B][2J" in again.output


def test_names_of_folders_are_no_patterns(tmp_path: Path) -> None:
    folder = tmp_path / "runs[1]" / "a*b"
    assert load(parse_name(str(written(folder / "eval", of("reason", "10"))))).rows.height == 2
    assert load(parse_name(str(folder))).rows.height == 2


def test_rows_written_before_a_column_came_are_read(tmp_path: Path) -> None:
    a = written(tmp_path / "a", of("reason", "1100"))
    file = a / "data-00000.parquet"
    pl.read_parquet(file).drop("maker", "made_from", "judge_failure", "answer_judge", "tolerance").write_parquet(file)
    assert load(parse_name(str(a))).rows["answer_judge"].unique().to_list() == ["rule"]
    assert [row.made_from for row in read_rows(a, EvalRecord)] == [""] * 4
    pl.read_parquet(file).drop("gold").write_parquet(file)
    with pytest.raises(RunError, match="column `gold` is missing"):
        load(parse_name(str(a)))


def test_rotations_of_a_question_and_questions_on_one_image_count_as_one(tmp_path: Path) -> None:
    """Three of a hundred questions gain, in all four of their rotations: McNemar's 3 against 0, not 12 against 0."""

    def rotated(mark: str, num_gained: int, **columns: Any) -> Path:
        rows = [
            row(4 * place + turn, "direct", place < num_gained, **dict.fromkeys(columns, f"{place}"))
            for place in range(100)
            for turn in range(4)
        ]
        return written(tmp_path / mark, rows)

    for column in ("group", "image"):
        sides = [load(parse_name(str(rotated(f"{column}{num}", num, **{column: True})))) for num in (0, 3)]
        (found,) = compare(*sides).pairings
        assert found.comparison.p > 0.2 and found.comparison.n == 100
        wide, narrow = found.accuracy_b, accuracy([place < 12 for place in range(400)])
        assert wide.high - wide.low > 1.5 * (narrow.high - narrow.low)
