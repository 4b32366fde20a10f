"""`plan` and `compare --margin`: what an effect needs, and when two are level."""

from __future__ import annotations

from pathlib import Path

import pytest
from ablation_rows import BOTH, arm, run
from board_rows import of, row, written
from typer.testing import CliRunner

from insightv_bench.cli.main import app


def said(*words: str) -> str:
    reply = CliRunner().invoke(app, [*words])
    assert reply.exit_code == 0, reply.output
    return reply.output


def test_a_plan_says_questions_samples_and_seeds_from_the_pilots_own_variance(tmp_path: Path) -> None:
    folders = [
        run(tmp_path / f"s{seed}", seed, arm(seed, "reason", 60, 3) + arm(seed, BOTH, 64 + seed, 3))
        for seed in (0, 1, 2)
    ]
    runs = [word for folder in folders for word in ("--run", str(folder))]
    text = said("plan", "sft:reason", f"sft:{BOTH}", "--effect", "2", *runs)
    assert "pilot: 3 trainings, 200 questions, 3 samples each; +4.9 points [" in text
    assert "of other trainings:" in text and "seeds of this size" in text and "questions of 3 samples" in text
    one = said("plan", "sft:reason", f"sft:{BOTH}", "--effect", "2", *runs[:2])
    assert "one seed tells no spread" in one
    fewer = said("plan", "sft:reason", f"sft:{BOTH}", "--effect", "8", *runs[:2])
    assert "to find 8.0 points in 80.0 %" in fewer


def test_a_plan_without_a_pilot_says_what_it_assumes() -> None:
    alike = said("plan", "--effect", "4", "--accuracy", "76", "--differ", "10")
    assert "assumed, of no pilot: accuracy 76.0 against 80.0 %" in alike and "right on 10.0 % (as told)" in alike
    # (1.960 + 0.842)^2 * (0.1 - 0.04^2) / 0.04^2
    assert "483 questions" in alike and "nothing is assumed of their spread" in alike
    apart = said("plan", "--effect", "4", "--accuracy", "76", "--spread", "0.7")
    assert "independently" in apart and "1,680 questions" in apart and "seeds of 1,000 questions" in apart


@pytest.mark.parametrize(
    ("words", "fact"),
    [
        (["--accuracy", "99"], "is no accuracy"),
        (["--accuracy", "76", "--differ", "1"], "on 4 to 44 % of questions"),
        (["sft:a", "sft:b", "--accuracy", "76"], "not of both"),
        (["--spread", "1"], "belong to `--accuracy`"),
        ([], "needs the two sides"),
    ],
)
def test_a_plan_of_what_cannot_be_is_one_line(words: list[str], fact: str) -> None:
    reply = CliRunner().invoke(app, ["plan", "--effect", "4", *words])
    assert reply.exit_code and fact in str(reply.exception)


def test_a_pilot_that_is_no_arm_is_one_line(tmp_path: Path) -> None:
    folder = run(tmp_path / "a", 0, arm(0, "reason", 60) + arm(0, BOTH, 70))
    reply = CliRunner().invoke(app, ["plan", "sft", f"sft:{BOTH}", "--effect", "2", "--run", str(folder)])
    assert reply.exit_code and "2 of arm" in str(reply.exception)


def test_several_samples_say_whether_one_is_right_and_whether_two_agree(tmp_path: Path) -> None:
    answers = [["7", "7", "7"], ["7", "9", "9"], ["9", "9", "9"], ["7", "7.0", "7"]]
    rows = [
        row(place, "reason", answer != "9", sample=k, answer=answer)
        for place, each in enumerate(answers)
        for k, answer in enumerate(each)
    ]
    a, b = written(tmp_path / "a", rows), written(tmp_path / "b", rows)
    text = " ".join(said("compare", str(a), str(b)).split())
    assert "pass@3 75.0 [" in text
    assert "same answer 83.3 [" in text  # 7 and 7.0 are one: 1, 1/3, 1, 1


@pytest.mark.parametrize(
    ("other", "margin", "words"),
    [
        ("10" * 200, "10", "level, within 10.0 points"),
        ("10" * 200, "0.5", "not shown to differ"),
        ("11" * 200, "10", "higher"),
    ],
)
def test_two_are_as_good_as_equal_only_where_it_is_shown(other: str, margin: str, words: str, tmp_path: Path) -> None:
    a, b = written(tmp_path / "a", of("reason", "10" * 200)), written(tmp_path / "b", of("reason", other))
    assert words in " ".join(said("compare", str(a), str(b), "--margin", margin).split())
    assert "level, within" not in " ".join(said("compare", str(a), str(b)).split())
