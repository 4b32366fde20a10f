"""The stage of paths over the wire: what a model is shown, how samples differ, and a disk that is full."""

from __future__ import annotations

import json
import secrets
import sqlite3
import subprocess
import sys
from pathlib import Path as Place
from typing import Any

import polars as pl
import pytest

from insightv_bench.engines.teacher import Teacher
from insightv_bench.errors import RunError
from insightv_bench.journal import Journal, Reply, Request
from insightv_bench.records import Path, Question
from insightv_bench.runs import run
from insightv_bench.serving import ChatServer
from insightv_bench.settings import TeacherEngine
from insightv_bench.settings.recipe import parse_recipe
from insightv_bench.storage import read_rows
from insightv_bench.world import Level, sample_questions

pytest.importorskip("aiohttp")
QUESTIONS = list(sample_questions(Level(side=16), "train", seed=5, num=6))
SCENES = {question.image_sha256[0]: question.scene for question in QUESTIONS}
RECIPE = """
name: wire
questions:
  train:
    source: parquet
    path: "FILE"
    name: a-source
    columns: {question: question, answer: answer, image: image, kind: kind}
paths:
  engine: {kind: openai, model: teacher, revision: "1", base_url: "URL", first_wait_s: 0.001, check_images: false}
  num_paths: 3
  max_steps: 5
assess: {judge: rule}
"""


class Watched(Teacher):
    """The teacher, and all that it was asked."""

    def __init__(self, **errors: float) -> None:
        super().__init__(TeacherEngine.model_validate(errors), SCENES)
        self.asked: list[Request] = []

    async def reply(self, request: Request) -> Reply:
        self.asked.append(request)
        return await super().reply(request)


def table(file: Place, **columns: Any) -> str:
    """The questions as a parquet file, with some columns in place of theirs."""
    rows: dict[str, Any] = {
        "question": [question.question for question in QUESTIONS],
        "answer": [question.answer for question in QUESTIONS],
        "kind": [question.kind for question in QUESTIONS],
        "image": [{"bytes": question.images[0].bytes, "path": None} for question in QUESTIONS],
    }
    pl.DataFrame(rows | columns).write_parquet(file)
    return str(file)


def build(out: Place, file: str, server: ChatServer, *changes: str, until: str = "paths-teacher") -> list[Path]:
    text = RECIPE.replace("FILE", file).replace("URL", server.url)
    run(parse_recipe(text, "wire", list(changes)), out, until)
    (folder,) = (out / "wire-seed0" / "stages").glob("paths-teacher-*")
    return list(read_rows(folder, Path))


def prompts(requests: list[Request]) -> list[bytes]:
    """All that a model is shown, byte by byte, in an order of their own."""
    shown = [(request.chat.messages, request.chat.images, request.sampling, request.sample) for request in requests]
    return sorted(repr(each).encode() for each in shown)


@pytest.mark.parametrize("mode", ["stepwise", "one-call"])
def test_a_random_marker_for_every_gold_answer_changes_no_byte_of_any_prompt(tmp_path: Place, mode: str) -> None:
    """From the file of questions on, through every stage up to the assessed paths."""
    markers = ["MARKER " + "".join(secrets.choice("abcdefgh") for _ in range(16)) for _ in QUESTIONS]
    kinds = [f"KIND-{secrets.token_hex(8)}" for _ in QUESTIONS]
    asked, paths = [], []
    for name, columns in (("plain", {}), ("marked", {"answer": markers, "kind": kinds})):
        engine = Watched(read_error=0.2)
        file = table(tmp_path / f"{name}.parquet", **columns)
        with ChatServer(engine) as server:
            changes = [f"paths.mode={mode}"]
            paths.append(build(tmp_path / name, file, server, *changes, until="assess-teacher"))
        asked.append(prompts(engine.asked))
        questions = next((tmp_path / name / "wire-seed0" / "stages").glob("questions-train-*"))
        gold = [question.answer for question in read_rows(questions, Question)]
        assert gold == (columns.get("answer") or [question.answer for question in QUESTIONS])
    assert asked[0] == asked[1]
    assert len(asked[0]) >= 3 * len(QUESTIONS)
    assert not [shown for shown in asked[1] if b"MARKER" in shown or b"KIND" in shown]
    assert paths[0] == paths[1]


def test_the_samples_of_a_question_have_seeds_of_their_own_and_another_run_has_others(tmp_path: Place) -> None:
    seeds: dict[str, set[int]] = {}
    file = table(tmp_path / "q.parquet")
    for changes in ([], ["seed=7"]):
        engine = Watched()
        with ChatServer(engine) as server:
            text = RECIPE.replace("FILE", file).replace("URL", server.url)
            run(parse_recipe(text, "wire", changes), tmp_path / "out", "paths-teacher")
        by_question: dict[str, set[int]] = {}
        for request in engine.asked:
            by_question.setdefault(request.chat.messages[0].content, set()).add(request.sample)
        assert len(by_question) == len(QUESTIONS)
        assert {len(each) for each in by_question.values()} == {3}
        seeds[str(changes)] = set.union(*by_question.values())
    first, second = seeds.values()
    assert not first & second


def test_a_call_is_held_to_its_tokens_and_a_path_to_its_steps(tmp_path: Place) -> None:
    engine = Watched()
    with ChatServer(engine) as server:
        file = table(tmp_path / "q.parquet")
        paths = build(tmp_path / "out", file, server, "paths.max_steps=2", "paths.sampling.max_new_tokens=77")
    assert {request.sampling.max_new_tokens for request in engine.asked} == {77}
    assert max(len(path.steps) for path in paths) == 2
    assert {path.status for path in paths} == {"complete", "max_steps"}


FULL = """
import resource, signal, sys
from insightv_bench.cli import main

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), int(sys.argv[1])))
sys.argv = ["insightv-bench", *sys.argv[2:]]
main()
"""


@pytest.mark.slow
def test_a_journal_that_can_grow_no_further_is_one_clear_line_and_the_next_run_goes_on(tmp_path: Place) -> None:
    """A real limit on the size of files, as a full disk is for SQLite."""
    engine = Watched()
    with ChatServer(engine) as server:
        file = tmp_path / "wire.yaml"
        text = RECIPE.replace("FILE", table(tmp_path / "q.parquet")).replace("URL", server.url)
        file.write_text(text, encoding="utf-8")
        words = ["build", "paths", str(file), "--out", str(tmp_path / "out"), "--set", "paths.num_paths=4"]
        command = [sys.executable, "-c", FULL, str(100_000), *words]
        full = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        assert full.returncode == 1
        assert "error: " in full.stderr and "hint: " in full.stderr
        assert "Traceback" not in full.stderr
        assert "cannot be written" in full.stderr or "No space" in full.stderr or "too large" in full.stderr
        journal = sqlite3.connect(tmp_path / "out" / "wire-seed0" / "journal.sqlite")
        kept = journal.execute("SELECT COUNT(*) FROM replies").fetchone()[0]
        assert journal.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        journal.close()
        asked = len(engine.asked)
        assert 0 < kept <= asked <= kept + 32 + 1
        run(parse_recipe(text, "wire", ["paths.num_paths=4"]), tmp_path / "out", "paths-teacher")
        distinct = len({repr(request[:4]) for request in engine.asked})
        assert len(engine.asked) == distinct + (asked - kept)


def test_a_database_that_is_full_keeps_what_it_has(tmp_path: Place) -> None:
    journal = Journal(tmp_path / "journal.sqlite")
    pages = journal._connection.execute("PRAGMA page_count").fetchone()[0]
    journal._connection.execute(f"PRAGMA max_page_count = {pages + 3}")
    kept = 0
    with pytest.raises(RunError, match="cannot be written: database or disk is full") as raised:
        for number in range(100):
            journal.put([(f"key-{number}", Reply(text="x" * 1000))], "m@1")
            kept += 1
    assert "free some space" in raised.value.hint
    assert 0 < kept == len(journal.get([f"key-{number}" for number in range(100)]))
    journal.close()


@pytest.mark.parametrize("deaf", [True, False])
def test_equal_paths_of_a_server_that_ignores_temperature_are_warned_of_and_counted(
    deaf: bool, tmp_path: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    """A server that takes `temperature` and `seed` and replies the same whatever they are."""
    file = table(tmp_path / "questions.parquet")
    sent: list[tuple[float, int]] = []

    class Deaf(Watched):
        async def reply(self, request: Request) -> Reply:
            sent.append((request.sampling.temperature, request.sample))
            return await super().reply(Request(request.chat, request.sampling, 0, request.format) if deaf else request)

    with ChatServer(Deaf(careful=0.5, partial=0.3, read_error=0.5, state_error=0.5)) as server:
        build(tmp_path / "run", file, server)
    (manifest,) = (tmp_path / "run").glob("*/stages/paths-teacher-*/manifest.json")
    totals = json.loads(manifest.read_text(encoding="utf-8"))["totals"]
    words = "of 6 questions 6 have paths that are all the same text"
    assert min(temperature for temperature, _ in sent) > 0
    assert (words in capsys.readouterr().err) == deaf
    assert totals.get("equal_paths") == ({"questions": 6, "all_equal": 6} if deaf else None)
