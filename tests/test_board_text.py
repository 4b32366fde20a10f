"""A board as terminal and page tell it: in 80 columns, with chance and failures in words, obeying no name."""

from __future__ import annotations

import io
import re
from pathlib import Path

import polars as pl
import pytest
from boards import ARMS, HOSTILE, arm_of, board_of, choice, printed, record, walk, written
from rich.console import Console

from insightv_bench.cli.summary import print_summary
from insightv_bench.escape import visible
from insightv_bench.leaderboard.build import build
from insightv_bench.leaderboard.figures import draw_figures
from insightv_bench.leaderboard.page import build as page
from insightv_bench.leaderboard.tables import as_csv, headline, latex, short
from insightv_bench.leaderboard.tables.terminal import print_board


def test_the_terminal_table_fits_80_columns(tmp_path: Path) -> None:
    long = arm_of("reason", "1" * 24, system="a system with a name that is far too long for a terminal")
    output = io.StringIO()
    print_board(board_of(tmp_path, walk() + long), Console(file=output, width=80))
    lines = output.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert any(re.search(r"sft +direct +1–3 +50\.0 +\[31\.4, 68\.6\] +24", line) for line in lines)
    assert "reason+summary against reason:" in output.getvalue()


def test_the_terminal_obeys_no_name(tmp_path: Path) -> None:
    output = io.StringIO()
    print_board(board_of(tmp_path, arm_of("reason", "10", system=HOSTILE)), Console(file=output, width=80))
    assert "\x1b" not in output.getvalue() and "\u202e" not in output.getvalue()
    assert "</script>" in output.getvalue()


def test_chance_is_the_mean_over_the_questions_with_options(tmp_path: Path) -> None:
    """Two of four options, one of two, and one question without: (1/4 + 1/4 + 1/2) / 3."""
    rows = [choice(0, True), choice(1, False), choice(2, True, num_options=2), choice(3, True, num_options=0)]
    board = board_of(tmp_path, [*rows, *(choice(place, True, 2, "direct") for place in (2,))])
    (found,) = board.sets
    assert (found.chance, found.num_with_options, found.num_questions) == (pytest.approx(1 / 3), 3, 4)
    assert "4 questions, chance 33.3 % on the 3 with options" in printed(board)


def test_without_options_there_is_no_chance(tmp_path: Path) -> None:
    board = board_of(tmp_path, arm_of("reason", "1100"))
    assert (board.sets[0].chance, board.sets[0].num_with_options, board.arms[0].above_chance) == (None, 0, None)
    assert "chance" not in printed(board)


@pytest.mark.parametrize(("num_right", "above"), [(0, False), (10, False), (14, False), (17, True), (40, True)])
def test_an_arm_whose_interval_is_not_above_chance_is_marked_in_words(
    tmp_path: Path, num_right: int, above: bool
) -> None:
    """Of 40 questions with four options: Wilson's interval of 14 right begins at 22 %, of 17 at 29 %."""
    board = board_of(tmp_path, [choice(place, place < num_right) for place in range(40)])
    (row,) = board.arms
    assert row.above_chance is above is (row.low > 0.25)
    assert ("not above chance: sft: reason" in printed(board)) is not above
    assert ("<code>reason</code><small>not above chance</small>" in page.render(board)) is not above


def test_questions_without_options_lift_no_arm_above_chance(tmp_path: Path) -> None:
    rows = [choice(place, place % 4 == 0) for place in range(40)]
    rows += [choice(place, True, num_options=0) for place in range(40, 80)]
    (row,) = board_of(tmp_path, rows).arms
    assert row.low > 0.25 and row.above_chance is False


def test_a_chance_of_some_questions_is_not_drawn_for_all(tmp_path: Path) -> None:
    board = board_of(tmp_path, [choice(0, True), choice(1, True, num_options=0)])
    draw_figures(board, tmp_path)
    assert "chance" not in (tmp_path / "board-1.svg").read_text()


def test_the_terminal_says_which_arms_had_malformed_paths(tmp_path: Path) -> None:
    rows = [record(q, arm, True, path_status="malformed" if q < 2 else "complete") for q in range(5) for arm in ARMS]
    rows += [record(q, "direct", False, finish="error" if q else "length") for q in range(5)]
    text = " ".join(printed(board_of(tmp_path, rows)).split())
    assert "malformed paths: sft: reason 2 of 5, reason+summary 2 of 5" in text
    assert "cut off at the token cap: sft: direct 1 of 5" in text
    assert "replies that never came: sft: direct 4 of 5" in text
    assert "malformed" not in printed(board_of(tmp_path / "other", arm_of("reason", "10")))


def test_comparisons_are_told_family_by_family(tmp_path: Path) -> None:
    text = printed(board_of(tmp_path, walk()))
    agents, rounds = text.index("Arms against each other (n = 24"), text.index("Rounds against before (n = 24")
    assert agents < text.index("sft: reason+summary against reason:") < rounds
    assert rounds < text.index("dpo-1: reason+summary against sft:") and ", n = 24, p" not in text
    page_text = page.render(board_of(tmp_path / "page", walk()))
    section = page_text.split("<h2>Comparisons</h2>")[1].split("<h2>")[0]
    assert section.count('class="name"><bdi>sft</bdi></th>') == 1
    assert section.count("<bdi>reason+summary against reason</bdi>") == 3
    assert section.count("<bdi>dpo-2 against dpo-1</bdi>") == 2


def test_a_title_that_is_our_name_is_said_once(tmp_path: Path) -> None:
    board = board_of(tmp_path, arm_of("reason", "10"))
    assert '<p class="brand">insightv-bench</p>' in page.render(board)
    assert "brand" not in page.render(board.model_copy(update={"title": "insightv-bench"}))


def test_unseen_characters_are_spelt_out() -> None:
    assert visible("a\u202eb\x1b\ud800\n") == "a[U+202E]b[U+001B][U+D800]\n"
    assert short("one\ntwo three", 8) == "one two…"


def test_what_to_try_next_suits_a_run_that_trains_and_one_that_evaluates(tmp_path: Path) -> None:
    page = tmp_path / "run" / "stages" / "leaderboard-1" / "index.html"
    build([written(tmp_path / "eval", arm_of("reason", "1100"))], page.parent, "A board")
    told = []
    for _ in range(2):
        out = io.StringIO()
        print_summary({"page": str(page), "wall_seconds": 60.0}, Console(file=out, width=200))
        told.append(out.getvalue())
        (tmp_path / "run" / "stages" / "train-reason-1").mkdir(exist_ok=True)
    evaluated, trained = told
    assert f"compare {tmp_path / 'run'} OTHER" in evaluated and "eval puzzlevqa" not in evaluated
    assert f"eval puzzlevqa --model {tmp_path / 'run'}" in trained and "OTHER" not in trained


def test_the_board_is_read_back_from_its_csv_and_stands_in_latex(tmp_path: Path) -> None:
    board = board_of(tmp_path, [*walk(), *arm_of("reason", "10" * 12, system="50% & $x_1$ #{a}")])
    read_back = pl.read_csv(io.StringIO(as_csv(board)))
    assert read_back.height == len(board.sets[0].systems)
    for row in board.arms:
        kept = read_back.filter(pl.col("system") == row.system).row(0, named=True)
        shares = [kept[f"{row.arm} {name}"] for name in ("accuracy", "low", "high", "n")]
        assert shares == [pytest.approx(value) for value in (row.accuracy, row.low, row.high, row.n)]
    text = latex(board)
    lines = text.split("\\midrule")[1].split("\\bottomrule")[0].strip().splitlines()
    columns = re.search(r"tabular}{(l?r*)}", text)
    assert columns and len(lines) == len(board.sets[0].systems)
    assert all(len(re.findall(r"(?<!\\)&", line)) + 1 == len(columns[1]) and line.endswith(r"\\") for line in lines)
    assert r"50\% \& \$x\_1\$ \#\{a\}" in text and r"\textbf{" in text
    assert text.count("{") == text.count("}") and "\\toprule" in text


def test_the_first_words_say_who_is_best_how_sure_and_why(tmp_path: Path) -> None:
    told = " ".join(headline(board_of(tmp_path / "walk", walk())))
    assert "Of 4 systems on 24 questions of drawn" in told and "is not told apart from 2 others" in told
    assert "The second agent adds 50.0 [" in told and "This is a toy run: 24 questions" in told
    assert "The base model alone (base) has 50.0 [" in told and "is above it by" in told
    unread = [row.model_copy(update={"answer": None, "correct": False}) for row in arm_of("reason", "0" * 200)]
    told = " ".join(headline(board_of(tmp_path / "unread", unread)))
    assert "In 100.0 % of the replies of sft in arm reason no answer could be read" in told and "toy" not in told


def test_the_first_words_tell_a_flaws_price_where_the_best_system_was_shown_none(tmp_path: Path) -> None:
    best = arm_of("reason+summary", "1" * 60, system="best")
    spoilt = arm_of("flawed", "0" * 60, flaw="perception", severity=1.0, planted_answer="9")
    other = [*arm_of("reason+summary", "01" * 30), *arm_of("oracle", "1" * 60), *spoilt]
    told = " ".join(headline(board_of(tmp_path, best + other)))
    assert "best has 100.0" in told and "A flaw in the path shown takes away 100.0" in told and "points (sft)" in told


def test_a_base_model_that_is_better_leads_the_first_words_and_the_ranks(tmp_path: Path) -> None:
    rows = arm_of("base", "1" * 60, system="base") + arm_of("reason+summary", "0" * 40 + "1" * 20, system="sft")
    board = board_of(tmp_path, rows)
    told = " ".join(headline(board))
    assert "base has 100.0 [94.0, 100.0] % right in arm base, and was found better than every other" in told
    assert "The base model alone (base) has 100.0" in told and "sft is below it by 66.7 [" in told
    places = {row.system: (row.rank_best, row.rank_worst) for row in board.arms}
    assert places == {"base": (1, 1), "sft": (2, 2)}
