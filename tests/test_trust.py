"""A board of submissions is made of what `verify` accepts: forgeries, conflicts, bad files, verdicts of a judge."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from board_rows import of, row, small, stage, written
from typer.testing import CliRunner

from insightv_bench.answers import PARSER
from insightv_bench.cli.main import app
from insightv_bench.errors import RunError
from insightv_bench.journal import Reply
from insightv_bench.leaderboard.board import load_board, read_origin
from insightv_bench.leaderboard.build import build, read
from insightv_bench.leaderboard.submissions import collect, make_submission, rerun, verify
from insightv_bench.records import EvalRecord
from insightv_bench.storage import sha256

Change = Callable[[pl.DataFrame], pl.DataFrame]
SHARED = Path(__file__).parents[1].parent / "shared" / "cases" / "board"


def evaluation(folder: Path, rows: list[EvalRecord], name: str = "eval-sft-a1") -> Path:
    """A stage's folder with the stages before it, whose manifests say what the rows must be."""
    stages = folder / "stages"
    stage(stages / "questions-test-a1", num_rows=12, kind="questions")
    flaws = {"perception": sum(one.arm == "flawed" for one in rows)}
    stage(stages / "corpora-benchmark-a1", num_rows=sum(flaws.values()), totals={"flaws": flaws})
    manifest: dict[str, Any] = {
        "kind": "evaluate",
        "options": {"system": "sft", "base": "org/tiny", "round": 0, "task": "drawn"},
        "settings": {"path_sampling": {"max_new_tokens": 500}, "answer_sampling": {"max_new_tokens": 12}},
        "inputs": {"questions": "questions-test-a1", "flawed": "corpora-benchmark-a1"},
        "totals": {"models": {"reason": "m@1", "summary": "m@2"}},
        "num_rows": len(rows),
    }
    manifest["options"]["arms"] = sorted({one.arm for one in rows})
    return written(stages / name, rows, manifest)


@pytest.fixture
def honest(tmp_path: Path) -> Path:
    rows = [one.model_copy(update={"model": "m@1" if one.arm == "reason" else "m@2"}) for one in small()]
    make_submission([evaluation(tmp_path / "run", rows)], tmp_path / "s", "mine")
    return tmp_path / "s"


def forged(folder: Path, change: Change) -> None:
    """The rows changed, and hashes, counts, id and figures made to fit, as whoever cheats would."""
    place = folder / "evaluations/eval-sft-a1"
    file = place / "data-00000.parquet"
    frame = change(pl.read_parquet(file))
    frame.write_parquet(file)
    refitted(folder)


def refitted(folder: Path) -> None:
    from insightv_bench.leaderboard.submissions.submission import Submission

    place = folder / "evaluations/eval-sft-a1"
    told = json.loads((folder / "submission.json").read_text())
    held = [place / "data-00000.parquet", place / "lineage.json"]
    num_rows = pl.read_parquet(held[0]).height
    told["evaluations"][0] |= {"files": {file.name: sha256(file) for file in held}, "num_rows": num_rows}
    told["id"] = Submission.model_validate(told).own_id
    (folder / "submission.json").write_text(json.dumps(told))
    read_origin.cache_clear()
    try:
        board, _ = load_board([folder / "evaluations"], "mine")
    except (ValueError, RunError):
        return
    (folder / "figures.json").write_text(board.model_dump_json())


def where(arm: str, question: str = "") -> pl.Expr:
    return (pl.col("arm") == arm) & (pl.col("question_id") == question if question else pl.lit(True))


def put(here: pl.Expr, **columns: Any) -> Change:
    return lambda rows: rows.with_columns(
        pl.when(here).then(pl.lit(value, dtype=rows.schema[name])).otherwise(name).alias(name)
        for name, value in columns.items()
    )


def less(gone: pl.Expr) -> Change:
    return lambda rows: rows.filter(~gone)


WRONG = ~pl.col("correct")
FORGERIES: dict[str, tuple[Change, str]] = {
    "an answer that the reply does not say": (
        put(where("reason", "q003"), answer="7", correct=True),
        "its answer is `7`, and the reply reads `9`",
    ),
    "a wrong answer counted as right": (put(where("reason", "q003"), correct=True), "it counts as right, and is wrong"),
    "wrong replies dropped from one arm": (
        less(where("reason", "q003")),
        "arm `reason` lacks 1 of 12 questions, `q003` the first",
    ),
    "wrong replies dropped from every arm": (
        less(pl.col("question_id") == "q003"),
        "its rows answer 11 questions, and its set has 12",
    ),
    "wrong replies to flawed paths dropped": (
        less(where("flawed") & WRONG),
        "arm `flawed` has 12 rows of flaw `perception`, and its set has 24",
    ),
    "flaws called otherwise": (
        put(where("flawed"), flaw="arithmetic"),
        "arm `flawed` has 24 rows of flaw `arithmetic`, and its set has 0",
    ),
    "a flaw that there is not": (put(where("flawed"), flaw="bad-mood"), "a flaw that there is not"),
    "a severity that is no share": (put(where("flawed"), severity=7.0), "a severity or a tolerance that is no share"),
    "a severity that is NaN": (put(where("flawed"), severity=math.nan), "a severity or a tolerance that is no share"),
    "negative tokens": (put(where("reason"), num_tokens=-40, total_tokens=-4), "a negative number of tokens"),
    "a token cap that is not the manifest's": (
        put(pl.lit(True), token_cap=64),
        "its rows say a token cap of 64, and its lineage 512",
    ),
    "another model's replies": (
        put(where("reason"), model="gpt@9"),
        "arm `reason` was answered by `gpt@9`, and its lineage says `m@1`",
    ),
    "another system's name": (
        put(pl.lit(True), system="dpo-1"),
        "its rows say system `dpo-1`, and its lineage `sft`",
    ),
    "an arm that was not run": (put(where("direct"), arm="base"), "it has rows of arm `base`"),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_every_forgery_is_rejected_with_what_is_wrong(honest: Path, forgery: str) -> None:
    assert verify(honest).status == "accepted"
    change, words = FORGERIES[forgery]
    forged(honest, change)
    verdict = verify(honest)
    assert verdict.status == "rejected" and words in "\n".join(verdict.problems)


def test_a_forged_lineage_is_rejected(honest: Path) -> None:
    file = honest / "evaluations/eval-sft-a1/lineage.json"
    lineage = json.loads(file.read_text())
    lineage["stages"]["eval-sft-a1"]["totals"]["models"]["summary"] = "larger@1"
    file.write_text(json.dumps(lineage))
    read_origin.cache_clear()
    told = "\n".join(verify(honest).problems)
    assert "`eval-sft-a1/lineage.json` is not the file that was submitted" in told
    refitted(honest)
    assert "and its lineage says `larger@1`" in "\n".join(verify(honest).problems)


def test_an_id_is_the_hash_of_what_is_held(honest: Path) -> None:
    told = json.loads((honest / "submission.json").read_text())
    (honest / "submission.json").write_text(json.dumps({**told, "id": "mine-000000000000"}))
    (problem,) = verify(honest).problems
    assert problem == f"its id is `mine-000000000000`, and the hash of what it holds makes `{told['id']}`"


def test_verdicts_of_a_judge_are_never_plainly_accepted(tmp_path: Path) -> None:
    rows = [one.model_copy(update={"answer_judge": "org/judge@1", "correct": True}) for one in small()]
    make_submission([written(tmp_path / "eval-sft-a1", rows)], tmp_path / "s", "mine")
    verdict = verify(tmp_path / "s")
    assert verdict.status == "judged" and verdict.judges == {"org/judge@1": 60}
    ran = CliRunner().invoke(app, ["leaderboard", "verify", str(tmp_path / "s")])
    assert "judged by org/judge@1, not recomputed" in ran.output and "accepted" not in ran.output
    assert "--rerun" in ran.output


def of_before(rows: list[EvalRecord]) -> list[EvalRecord]:
    return [one.model_copy(update={"parser": "answers@0"}) for one in rows]


def test_a_submission_of_an_earlier_reader_is_read_again_and_its_claims_count_for_nothing(tmp_path: Path) -> None:
    make_submission([written(tmp_path / "eval-sft-a1", of_before(small()))], tmp_path / "s", "mine")
    told = json.loads((tmp_path / "s/submission.json").read_text())
    (tmp_path / "s/submission.json").write_text(json.dumps({**told, "parser": "answers@0"}))
    verdict = verify(tmp_path / "s")
    assert verdict.status == "accepted" and "0 of 60 read otherwise" in verdict.remarks[0]
    board, _ = read([str(tmp_path / "s")])
    assert board.sets[0].parser == PARSER
    rows = [one.model_copy(update={"answer": "7", "correct": True}) for one in of_before(of("reason", "0" * 12))]
    make_submission([written(tmp_path / "cheat" / "eval-sft-a1", rows)], tmp_path / "t", "cheat")
    told = json.loads((tmp_path / "t/submission.json").read_text())
    (tmp_path / "t/submission.json").write_text(json.dumps({**told, "parser": "answers@0"}))
    assert "12 of 12 read otherwise" in verify(tmp_path / "t").remarks[0]
    board, _ = read([str(tmp_path / "t")])
    assert board.arms[0].accuracy == 0


@pytest.fixture
def data_set(tmp_path: Path) -> Path:
    """An honest submission, a forged one that would win, garbage, and a file of no submission."""
    place = tmp_path / "data/submissions"
    make_submission([written(tmp_path / "honest/eval-sft-a1", small())], place / "honest", "honest")
    best = of("reason", "1" * 12, system="best") + of("reason+summary", "1" * 12, system="best")
    make_submission([written(tmp_path / "forged/eval-best-b2", best)], place / "forged", "forged")
    file = place / "forged/evaluations/eval-best-b2/data-00000.parquet"
    put(pl.lit(True), answer="7", response='{"answer": "9"}')(pl.read_parquet(file)).write_parquet(file)
    make_submission([written(tmp_path / "garbage/eval-x-c3", small(system="x"))], place / "garbage", "garbage")
    (place / "garbage/evaluations/eval-x-c3/data-00000.parquet").write_bytes(b"PAR1 garbage")
    stray = written(tmp_path / "data/elsewhere", of("reason", "1" * 12, system="stray"))
    assert stray.exists()
    return tmp_path / "data"


@pytest.mark.slow
def test_a_board_shows_when_a_submission_was_made_and_the_links_of_its_maker(tmp_path: Path) -> None:
    links = ("https://example.org/paper.pdf", "https://example.org/code")
    rows = [one.model_copy(update={"model": "m@1" if one.arm == "reason" else "m@2"}) for one in small()]
    make_submission([evaluation(tmp_path / "run", rows)], tmp_path / "s", "mine", links)
    told = json.loads((tmp_path / "s" / "submission.json").read_text())
    assert collect([str(tmp_path / "s")]).submissions[0].date == told["date"] and len(told["date"]) == 10
    build(collect([str(tmp_path / "s")]), tmp_path / "page", "A board")
    page = (tmp_path / "page" / "index.html").read_text()
    assert all(f'<a href="{link}" rel="noopener noreferrer nofollow">' in page for link in links)
    assert told["date"] in page and links[1] in (tmp_path / "page" / "board.md").read_text()
    odd = ["javascript:alert(1)", "https://u:p@h/", "https://h/?k=1", "https://[h", links[0]]
    (tmp_path / "s" / "submission.json").write_text(json.dumps(told | {"links": odd, "date": "soon"}))
    (shown,) = collect([str(tmp_path / "s")]).submissions
    assert (shown.links, shown.date) == (links[:1], "")


def test_a_link_that_cannot_be_shown_is_refused(tmp_path: Path) -> None:
    for link in ("ftp://h/x", "https://me:key@h/", "https://h/?token=1", "paper"):
        with pytest.raises(RunError, match="is no link that can be shown"):
            make_submission([evaluation(tmp_path / "run", small())], tmp_path / "s", "mine", [link])


def test_a_board_of_a_data_set_is_made_of_what_is_accepted(data_set: Path) -> None:
    board, _ = read([str(data_set)])
    assert {row.system for row in board.arms} == {"sft"}
    verdicts = {row.id.split("-")[0]: row.status for row in board.submissions}
    assert verdicts == {"honest": "accepted", "forged": "rejected", "garbage": "rejected"}
    notes = "\n".join(board.notes)
    assert "`elsewhere/data-00000.parquet` is of no submission" in notes and "`garbage` is left out" in notes


@pytest.mark.slow
def test_what_is_not_verified_is_shown_apart_when_asked(data_set: Path, tmp_path: Path) -> None:
    words = ["leaderboard", "build", str(data_set), "--unverified", "--out", str(tmp_path / "out")]
    ran = CliRunner().invoke(app, words)
    assert ran.exit_code == 0
    board = json.loads((tmp_path / "out/board.json").read_text())
    apart = {one["name"]: set(one["systems"]) for one in board["sets"]}
    assert {"sft"} in apart.values()
    (marked,) = [name for name, systems in apart.items() if "best" in systems]
    assert marked.endswith("not verified") and not any("sft" in apart[name] for name in [marked])


def test_one_bad_file_is_one_line_and_the_others_board_stands(tmp_path: Path) -> None:
    good = written(tmp_path / "good", small())
    written(tmp_path / "nan", [row(0, "flawed", True, flaw="perception", severity=math.nan)])
    (written(tmp_path / "cut", small()) / "data-00000.parquet").write_bytes(b"PAR1")
    (tmp_path / "other").mkdir()
    pl.DataFrame({"id": ["x"]}).write_parquet(tmp_path / "other/data-00000.parquet")
    bad = ["nan", "cut", "other"]
    board, _ = read([str(good), *(str(tmp_path / name) for name in bad)])
    assert {row.system for row in board.arms} == {"sft"}
    lines = [next(note for note in board.notes if f"{name}` is left out" in note) for name in bad]
    assert "is no share" in lines[0] and "cannot be read" in lines[1] and "`system` is missing" in lines[2]
    with pytest.raises(RunError, match="nothing is left to show") as raised:
        collect([str(tmp_path / "nan")])
    assert "--unverified" in raised.value.hint


def test_two_submissions_of_one_system_with_other_rows_are_a_conflict_that_is_shown(tmp_path: Path) -> None:
    places = []
    for name, marks in (("first", "110000000000"), ("second", "111111111111")):
        rows = of("reason", marks, model="org/m@1")
        make_submission([written(tmp_path / name / "eval-sft-a1", rows)], tmp_path / "data" / name, name)
        places.append(str(tmp_path / "data" / name))
    for order in (places, places[::-1]):
        board, _ = read(order)
        assert {row.system: row.accuracy for row in board.arms} == {
            "sft [first]": pytest.approx(2 / 12),
            "sft [second]": 1.0,
        }
        assert any(note.startswith("Conflict: `first` and `second` say other things of 10") for note in board.notes)


def test_the_shared_data_set_is_built_of_its_honest_submission() -> None:
    if not SHARED.exists():
        pytest.skip("needs ../shared")
    board, _ = read([str(SHARED / "hub-mix"), str(SHARED / "nan-severity")])
    assert [row.status for row in board.submissions] == ["rejected", "accepted", "rejected"]
    best = max(row.accuracy for row in board.arms)
    assert best < 0.5  # the forged one has 1.0 in every arm


class Echo:
    """Stands for a reachable model: asked again it says what it always said."""

    def __init__(self, model: str, text: str) -> None:
        self.model, self._text = model, text
        self.asked: list[Any] = []

    def ask_all(self, requests: list[Any]) -> list[Reply]:
        self.asked += requests
        return [Reply(text=self._text) for _ in requests]


def test_a_model_asked_again_shows_replies_that_were_rewritten_to_the_gold_answer(tmp_path: Path) -> None:
    rewritten = of("direct", "1" * 40, model="org/m@1")
    make_submission([written(tmp_path / "eval-sft-a1", rewritten)], tmp_path / "s", "mine")
    assert verify(tmp_path / "s").status == "accepted"  # nothing to be read betrays it
    honest: Any = Echo("org/m@1", '{"answer": "7"}')
    found = rerun(tmp_path / "s", honest, 20)
    assert (found.num, found.num_same_text, found.num_right_now, found.is_worse) == (20, 20, 20, False)
    assert len(honest.asked) == 20 and "What is the sum" in honest.asked[0].chat.messages[0].content
    liar: Any = Echo("org/m@2", '{"answer": "9"}')
    found = rerun(tmp_path / "s", liar, 20)
    assert found.num_right_claimed == 20 and found.num_right_now == 0 and found.is_worse
    stranger: Any = Echo("other/m@1", "")
    with pytest.raises(RunError, match="answered no row") as raised:
        rerun(tmp_path / "s", stranger, 20)
    assert "`org/m@1`" in raised.value.hint
