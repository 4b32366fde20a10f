"""Ranks as ranges, tasks, rounds, lineage and names of systems; the board as text, Markdown and tables."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from board_rows import of, row, run, small, written
from boards import printed

from insightv_bench.leaderboard.board import ArmRow, Board, load_rows, ranks, read_origin
from insightv_bench.leaderboard.build import build, read
from insightv_bench.leaderboard.submissions import FIGURE_KEYS
from insightv_bench.leaderboard.tables import write_files
from insightv_bench.leaderboard.tables.markdown import TABLES, markdown
from insightv_bench.records import EvalRecord
from insightv_bench.statistics import ALPHA, paired
from insightv_bench.storage import read_rows

HOSTILE = "</td>|<script>alert(1)</script>\u202e\x1b[31m`x`[a](javascript:b) *b* \n# no heading"


def board_of(folder: Path, *evaluations: list[EvalRecord]) -> Board:
    places = [written(folder / f"eval-{place}", found) for place, found in enumerate(evaluations)]
    return read([str(place) for place in places])[0]


def of_system(board: Board, system: str, arm: str = "reason") -> ArmRow:
    return next(found for found in board.arms if (found.system, found.arm) == (system, arm))


def test_a_rank_is_a_range_of_the_places_that_the_tests_leave(tmp_path: Path) -> None:
    """40 questions: a and b differ in one, both are far above c; d is below b by 10 and above c by 14 of them."""
    right = {"a": 39, "b": 38, "d": 28, "c": 14}
    made = [one for system, num in right.items() for one in of("reason", "1" * num + "0" * (40 - num), system=system)]
    board = board_of(tmp_path, made)
    places = {name: (of_system(board, name).rank_best, of_system(board, name).rank_worst) for name in right}
    assert places == {"a": (1, 2), "b": (1, 2), "d": (3, 3), "c": (4, 4)}
    assert {name: of_system(board, name).tie_group for name in right} == {"a": 1, "b": 1, "d": 2, "c": 3}
    assert " 1–2 " in printed(board) and "| 1–2 |" in markdown(board)


def test_ties_that_do_not_chain_share_a_group_and_not_a_rank(tmp_path: Path) -> None:
    """a and b are tied, b and c too, a and c are not."""
    marks = {"a": "1" * 30 + "0" * 10, "b": "1" * 25 + "0" * 15, "c": "1" * 20 + "0" * 20}
    board = board_of(tmp_path, [one for name, found in marks.items() for one in of("reason", found, system=name)])
    places = [
        (of_system(board, n).rank_best, of_system(board, n).rank_worst, of_system(board, n).tie_group) for n in marks
    ]
    assert places == [(1, 2, 1), (1, 3, 1), (2, 3, 1)]


def test_a_greedy_twin_takes_no_place_from_the_others(tmp_path: Path) -> None:
    """The greedy twin is best by far; `other-greedy` is a name without a twin, a system like any."""
    right = {"sft": 20, "sft-greedy": 40, "dpo-1": 19, "dpo-1-greedy": 10, "other-greedy": 2}
    made = [one for system, num in right.items() for one in of("reason", "1" * num + "0" * (40 - num), system=system)]
    board = board_of(tmp_path, made)
    places = {name: (of_system(board, name).rank_best, of_system(board, name).rank_worst) for name in right}
    assert places == {
        "sft": (1, 2),
        "dpo-1": (1, 2),
        "other-greedy": (3, 3),
        "sft-greedy": (1, 1),
        "dpo-1-greedy": (2, 2),
    }
    assert "greedy twins are ranked among themselves" in markdown(board)


@pytest.mark.parametrize("num_samples", [1, 3])
def test_every_pair_at_once_agrees_with_the_paired_test(num_samples: int) -> None:
    """Exactly where a question has one reply, and within the flips' own noise where it has several, or none."""
    dice = random.Random(0)
    cells: dict[str, dict[str, list[bool]]] = {}
    for place, system in enumerate("abc"):
        for question in range(150):
            num = 1 if num_samples == 1 else dice.randint(0, num_samples)
            replies = [dice.random() < 0.4 + 0.1 * place for _ in range(num)]
            cells.setdefault(system, {}).update({f"q{question}": replies} if replies else {})
    told = [(s, q, reply) for s, found in cells.items() for q, replies in found.items() for reply in replies]
    found = ranks.pairs(pl.DataFrame(told, schema=["label", "cluster", "correct"], orient="row"), list("abc"))
    for a, b in [(0, 1), (0, 2), (1, 2)]:
        one = paired(cells["abc"[a]], cells["abc"[b]])
        assert found.difference[a, b] == pytest.approx(one.difference) == -found.difference[b, a]
        assert found.p[a, b] == pytest.approx(
            one.p, rel=1e-9 if num_samples == 1 else 0.3, abs=2e-3 * (num_samples > 1)
        )


def test_few_questions_with_many_replies_are_never_surer_than_their_coins() -> None:
    """Five questions, all better: no sign-flip test goes below 2 / 2**5."""
    replies = [("b" if b else "a", f"q{q}", b) for b in (True, False) for q in range(5) for _ in range(9)]
    found = ranks.pairs(pl.DataFrame(replies, schema=["label", "cluster", "correct"], orient="row"), ["a", "b"])
    assert found.p[0, 1] == pytest.approx(2 / 2**5)


def test_a_rank_and_a_comparison_say_the_same_of_a_pair_near_the_line() -> None:
    """The normal limit and the test itself fall on two sides of it in some of these."""
    rng, told_apart = np.random.default_rng(0), set()
    for _ in range(60):
        right = {"a": rng.random((40, 3)) < 0.5, "b": rng.random((40, 3)) < 0.63}
        sides = {name: {str(number): row.tolist() for number, row in enumerate(rows)} for name, rows in right.items()}
        told = [(name, q, each) for name, side in sides.items() for q, row in side.items() for each in row]
        replies = pl.DataFrame(told, schema=["label", "cluster", "correct"], orient="row")
        limit, itself = ranks.pairs(replies, ["a", "b"]).p[0, 1], paired(sides["a"], sides["b"]).p
        assert (ranks.decided(replies, ["a", "b"]).p[0, 1] < ALPHA) == (itself < ALPHA)
        told_apart.add((bool(limit < ALPHA), itself < ALPHA))
    assert {(True, False), (True, True), (False, False)} <= told_apart


def test_two_hundred_systems_are_ranked(tmp_path: Path) -> None:
    right = np.random.default_rng(0).random((200, 300)) < np.linspace(0.2, 0.9, 200)[:, None]
    frame = pl.DataFrame({"label": np.repeat(np.arange(200).astype(str), 300), "correct": right.ravel()})
    frame = frame.with_columns(cluster=pl.Series(np.tile(np.arange(300).astype(str), 200)))
    found = ranks.pairs(frame, [str(place) for place in range(200)])
    places = ranks.places_of(right.mean(axis=1).tolist(), ranks.better(found))
    assert places[0].rank_worst == 200 and places[199].rank_best == 1
    assert all(
        place.rank_best <= 200 - number + 60 and place.rank_worst >= 200 - number - 60
        for number, place in enumerate(places)
    )


def test_tasks_count_the_same_in_a_mean_with_its_interval(tmp_path: Path) -> None:
    """100 questions at 80 % and 20 at 40 %: 60 %, and MOVER's interval of the two Wilson ones; `b` lacks a task."""
    first = of("reason", "1" * 80 + "0" * 20) + of("reason", "1" * 100, system="b")
    board = board_of(tmp_path, first, of("reason", "1" * 8 + "0" * 12, task="other"))
    (mean,) = board.averages
    low, high = ([getattr(row, side) for row in board.arms if row.system == "sft"] for side in ("low", "high"))
    assert (mean.system, mean.accuracy, mean.n, len(mean.sets)) == ("sft", pytest.approx(0.6), 120, 2)
    assert mean.low == pytest.approx(0.6 - ((0.8 - low[0]) ** 2 + (0.4 - low[1]) ** 2) ** 0.5 / 2)
    assert mean.high == pytest.approx(0.6 + ((high[0] - 0.8) ** 2 + (high[1] - 0.4) ** 2) ** 0.5 / 2)
    assert "All tasks" in printed(board) and "Accuracy % by task, arm reason" in markdown(board)


def test_a_greedy_twin_takes_no_place_in_the_mean_of_tasks(tmp_path: Path) -> None:
    right = {"sft": 20, "sft-greedy": 40, "dpo-1": 5}
    tasks = [
        [
            one
            for name, num in right.items()
            for one in of("reason", "1" * num + "0" * (40 - num), system=name, task=task)
        ]
        for task in ("drawn", "other")
    ]
    board = board_of(tmp_path, *tasks)
    assert {row.system: row.rank_best for row in board.averages} == {"sft": 1, "dpo-1": 2, "sft-greedy": 1}
    assert "not ranked here; greedy twins are ranked among themselves" in markdown(board)


def test_sets_of_one_task_are_not_averaged(tmp_path: Path) -> None:
    assert board_of(tmp_path, of("reason", "10"), of("reason", "1100", system="b", prompt="x@1")).averages == ()


def test_rounds_have_differences_lengths_margins_and_pairs(tmp_path: Path) -> None:
    board, _ = read([str(run(tmp_path / "mine-seed0"))])
    found = {(one.system, one.arm): one for one in board.rounds}
    last = found["dpo-2", "reason"]
    assert (last.path_tokens, last.num_paths, last.reward_margin, last.num_pairs) == (42.0, 12, 0.5, 50)
    assert last.from_start and last.from_before and (last.from_start.a, last.from_before.a) == ("sft", "dpo-1")
    assert last.from_start.difference == pytest.approx(4 / 12) and last.from_before.difference == pytest.approx(3 / 12)
    told = next(one for one in board.comparisons if (one.b, one.a) == ("dpo-2: reason", "sft: reason"))
    assert (last.from_start.p, last.from_start.outcome) == (told.p, told.outcome)
    assert found["sft", "reason"].from_start is None and found["sft", "reason"].reward_margin is None
    assert found["dpo-1", "reason"].from_before is None and found["dpo-1", "reason"].reward_margin == 0.25
    text = printed(board)
    assert "42.0 [42.0, 42.0]" in text and "0.500" in text and "Rounds" in text
    assert "against the round before" in markdown(board)


def test_a_round_that_is_easier_to_mislead_is_seen(tmp_path: Path) -> None:
    planted = {"flaw": "perception", "severity": 1.0, "planted_answer": "9", "path_correct": False}
    made = [
        row(q, arm, True, system=s, round=n)
        for q in range(12)
        for n, s in enumerate(("sft", "dpo-1"))
        for arm in ("reason",)
    ]
    made += [
        row(q, "self-flawed", s == "sft", system=s, round=n, **planted)
        for q in range(12)
        for n, s in enumerate(("sft", "dpo-1"))
    ]
    board = board_of(tmp_path, made)
    (found,) = [one for one in board.rounds if (one.system, one.arm) == ("dpo-1", "self-flawed")]
    assert found.from_start and (found.from_start.difference, found.from_start.outcome) == (-1.0, "lower")


def test_lineage_names_corpora_by_fingerprint_and_their_rows(tmp_path: Path) -> None:
    board, _ = read([str(run(tmp_path / "mine-seed3", seed=3))])
    of_last = {one.name: one for one in board.lineage if one.system == "dpo-2"}
    corpus = of_last["corpora-reasoning"]
    assert (corpus.kind, corpus.fingerprint, corpus.num_rows, corpus.recipe, corpus.seed) == (
        "corpus",
        "a1",
        590,
        "mine",
        3,
    )
    assert of_last["train-dpo-2"].detail == "reference previous, 9 steps" and of_last["m"].fingerprint == ""
    assert "train-dpo-1" in of_last and "corpora-preference-2" in of_last
    text = printed(board)
    assert "corpora-reasoning" in text and "recipe mine, seed 3; insightv-bench 0.1.0 at ffffffffffff" in text
    origin = read_origin(tmp_path / "mine-seed3/stages/eval-dpo-2-a1")
    assert origin and "secret" not in str(origin) and "base_url" not in str(origin)


def test_two_runs_systems_of_one_name_are_two_systems(tmp_path: Path) -> None:
    """The same recipe with two seeds: no model's rows are taken for the other's, or dropped as doubled."""
    places = [str(run(tmp_path / f"mine-seed{seed}", seed, 6 - seed, f"a{seed}")) for seed in (0, 1)]
    board, _ = read(places)
    systems = {found.system for found in board.arms}
    assert {"dpo-1 (tiny, seed 0)", "dpo-1 (tiny, seed 1)"} < systems and len(systems) == 6
    assert board.notes == ("Several runs have systems of one name from `org/tiny`: each is named with its run.",)
    rounds = {(found.b, found.a) for found in board.comparisons if found.family == "rounds"}
    assert ("dpo-1 (tiny, seed 1): reason", "sft (tiny, seed 1): reason") in rounds
    assert not any("seed 0" in b and "seed 1" in a for b, a in rounds)
    again, _ = read([places[0], places[0]])
    assert {found.system for found in again.arms} == {"sft", "dpo-1", "dpo-2"} and not again.notes


def test_models_told_by_the_rows_alone_are_kept_apart(tmp_path: Path) -> None:
    board = board_of(tmp_path, of("reason", "1100", model="a@1"), of("reason", "1110", model="a@2"))
    assert {found.system for found in board.arms} == {"sft (tiny, eval-0)", "sft (tiny, eval-1)"}


def test_a_judge_and_a_tolerance_are_part_of_what_must_agree(tmp_path: Path) -> None:
    judged = of("reason", "1110", system="b", answer_judge="gpt@1", tolerance=0.05)
    board = board_of(tmp_path, of("reason", "1100"), judged)
    assert len(board.sets) == 2 and not board.comparisons
    assert "parser 1, judge gpt@1, tolerance 0.05" in board.notes[0].replace(board.sets[0].parser.split(",")[0], "1")


def test_arms_of_one_evaluation_stay_together_in_another_setting(tmp_path: Path) -> None:
    second = of("reason", "1111", token_cap=64) + of("oracle", "1111", token_cap=64, path_correct=True)
    board = board_of(tmp_path, of("reason", "1100") + of("direct", "1000"), second)
    assert {(found.system, found.arm) for found in board.arms} == {
        *(("sft", arm) for arm in ("reason", "direct")),
        *(("sft #2", arm) for arm in ("reason", "oracle")),
    }


def test_the_flaw_map_pools_severities(tmp_path: Path) -> None:
    (found,) = board_of(tmp_path, small()).flaws
    assert (found.flaw, found.accuracy, found.n, found.follow, found.follow_n) == ("perception", 0.5, 24, 0.5, 24)
    assert "perception   50.0" in printed(board_of(tmp_path / "again", small()))


def test_the_order_of_rows_changes_no_figure_in_its_last_bit(tmp_path: Path) -> None:
    """Rows of several machines, or of a run that was killed, may lie in any order."""
    random_, rows = random.Random(0), list[EvalRecord]()
    for question in range(40):
        for sample in range(random_.randint(1, 5)):
            rows.append(row(question, "reason+summary", random_.random() < 0.8, sample=sample))
            spoilt = {"flaw": "perception", "severity": random_.choice((0.5, 1.0)), "planted_answer": "9"}
            rows.append(row(question, "flawed", random_.random() < 0.3, sample=sample, **spoilt))
    boards = []
    for number in range(3):
        random_.shuffle(rows)
        boards.append(board_of(tmp_path / str(number), rows))
    for board in boards[1:]:
        assert board.arms == boards[0].arms and board.robustness == boards[0].robustness
        assert board.flaws == boards[0].flaws and board.measures == boards[0].measures


def test_hostile_names_stay_text_in_markdown_and_terminal(tmp_path: Path) -> None:
    board = board_of(tmp_path, small(), of("reason", "1" * 12, system=HOSTILE, prompt="r|x@1"))
    text = markdown(board)
    assert "<script" not in text.replace("\\<", "") and "\x1b" not in text and "\u202e" not in text
    assert "\n# no" not in text and "](javascript" not in text.replace("\\]", "")
    for table in text.split("\n\n"):
        cells = {line.count("|") - line.count("\\|") for line in table.splitlines() if line.startswith("|")}
        assert len(cells) <= 1, table
    assert "\x1b" not in printed(board)


def test_files_hold_the_whole_board(tmp_path: Path) -> None:
    board, _ = read([str(run(tmp_path / "mine-seed0"))])
    write_files(board, tmp_path / "out")
    assert Board.model_validate_json((tmp_path / "out/board.json").read_bytes()) == board
    for name, record in TABLES.items():
        assert tuple(read_rows(tmp_path / f"out/tables/{name}.parquet", record)) == getattr(board, name)
    text = (tmp_path / "out/board.md").read_text()
    assert text == markdown(board) and "sft: reason+summary against sft: reason" in text
    assert set(TABLES) | {"title", "notes", "sets"} == set(Board.model_fields)
    assert set(FIGURE_KEYS) == set(TABLES) - {"submissions"} | {"sets"}


def test_many_systems_are_cut_in_the_terminal_and_said(tmp_path: Path) -> None:
    made = [one for n in range(30) for one in of("reason", "1" * n + "0" * (30 - n), system=f"s{n:02d}")]
    text = printed(board_of(tmp_path, made))
    assert "the 20 best of 30 systems" in text and "s29" in text and "s05" not in text


def test_of_many_systems_the_terminal_leaves_greedy_twins_out_first(tmp_path: Path) -> None:
    marks = [(f"s{n:02d}{twin}", "1" * (n + 9 * bool(twin))) for n in range(12) for twin in ("", "-greedy")]
    made = [one for name, right in marks for one in of("reason", right.ljust(24, "0"), system=name)]
    text = printed(board_of(tmp_path, made))
    assert "12 of 24 systems, the greedy twins left out" in text and "s00" in text and "-greedy" not in text


def test_build_writes_page_and_files(tmp_path: Path) -> None:
    build([written(tmp_path / "eval", small())], tmp_path / "out", "Mine", ["A note."])
    names = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*")}
    assert {"index.html", "board.json", "board.md", "tables/arms.parquet"} < names
    assert json.loads((tmp_path / "out/board.json").read_text())["notes"][0] == "A note."


def test_rows_written_before_later_columns_are_read(tmp_path: Path) -> None:
    folder = written(tmp_path / "eval", small())
    file = folder / "data-00000.parquet"
    pl.read_parquet(file).drop("model", "tolerance", "answer_judge").write_parquet(file)
    assert load_rows([folder])[0]["answer_judge"].unique().to_list() == ["rule"]


def test_an_arm_says_what_was_cut_off_and_between_what_its_accuracy_lies(tmp_path: Path) -> None:
    rows = of("reason", "1111100000", path_dialect="prose")
    cut = {"finish": "length", "cut_in": "thought", "path_dialect": "think", "answer": None}
    board = board_of(tmp_path, [*rows[:8], *(one.model_copy(update=cut) for one in rows[8:])])
    (found,) = board.arms
    assert (found.cut_off, found.cut_in_thought, found.finished_accuracy) == (2, 2, 5 / 8)
    assert (found.if_cut_wrong, found.if_cut_right, found.dialects) == (0.5, 0.7, ("prose 8", "think 2"))
    said = " ".join(printed(board).split())
    assert "of the finished right, 50.0-70.0 % if all cut wrong-right" in said and "prose 8 think 2" in said
    assert "2 of 10 replies in arm reason were cut off: raise `eval.path_sampling.max_new_tokens`" in said
