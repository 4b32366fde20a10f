"""Evaluation rows made by hand, and what the board, the terminal table and the page make of them."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import board_rows
import polars as pl
import pytest
from rich.console import Console

from insightv_bench import tables
from insightv_bench.errors import RunError
from insightv_bench.leaderboard import figures, page, sets
from insightv_bench.leaderboard import rows as rows_module
from insightv_bench.leaderboard.board import Board, MeasureRow
from insightv_bench.leaderboard.build import build, compute
from insightv_bench.leaderboard.table import print_board
from insightv_bench.leaderboard.text import short, visible
from insightv_bench.records import EvalRecord

FAMILIES = ("agents", "rounds")
ARMS = ("reason", "reason+summary")
HOSTILE = "</script><script>alert(1)</script>\u202e\x1b[31m[bold]$x_1$ & \"quoted\" 'single' https://example.org"


def record(place: int, arm: str, correct: bool, **changes: Any) -> EvalRecord:
    """A row of system `sft`: gold 7, and 9 where it is wrong."""
    return board_rows.row(place, arm, correct, **{"parser": "1", **changes})


def flawed(place: int, correct: bool, **changes: Any) -> EvalRecord:
    """A reply to a path with a perception flaw that ends in 9."""
    planted = {"flaw": "perception", "severity": 0.5, "planted_answer": "9", "path_correct": False, "position": "early"}
    return record(place, "flawed", correct, **{**planted, **changes})


def arm_of(arm: str, right: str, **changes: Any) -> list[EvalRecord]:
    """One row a question: `right` is a string of 1 and 0."""
    return [record(place, arm, mark == "1", **changes) for place, mark in enumerate(right)]


def written(folder: Path, records: Sequence[EvalRecord]) -> Path:
    """The records as an evaluation's folder."""
    folder.mkdir(parents=True, exist_ok=True)
    tables.write_shards(folder, records, EvalRecord)
    return folder


def board_of(folder: Path, *evaluations: Sequence[EvalRecord]) -> Board:
    """The board alone, without drawing it."""
    folders = [written(folder / f"eval-{place}", records) for place, records in enumerate(evaluations)]
    frame, notes = rows_module.load(folders)
    found, apart = sets.split(frame)
    return compute(found, [*notes, *apart], "A board")


def measures(board: Board) -> dict[str, MeasureRow]:
    return {row.measure: row for row in board.measures}


def walk(num_questions: int = 24) -> list[EvalRecord]:
    """A base model, supervised fine-tuning and two rounds, in the arms that matter."""
    made = arm_of("base", "10" * (num_questions // 2), system="base")
    for number, system in enumerate(["sft", "dpo-1", "dpo-2"]):
        own = {"system": system, "round": number}
        marks = "".join("1" if place % (number + 2) else "0" for place in range(num_questions))
        path = "\n".join(
            [
                json.dumps({"summary": "Add", "reasoning": "3 + 4 = 7", "action": "summary"}),
                json.dumps({"answer": "7"}),
            ]
        )
        made += arm_of("reason", marks, path=path, path_id=system, path_correct=True, path_status="complete", **own)
        made += arm_of("reason+summary", "1" * num_questions, path=path, path_id=system, path_correct=True, **own)
        made += arm_of("direct", marks[::-1], **own) + arm_of("oracle", "1" * num_questions, path_correct=True, **own)
        levels = (0.25, 0.5, 1.0)
        made += [
            flawed(q, q % 3 > place, severity=s, **own) for q in range(num_questions) for place, s in enumerate(levels)
        ]
    return made


def test_an_arm_is_counted_by_hand(tmp_path: Path) -> None:
    rows = arm_of("reason", "1110")
    rows[3] = record(3, "reason", False, answer=None, method="unread", path_status="malformed", finish="length")
    row = board_of(tmp_path, rows).arms[0]
    assert (row.system, row.arm, row.accuracy, row.n, row.num_questions) == ("sft", "reason", 0.75, 4, 4)
    assert (row.unread, row.malformed, row.cut_off, row.failed) == (1, 1, 1, 0)
    assert row.tokens_per_right_answer == pytest.approx(40 / 3)
    assert (row.low, row.high) == (pytest.approx(0.3006, abs=1e-4), pytest.approx(0.9544, abs=1e-4))  # Wilson, 3 of 4


def test_no_right_answer_has_no_price(tmp_path: Path) -> None:
    assert board_of(tmp_path, arm_of("reason", "000")).arms[0].tokens_per_right_answer is None


def test_a_path_of_severity_0_is_no_flawed_path(tmp_path: Path) -> None:
    rows = [flawed(0, True, severity=0.0, flaw="none"), flawed(0, False), flawed(1, True)]
    row = board_of(tmp_path, rows).arms[0]
    assert (row.n, row.accuracy) == (2, 0.5)


def test_two_agents_against_one_by_hand(tmp_path: Path) -> None:
    """Six questions gained, none lost: p = 2 / 2**6."""
    board = board_of(tmp_path, arm_of("reason", "1111000000") + arm_of("reason+summary", "1111111111"))
    (row,) = board.comparisons
    assert (row.a, row.b, row.n) == ("sft: reason", "sft: reason+summary", 10)
    assert (row.difference, row.p_raw, row.p) == (pytest.approx(0.6), pytest.approx(0.03125), pytest.approx(0.03125))
    assert row.outcome == "higher"
    assert row.sentence.startswith("sft: reason+summary against reason: +60.0 points [")


def test_natural_pairs_are_compared_and_no_others(tmp_path: Path) -> None:
    board = board_of(tmp_path, walk())
    pairs = {family: [(row.b, row.a) for row in board.comparisons if row.family == family] for family in FAMILIES}
    assert ("sft: reason", "base") in pairs["agents"] and ("dpo-2: flawed", "dpo-2: oracle") in pairs["agents"]
    assert len(pairs["agents"]) == 3 * 5
    rounds = [("dpo-1", "sft"), ("dpo-2", "sft"), ("dpo-2", "dpo-1")]
    arms = ("reason", "reason+summary")
    assert sorted(pairs["rounds"]) == sorted((f"{b}: {arm}", f"{a}: {arm}") for b, a in rounds for arm in arms)


def test_p_is_adjusted_within_its_family(tmp_path: Path) -> None:
    board = board_of(tmp_path, walk())
    for family in FAMILIES:
        rows = sorted((row for row in board.comparisons if row.family == family), key=lambda row: row.p_raw)
        assert rows[0].p == pytest.approx(min(1, rows[0].p_raw * len(rows)))
        assert all(row.p >= row.p_raw for row in rows)


def test_a_lone_model_is_compared_with_its_own_base_arm(tmp_path: Path) -> None:
    rows = arm_of("base", "1010", system="x") + arm_of("direct", "1110", system="x")
    assert [(row.a, row.b) for row in board_of(tmp_path, rows).comparisons] == [("x", "x: direct")]


def test_follow_counts_only_paths_that_mislead(tmp_path: Path) -> None:
    """Of three misleading paths two are followed; in the fourth the planted answer is the gold one."""
    rows = [flawed(0, False), flawed(1, False), flawed(2, True), flawed(3, True, planted_answer="7", flaw="premature")]
    board = board_of(tmp_path, rows)
    assert (measures(board)["follow"].value, measures(board)["follow"].n) == (pytest.approx(2 / 3), 3)
    follow = {row.flaw: row.follow for row in board.robustness}
    assert follow == {"any": pytest.approx(2 / 3), "perception": pytest.approx(2 / 3), "premature": None}


def test_excess_follow_is_less_what_is_said_without_a_path(tmp_path: Path) -> None:
    """9 is followed in 3 of 4; without a path it is said in 1 of 4 anyway."""
    rows = [flawed(q, q == 3) for q in range(4)] + arm_of("direct", "0111")
    found = measures(board_of(tmp_path, rows))["excess_follow"]
    assert (found.value, found.n, found.num_questions) == (pytest.approx(0.5), 4, 4)


def test_recovery_rescue_and_over_rejection_by_hand(tmp_path: Path) -> None:
    rows = arm_of("oracle", "1110", path_correct=True) + [
        flawed(0, True),
        flawed(1, False),
        flawed(2, False),
        flawed(3, True),
    ]
    rows += arm_of("direct", "1100")
    own = "reason+summary"
    rows += [record(q, own, right, path_correct=q < 3) for q, right in enumerate([True, False, False, True])]
    found = measures(board_of(tmp_path, rows))
    assert (found["recovery"].value, found["recovery"].n) == (pytest.approx(1 / 3), 3)
    assert (found["over_rejection"].value, found["over_rejection"].n) == (0.5, 2)
    assert (found["rescue"].value, found["rescue"].n) == (1.0, 1)


def test_verdicts_are_counted_where_they_are_stated(tmp_path: Path) -> None:
    rows = arm_of("oracle", "11", path_correct=True, verdict="right") + [record(2, "oracle", True, path_correct=True)]
    rows += [flawed(0, True, verdict="wrong"), flawed(1, True, verdict="right")]
    found = measures(board_of(tmp_path, rows))
    assert (found["verdict_on_right"].value, found["verdict_on_right"].n) == (1.0, 2)
    assert (found["verdict_on_wrong"].value, found["verdict_on_wrong"].n) == (0.5, 2)


def test_severity_0_is_the_exact_path_on_the_same_questions(tmp_path: Path) -> None:
    """Questions 0 and 1 have a flawed path; question 2, wrong with the exact one, has none. Area: (1 + 0.5) / 2."""
    rows = arm_of("oracle", "110", path_correct=True) + [flawed(0, True, severity=0.97), flawed(1, False, severity=1.0)]
    board = board_of(tmp_path, rows)
    curve = [(row.severity, row.accuracy, row.n) for row in board.robustness if row.flaw == "perception"]
    assert curve == [(0.0, 1.0, 2), (1.0, 0.5, 2)]
    assert measures(board)["area"].value == pytest.approx(0.75)


def test_flawed_rows_are_clustered_by_question(tmp_path: Path) -> None:
    """Ten questions, each wholly right or wholly wrong over 8 flaws: the interval is as wide as ten rows make it."""
    rows = [
        flawed(q, q % 2 == 0, position=p, severity=s)
        for q in range(10)
        for p in ("early", "late")
        for s in (0.25, 0.5, 0.75, 1.0)
    ]
    (row,) = board_of(tmp_path, rows).arms
    assert (row.n, row.num_questions) == (80, 10)
    assert row.high - row.low > 0.5


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"prompt": "reason@2"}, "prompt `reason@2` against `reason@1`"),
        ({"token_cap": 2048}, "a token cap of 2,048 against 512"),
        ({"task_version": "2"}, "task, version or parser differ: drawn@1, parser 1; drawn@2, parser 1"),
        ({"parser": "2"}, "drawn@1, parser 1; drawn@1, parser 2"),
        ({"task": "other"}, "drawn@1, parser 1; other@1, parser 1"),
    ],
)
def test_what_cannot_be_compared_is_kept_apart_and_said(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    first = arm_of("reason", "1100")
    board = board_of(tmp_path, first, arm_of("reason", "1110", **{"system": "dpo-1", "round": 1, **changes}))
    assert len(board.sets) == 2 and len(board.arms) == 2
    assert not board.comparisons
    assert any(words in note for note in board.notes)


def test_other_questions_are_kept_apart_and_said(tmp_path: Path) -> None:
    later = [record(q, "reason", True, system="dpo-1", round=1) for q in range(2, 8)]
    board = board_of(tmp_path, arm_of("reason", "1100"), later)
    assert len(board.sets) == 2 and not board.comparisons
    assert board.notes == (
        "`dpo-1` is kept apart from `sft`: it answered 6 questions against 4, of which 2 are shared.",
    )


def test_the_base_model_stands_in_every_set_it_fits(tmp_path: Path) -> None:
    base = arm_of("base", "1000", system="base")
    board = board_of(
        tmp_path, base, arm_of("reason", "1100"), arm_of("reason", "1110", system="other", prompt="reason@2")
    )
    assert [found.systems for found in board.sets] == [("base", "other"), ("base", "sft")]
    assert {row.b for row in board.comparisons} == {"sft: reason", "other: reason"}


def test_one_system_in_two_settings_is_two_systems(tmp_path: Path) -> None:
    board = board_of(tmp_path, arm_of("reason", "1100"), arm_of("reason", "1110", token_cap=64))
    assert {row.system for row in board.arms} == {"sft", "sft #2"}
    assert "`sft #2` is system `sft` again" in board.notes[0]


def test_two_base_models_are_named(tmp_path: Path) -> None:
    board = board_of(tmp_path, arm_of("reason", "1100"), arm_of("reason", "1110", base="org/large"))
    assert [row.system for row in board.arms] == ["sft (large)", "sft (tiny)"]
    assert len(board.sets) == 1


def test_rows_that_stand_twice_count_once(tmp_path: Path) -> None:
    board = board_of(tmp_path, arm_of("reason", "1100"), arm_of("reason", "1100"))
    assert board.arms[0].n == 4
    assert board.notes == ("4 rows stood twice; the first of each was kept.",)


def test_exclusions_are_no_rows(tmp_path: Path) -> None:
    folder = written(tmp_path / "eval", arm_of("reason", "1100"))
    pl.DataFrame({"id": ["x"], "reason": ["no"]}).write_parquet(folder / "exclusions.parquet")
    assert rows_module.load([folder])[0].height == 4


def test_a_folder_without_rows_is_an_error_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="holds no parquet file"):
        rows_module.load([tmp_path])
    pl.DataFrame({"id": ["x"]}).write_parquet(tmp_path / "data-00000.parquet")
    with pytest.raises(RunError, match="column `system` is missing"):
        rows_module.load([tmp_path])
    (tmp_path / "data-00000.parquet").write_bytes(b"PAR1 cut")
    with pytest.raises(RunError, match="cannot be read"):
        rows_module.load([tmp_path])


def test_options_are_matched_as_options(tmp_path: Path) -> None:
    options = {"options": ("red", "blue, dark", "green"), "answer_type": "option", "gold": "A"}
    rows = [
        flawed(0, False, planted_answer="B", answer="B", **options),
        flawed(1, True, planted_answer="B", answer="A", **options),
    ]
    assert measures(board_of(tmp_path, rows))["follow"].value == 0.5


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole board with hostile names in it, on disk."""
    folder = tmp_path_factory.mktemp("built")
    rows = walk() + arm_of(
        "reason", "1" * 24, system=HOSTILE, question=HOSTILE, response=HOSTILE, answer=HOSTILE, kind=HOSTILE
    )
    build([written(folder / "eval", rows)], folder / "out", HOSTILE)
    return folder / "out"


def test_board_json_has_the_keys_others_read(built: Path) -> None:
    board = json.loads((built / "board.json").read_text())
    first = {"title", "notes", "sets", "arms", "comparisons", "robustness", "measures"}
    assert set(board) == first | {"averages", "rounds", "flaws", "lineage"}
    assert {"system", "arm", "accuracy", "low", "high", "n", "unread", "malformed"} < set(board["arms"][0])
    assert {"a", "b", "difference", "low", "high", "p", "n", "sentence"} < set(board["comparisons"][0])
    assert {"system", "flaw", "severity", "accuracy", "low", "high", "follow", "n"} < set(board["robustness"][0])
    assert Board.model_validate(board).title == HOSTILE


def test_a_board_without_the_plots_extra_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "seaborn", None)
    board = build([written(tmp_path / "eval", arm_of("reason", "10"))], tmp_path / "out", "A board")
    assert "figures were left out: `seaborn` is not installed" in board.notes[0]
    assert "<img" not in (tmp_path / "out" / "index.html").read_text()


def test_the_terminal_table_fits_80_columns(tmp_path: Path) -> None:
    long = arm_of("reason", "1" * 24, system="a system with a name that is far too long for a terminal")
    output = io.StringIO()
    print_board(board_of(tmp_path, walk() + long), Console(file=output, width=80))
    lines = output.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert any(re.search(r"sft +direct +1–3 +50\.00 +31\.43 – 68\.57 +24", line) for line in lines)
    assert "reason+summary against reason:" in output.getvalue()


def test_the_terminal_obeys_no_name(tmp_path: Path) -> None:
    output = io.StringIO()
    print_board(board_of(tmp_path, arm_of("reason", "10", system=HOSTILE)), Console(file=output, width=80))
    assert "\x1b" not in output.getvalue() and "\u202e" not in output.getvalue()
    assert "</script>" in output.getvalue()


def choice(place: int, right: bool, num_options: int = 4, arm: str = "reason", **changes: Any) -> EvalRecord:
    """A reply to a question with options; none where `num_options` is 0."""
    columns: dict[str, Any] = {"options": tuple("abcdefgh"[:num_options])}
    if num_options:
        columns |= {"answer_type": "option", "gold": "A", "answer": "A" if right else "B"}
    return record(place, arm, right, **{**columns, **changes})


def printed(board: Board) -> str:
    output = io.StringIO()
    print_board(board, Console(file=output, width=80))
    assert max(map(len, output.getvalue().splitlines())) <= 80
    return output.getvalue()


def test_chance_is_the_mean_over_the_questions_with_options(tmp_path: Path) -> None:
    """Two of four options, one of two, and one question without: (1/4 + 1/4 + 1/2) / 3."""
    rows = [choice(0, True), choice(1, False), choice(2, True, num_options=2), choice(3, True, num_options=0)]
    board = board_of(tmp_path, [*rows, *(choice(place, True, 2, "direct") for place in (2,))])
    (found,) = board.sets
    assert (found.chance, found.num_with_options, found.num_questions) == (pytest.approx(1 / 3), 3, 4)
    assert "4 questions, chance 33.33 % on the 3 with options" in printed(board)


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
    figures.draw(board, tmp_path)
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
    agents, rounds = text.index("Arms against each other (n = 24"), text.index("DPO rounds against before (n = 24")
    assert agents < text.index("sft: reason+summary against reason:") < rounds
    assert rounds < text.index("dpo-1: reason+summary against sft:") and ", n = 24, p" not in text
    page_text = page.render(board_of(tmp_path / "page", walk()))
    section = page_text.split("<h2>Comparisons</h2>")[1].split("<h2>")[0]
    assert section.count('class="name"><bdi>sft</bdi></th>') == 1
    assert section.count("<bdi>reason+summary against reason</bdi>") == 3
    assert section.count("<bdi>dpo-2 against dpo-1</bdi>") == 2


def test_arms_that_never_differ_have_no_detectable_difference(tmp_path: Path) -> None:
    (row,) = board_of(tmp_path, arm_of("reason", "1100") + arm_of("reason+summary", "1100")).comparisons
    assert (row.outcome, row.difference, row.detectable) == ("tie", 0.0, None)


def test_a_title_that_is_our_name_is_said_once(tmp_path: Path) -> None:
    board = board_of(tmp_path, arm_of("reason", "10"))
    assert '<p class="brand">insightv-bench</p>' in page.render(board)
    assert "brand" not in page.render(board.model_copy(update={"title": "insightv-bench"}))


def test_unseen_characters_are_spelt_out() -> None:
    assert visible("a\u202eb\x1b\ud800\n") == "a[U+202E]b[U+001B][U+D800]\n"
    assert short("one\ntwo three", 8) == "one two…"


def controls(num_questions: int = 24) -> list[EvalRecord]:
    """The walk with its controls, two systems of them greedy too, and two sampled paths a question."""
    made = walk(num_questions)
    right = "10" * (num_questions // 2)
    both = [("reason", right), ("reason+summary", right)]
    made += [row.model_copy(update={"sample": 1}) for row in made if row.arm in ARMS and row.system == "sft"]
    made += arm_of("majority", "1" * (num_questions - 1) + "0")
    for system, number in [("continued-sft", 0), ("rejection-1", 1), ("rejection-2", 2), ("continued-sft-dpo", 0)]:
        made += [row for arm, marks in both for row in arm_of(arm, marks, system=system, round=number)]
    for system, number in [("sft-greedy", 0), ("dpo-2-greedy", 2), ("rejection-2-greedy", 2)]:
        made += [row for arm, marks in both for row in arm_of(arm, marks, system=system, round=number)]
    levels = (0.25, 0.5, 1.0)
    return made + [flawed(q, False, severity=s, system="optimal-only") for q in range(num_questions) for s in levels]


def test_controls_are_a_family_of_their_own(tmp_path: Path) -> None:
    board = board_of(tmp_path, controls())
    pairs = {family: [(row.b, row.a) for row in board.comparisons if row.family == family] for family in FAMILIES}
    against = [(row.b, row.a) for row in board.comparisons if row.family == "controls"]
    two = "sft: reason+summary"
    assert against[:3] == [(two, "sft: reason"), (two, "sft: majority"), (two, "continued-sft: reason")]
    assert ("optimal-only: flawed", "sft: flawed") in against and ("dpo-1: reason", "rejection-1: reason") in against
    assert ("dpo-2: reason+summary", "continued-sft-dpo: reason+summary") in against
    assert ("dpo-1: reason", "continued-sft-dpo: reason") not in against  # it has spent the compute of both rounds
    alone = [(f"{system}: reason+summary", f"{system}: reason") for system in ("sft", "dpo-2", "rejection-2")]
    assert [pair in against for pair in alone] == [True, False, False]
    assert [pair in pairs["agents"] for pair in alone] == [False, True, True]
    assert len(set(against)) == len(against) == 3 + 1 + 2 * 3
    greedy = [pair for pair in against + pairs["agents"] if "greedy" in "".join(pair)]
    assert greedy == [(f"{own}: reason+summary", f"{own}: reason") for own in ("sft-greedy", "dpo-2-greedy")]


def test_two_paths_a_question_are_compared_with_one_majority(tmp_path: Path) -> None:
    """24 questions, two replies each, against one: 100 % against 23 of 24."""
    board = board_of(tmp_path, controls())
    row = next(row for row in board.comparisons if row.a == "sft: majority" and row.b == "sft: reason+summary")
    assert (row.difference, row.n, row.outcome) == (pytest.approx(1 / 24), 24, "tie")
    assert "over questions" in row.method


def test_greedy_systems_stand_beside_their_twins_and_are_no_rounds(tmp_path: Path) -> None:
    board = board_of(tmp_path, controls())
    (found,) = board.sets
    assert found.systems == (
        *("base", "sft", "sft-greedy", "dpo-1", "dpo-2", "dpo-2-greedy", "continued-sft", "continued-sft-dpo"),
        *("optimal-only", "rejection-1", "rejection-2", "rejection-2-greedy"),
    )
    assert {row.system for row in board.arms if row.trained} == {"sft", "dpo-1", "dpo-2"}
    rounds = [row for row in board.comparisons if row.family == "rounds"]
    assert len(rounds) == 3 * len(ARMS) and not any("greedy" in row.a + row.b for row in rounds)


def test_controls_are_told_in_terminal_and_page(tmp_path: Path) -> None:
    board = board_of(tmp_path, controls())
    told = printed(board)
    assert max(map(len, told.splitlines())) <= 80
    agents, against = told.index("Arms against each other"), told.index("Against controls")
    assert agents < against < told.index("DPO rounds against before")
    assert "optimal-only: flawed against sft:" in told and "majority:" in told
    text = page.render(board)
    assert "Against controls; p Holm-adjusted over" in text
    assert "<bdi>reason+summary against continued-sft: reason</bdi>" in text
    assert "most of the reasoning agent&#x27;s sampled paths" in text or "most of the reasoning agent's" in text
