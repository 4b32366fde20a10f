"""The drawn sets are drawn again by `verify`; a private one is scored from its secret."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from command_line import bench

from insightv_bench.errors import RunError
from insightv_bench.leaderboard.submissions.drawn import problems
from insightv_bench.leaderboard.submissions.private import commitment, drawn, private_set, score
from insightv_bench.plan.evaluation import task_version
from insightv_bench.settings import WorldSource
from insightv_bench.world import CANARY, fixed_questions, fixed_version, fresh_level

SECRET = "a secret of the maintainers, 2026"


def rows(fresh: int | None = None, **changes: Any) -> pl.DataFrame:
    version = fixed_version(fresh)
    return pl.DataFrame(
        [
            {
                "task": "insightv_tiny",
                "task_version": version,
                "question_id": each.id,
                "question": each.question,
                "options": list(each.options),
                "gold": each.answer,
                "answer_type": each.answer_type,
                "kind": each.kind,
                "tolerance": 0.0,
            }
            | changes
            for each in fixed_questions("tiny", fresh)[:40]
        ],
        schema_overrides={"options": pl.List(pl.String)},
    )


@pytest.mark.parametrize("fresh", [None, 7])
def test_questions_as_they_are_drawn_pass(fresh: int | None) -> None:
    assert list(problems(rows(fresh))) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"gold": "0"}, "`gold` says `0`"),
        ({"question": "How many?"}, "`question` says"),
        ({"tolerance": 0.99}, "`tolerance` says `0.99`"),
        ({"answer_type": "text"}, "`answer_type` says"),
        ({"kind": "read"}, "`kind` says"),
        ({"options": ["1", "2"]}, "`options` says"),
        ({"question_id": "abc"}, "is none of `insightv_tiny`"),
        ({"task_version": fixed_version(8)}, "is none of `insightv_tiny`, version `1-fresh-8`"),
    ],
)
def test_forged_questions_and_golds_are_refused(change: dict[str, Any], words: str) -> None:
    found = list(problems(rows(**change)))
    assert found and any(words in line for line in found)


def test_a_fresh_set_is_another_version_of_its_task() -> None:
    source = WorldSource(split="test", num=5, seed=1, fixed=True)
    assert task_version(source, fresh_level("tiny", 7).name) == fixed_version(7)
    assert task_version(source, fresh_level("tiny", None).name) == fixed_version()


def test_a_private_set_goes_out_without_answers_and_comes_back_scored(tmp_path: Path) -> None:
    out = tmp_path / "set"
    told = private_set(SECRET, "tiny", 30, out)
    text = "".join(file.read_text() for file in out.glob("*.json*"))
    assert SECRET not in text and '"answer"' not in text and "scene" not in text
    assert CANARY in text and told in text
    rows_ = [json.loads(line) for line in (out / "questions.jsonl").read_text().splitlines()]
    golds = {each.id: each.answer for each in drawn(SECRET, "tiny", 30)}
    assert [row["id"] for row in rows_] == list(golds) and all((out / row["image"]).stat().st_size for row in rows_)
    file = tmp_path / "predictions.jsonl"
    lines = [{"id": row["id"], "response": f"Answer: {golds[row['id']]}"} for row in rows_]
    lines[0]["response"], lines[1]["response"] = "Answer: 12345", "I cannot tell."
    file.write_text("".join(json.dumps(line) + "\n" for line in lines[:-1]))
    found = score(file, SECRET, "tiny", 30, told)
    assert (round(found.accuracy.value * 30), found.num_missing, found.num_unread) == (27, 1, 1)
    assert found.accuracy.low < 0.9 < found.accuracy.high
    with pytest.raises(RunError, match="not that of the published hash"):
        score(file, SECRET + "x", "tiny", 30, told)
    with pytest.raises(RunError, match="is no question of this set"):
        score(file, SECRET + "x", "tiny", 30)


@pytest.mark.parametrize("line", ["x", "[]", '{"id": "a"}', '{"id": 1, "response": "x"}', "[" * 10_000, '{"id": null}'])
def test_odd_predictions_are_one_clear_error(line: str, tmp_path: Path) -> None:
    file = tmp_path / "predictions.jsonl"
    file.write_text(line)
    with pytest.raises(RunError):
        score(file, SECRET, "tiny", 5)


def test_a_short_secret_is_refused_and_other_sets_have_other_hashes() -> None:
    with pytest.raises(RunError, match="guessed"):
        commitment("1234", "tiny", 5)
    assert len({commitment(SECRET, level, num) for level in ("tiny", "small") for num in (5, 6)}) == 4


@pytest.mark.slow
def test_the_commands_make_a_set_and_score_it(tmp_path: Path) -> None:
    made = bench(tmp_path, "leaderboard", "private", "--secret", SECRET, "--level", "tiny", "--num", "6")
    told = made.stdout.split()[-1]
    row = json.loads((tmp_path / "private-set" / "questions.jsonl").read_text().splitlines()[0])
    (tmp_path / "p.jsonl").write_text(json.dumps({"id": row["id"], "response": "Answer: 3"}) + "\n")
    words = ["--secret", SECRET, "--level", "tiny", "--num", "6", "--commitment", told]
    done = bench(tmp_path, "leaderboard", "score", "p.jsonl", *words)
    assert done.returncode == 0, done.stderr
    assert "n = 6" in done.stdout and "missing 5" in done.stdout
