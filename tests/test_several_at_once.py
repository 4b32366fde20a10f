"""Several stored paths in one prompt: what is shown, what is read, the corpus, the control, and its figures."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path as File

import pytest
from boards import arm_of, board_of, measures, record
from small_build import AGENT, TRIPLE, Built, build_corpora, text_of
from test_several_paths import SETTINGS, path
from test_teacher import teacher

from insightv_bench.agents import several_chat
from insightv_bench.engines.teacher import Teacher
from insightv_bench.errors import RecipeError
from insightv_bench.evals.arms import Given, docs
from insightv_bench.journal import Request
from insightv_bench.plan import plan
from insightv_bench.protocol import parse_summary, parse_verdicts, render_path, render_verdicts, split_paths
from insightv_bench.records import Question, SummaryRow
from insightv_bench.results import rescored
from insightv_bench.settings import CorporaSettings, Sampling, SeveralSettings, load_recipe
from insightv_bench.world import Level, exact_path, parse_question, sample_questions, scene_from_json

ARM = "reason+summary-of-k"


@pytest.fixture(scope="module")
def question() -> Question:
    return next(iter(sample_questions(Level(), "test", 0, 1)))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return build_corpora(tmp_path_factory.mktemp("several"))


def test_the_same_paths_are_shown_in_several_orders_and_a_row_says_which(question: Question) -> None:
    paths = [path(question, 0, question.answer), path(question, 1, None), path(question, 2, "8128")]
    first, second = docs(ARM, [question], Given({question.id: paths}, {}), SETTINGS)
    assert sorted(first["shown"]) == [0, 1, 2] and second["shown"] == [*first["shown"][1:], first["shown"][0]]
    assert [first["sample"], second["sample"]] == [0, 1] and first["num_paths"] == 3
    assert dict(zip(first["shown"], first["shown_right"], strict=True)) == {0: True, 1: False, 2: False}
    assert first["path_tokens"] == second["path_tokens"] == 10 + 11 + 12
    assert all(f"Path {number}:" in first["context"] for number in (1, 2, 3))


def test_k_is_a_setting_and_one_path_is_not_several(question: Question) -> None:
    paths = [path(question, sample, "8128") for sample in range(3)]
    two = SETTINGS.model_copy(update={"summary_k": 2, "orders": 1})
    (row,) = docs(ARM, [question], Given({question.id: paths}, {}), two)
    assert sorted(row["shown"]) == [0, 1]
    assert not docs(ARM, [question], Given({question.id: paths[:1]}, {}), SETTINGS)


@pytest.mark.parametrize(
    ("reply", "verdicts"),
    [
        ('{"check": "", "verdicts": ["Right", "wrong "], "answer": "3"}', ("right", "wrong")),
        ('{"verdicts": ["right"], "answer": "3"}', ("none", "none")),  # one is missing, and which is not guessed
        ('{"verdicts": ["right", "perhaps"], "answer": "3"}', ("none", "none")),
        ('{"verdicts": "right", "answer": "3"}', ("none", "none")),
        ('{"verdicts": [["right"], {}], "answer": "3"}', ("none", "none")),
        ('{"verdicts": ["right", "wrong"]} {"verdicts": ["wrong", "wrong"], "answer": "3"}', ("none", "none")),
        ('<think>{"verdicts": ["wrong"]}</think>{"verdicts": ["right", "wrong"], "answer": "3"}', ("right", "wrong")),
        ("", ("none", "none")),
    ],
)  # fmt: skip
def test_a_verdict_a_path_is_read_or_none_is(reply: str, verdicts: tuple[str, ...]) -> None:
    assert parse_verdicts(reply, 2) == verdicts


async def said(engine: Teacher, question: Question, paths: list[str]) -> str:
    return (await engine.reply(Request(several_chat(question, paths), Sampling()))).text


def test_the_teacher_judges_each_path() -> None:
    import asyncio

    (question,) = sample_questions(Level(side=16), "train", 0, 1)
    scene = scene_from_json(question.scene)
    program = parse_question(question.question, scene)
    assert program is not None
    steps, answer = exact_path(program, scene.values)
    wrong, right = render_path(steps, "8128"), render_path(steps, answer)
    reply = asyncio.run(said(teacher([question]), question, [wrong, right, wrong]))
    assert parse_verdicts(reply, 3) == ("wrong", "right", "wrong")
    assert parse_summary(reply).answer == question.answer


@pytest.mark.slow
def test_rows_of_several_paths_are_of_one_question_and_judge_each(built: Built) -> None:
    shares = {"several": 0.9, "plain": 0.1}
    settings = CorporaSettings(summary_num=400, summary_shares=shares, several=SeveralSettings(k=3, orders=3))
    context = built.run("summary-of-k", "summary", settings, [*TRIPLE, "flawed", *AGENT])
    rows = [row for row in built.rows("summary-of-k", SummaryRow) if row.kind == "several"]
    assert rows and context.totals["wanted"]["several"] == 360
    orders = defaultdict(set)
    for row in rows:
        shown = split_paths(text_of(row.prompt).partition("most agree.\n")[2].partition("\nRead again")[0])
        verdicts = parse_verdicts(text_of(row.completion), 3)
        answers = [parse_summary(each).answer for each in shown]
        assert verdicts == tuple("right" if each == row.answer else "wrong" for each in answers)
        assert parse_summary(text_of(row.completion)).answer == row.answer
        num = verdicts.count("right")
        assert row.score_range == ["all wrong", "most wrong", "most right", "all right"][num]
        orders[row.id].add(tuple(shown))
    for shown in orders.values():
        assert len({tuple(sorted(each)) for each in shown}) == 1 and len(shown) <= 3
    ranges = Counter(row.score_range for row in rows)
    assert ranges["all right"] <= 0.4 * 360 and {"most wrong", "all wrong"} <= set(ranges)


def test_the_control_is_trained_beside_the_summary_agent_and_changes_nothing_of_it() -> None:
    without, beside = (
        {stage.name: stage for stage in plan(load_recipe("summary-of-k", [f"controls={controls}"]))}
        for controls in ("[]", "[summary-of-k]")
    )
    assert beside["corpora-summary"] == without["corpora-summary"]
    assert beside["train-summary"] == without["train-summary"]
    trained, asked = beside["train-summary-of-k"], beside["eval-summary-of-k"]
    assert list(trained.options.equal_compute) == ["summary"] and trained.settings.new_phrases
    assert asked.options.arms == (ARM,) and asked.inputs["paths"] == "paths-eval-sft"
    told = [*("summary_of_k.trainer.max_steps=7", "controls=[summary-of-k]")]
    stages = {stage.name: stage for stage in plan(load_recipe("summary-of-k", told))}
    assert not stages["train-summary-of-k"].options.equal_compute


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (["agent_paths.num_paths=2"], "`summary_of_k.several.k` is 3"),
        (["eval.num_paths=1", "eval.arms=[reason]"], "several paths at once|at least 2"),
        (["eval.orders=4"], "`orders` .4. must not be above"),
        (["summary_of_k.several.orders=4"], "must not be above `k`"),
    ],
)
def test_what_has_too_few_paths_is_refused_before_it_begins(changes: list[str], words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        plan(load_recipe("summary-of-k", ["controls=[summary-of-k]", *changes]))


def several(place: int, right: bool, shown: str, sample: int = 0, **changes: object):  # type: ignore[no-untyped-def]
    marks = tuple(mark == "1" for mark in shown)
    return record(
        place, ARM, right, sample=sample, shown=tuple(range(len(marks))), shown_right=marks, num_paths=3, **changes
    )


def test_recoveries_and_the_order_are_counted_by_hand(tmp_path: File) -> None:
    """Questions 0 and 1 have one right path of three, 2 has none, 3 has two; 1 and 3 are answered otherwise in the
    second order."""
    first = [several(0, True, "100"), several(1, True, "010"), several(2, False, "000"), several(3, True, "110")]
    second = [several(0, True, "001", 1), several(1, False, "100", 1), several(2, False, "000", 1)]
    second += [several(3, False, "101", 1)]
    board = board_of(tmp_path, [*first, *second, *arm_of("majority", "0101")])
    found = {name: (row.value, row.n, row.num_questions) for name, row in measures(board).items()}
    assert found["minority_recovery"] == (0.75, 4, 2)
    assert found["minority_recovery_vote"] == (0.5, 2, 2)
    assert found["all_wrong_recovery"] == (0.0, 2, 1)
    assert found["most_right_kept"] == (0.5, 2, 1)
    assert found["order_effect"] == (0.5, 4, 4)
    pairs = {(row.a, row.b) for row in board.comparisons}
    assert ("sft: majority", f"sft: {ARM}") in pairs


def test_verdicts_on_each_path_are_counted_where_they_are_stated(tmp_path: File) -> None:
    rows = [several(0, True, "110", verdicts=("right", "wrong", "wrong")), several(1, True, "000")]
    found = measures(board_of(tmp_path, rows))
    assert (found["verdicts_on_right"].value, found["verdicts_on_right"].n) == (0.5, 2)
    assert (found["verdicts_on_wrong"].value, found["verdicts_on_wrong"].n) == (1.0, 1)


def test_replies_to_several_paths_are_read_again() -> None:
    row = several(0, True, "110", response=render_verdicts("7", ["right", "wrong", "wrong"], "red is 7"))
    paths = [record(0, "reason", right, sample=sample) for sample, right in enumerate([True, False, False])]
    again = rescored([row, *paths])[0].after
    assert again.verdicts == ("right", "wrong", "wrong") and again.correct
    assert again.shown_right == (True, False, False)  # as the stored paths read today
