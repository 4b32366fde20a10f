"""`build paths` against a loopback server, killed by SIGKILL at random moments, over and over.

What was answered is not asked again: every request that the server gets beyond the distinct ones was in flight at a
kill. And the rows are those of a run that nothing disturbed, byte by byte.
"""

from __future__ import annotations

import json
import os
import random
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from forking import Forker

from insightv_bench.chat import load_prompt
from insightv_bench.cli.serve_teacher import read_scenes
from insightv_bench.engines.teacher import Teacher
from insightv_bench.journal import Reply, Request
from insightv_bench.protocol import render_answer, render_step
from insightv_bench.records import Step, content_id
from insightv_bench.serving import ChatServer
from insightv_bench.settings import TeacherEngine

pytest.importorskip("aiohttp")
CONCURRENCY = 6
RECIPE = """
name: kills
world: {side: 16}
questions:
  train: {source: world, split: train, num: NUM}
paths:
  engine: {kind: openai, model: teacher, revision: "1", base_url: "URL", concurrency: CONCURRENCY, max_retries: 0,
           check_images: false}
  num_paths: 2
  max_steps: 4
"""


class Counting:
    """The teacher, with how often each request was made."""

    def __init__(self, teacher: Teacher) -> None:
        self.name, self.revision, self.concurrency = teacher.name, teacher.revision, teacher.concurrency
        self.asked: Counter[str] = Counter()
        self._teacher = teacher

    async def reply(self, request: Request) -> Reply:
        self.asked[repr((request.chat.messages, request.chat.images[0].sha256, request.sample))] += 1
        return await self._teacher.reply(request)


@pytest.fixture(scope="module")
def forker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forker]:
    with Forker(tmp_path_factory.mktemp("log") / "log.txt") as started:
        yield started


def recipe(folder: Path, url: str, num: int) -> str:
    file = folder / "kills.yaml"
    text = RECIPE.replace("NUM", str(num)).replace("URL", url).replace("CONCURRENCY", str(CONCURRENCY))
    file.write_text(text, encoding="utf-8")
    return str(file)


class Parrot:
    """A model of no world: what it says hangs on the hash of what it is asked. Some of it cannot be read."""

    name, revision, concurrency = "parrot", "1", 16

    async def reply(self, request: Request) -> Reply:
        said = [message.content for message in request.chat.messages]
        digest = content_id(said, [image.sha256 for image in request.chat.images], request.sample)
        dice, num_steps = int(digest[:2], 16), sum(message.role == "assistant" for message in request.chat.messages)
        if said[-1] == load_prompt("answer").template:
            text = render_answer("ABCD"[dice % 4])
        elif dice < 20:
            text = f"I would say {digest}."
        else:
            last = num_steps >= 2 or dice > 200
            text = render_step(Step(summary="look", reasoning=digest, action="summary" if last else "continue"))
        return Reply(text=text, num_prompt_tokens=len(said) + len(request.chat.images), num_tokens=len(text.split()))


def num_kept(out: Path, run: str = "kills-seed0") -> int:
    file = out / run / "journal.sqlite"
    if not file.exists():
        return 0
    connection = sqlite3.connect(file, timeout=60)
    try:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE name = 'replies'").fetchall()
        return connection.execute("SELECT COUNT(*) FROM replies").fetchone()[0] if tables else 0
    finally:
        connection.close()


def rows(out: Path, run: str = "kills-seed0") -> dict[str, bytes]:
    (folder,) = (out / run / "stages").glob("paths-teacher-*")
    return {file.name: file.read_bytes() for file in sorted(folder.glob("*.parquet"))}


def wait_until_idle(server: ChatServer) -> int:
    """What the dead process had sent has been read then."""
    before = -1
    while before != server.num_requests:
        before = server.num_requests
        time.sleep(0.02)
    return before


def kill_at_random(forker: Forker, server: ChatServer, random_: random.Random, words: list[str], gap: int) -> int:
    """Start the command and kill it: on its way up, or some requests and some milliseconds later."""
    target, process = server.num_requests + random_.randint(1, gap), forker.start(*words)
    deadline = time.monotonic() + (random_.uniform(0, 0.3) if random_.random() < 0.2 else 20)
    while server.num_requests < target and time.monotonic() < deadline:
        time.sleep(0.0005)
    time.sleep(random_.uniform(0, 0.005))
    return forker.kill(process)


def check_kills(forker: Forker, folder: Path, num_kills: int, num_questions: int) -> None:
    drawn = ["build", "questions", recipe(folder, "http://127.0.0.1:1/v1", num_questions), "--out", str(folder / "a")]
    assert forker.run(*drawn) == 0, forker.log.read_text(encoding="utf-8")
    scenes = read_scenes([folder / "a" / "kills-seed0"])
    engine, random_ = Counting(Teacher(TeacherEngine(read_error=0.2), scenes)), random.Random(num_kills)
    with ChatServer(engine) as server:
        words = ["build", "paths", recipe(folder, server.url, num_questions), "--out"]
        assert forker.run(*words, str(folder / "a")) == 0, forker.log.read_text(encoding="utf-8")
        num_distinct, lost = server.num_requests, 0
        assert set(engine.asked.values()) == {1}
        for _ in range(num_kills):
            kept, asked = num_kept(folder / "b"), server.num_requests
            gap = max(2 * (num_distinct - kept) // num_kills, 2)
            code = kill_at_random(forker, server, random_, [*words, str(folder / "b")], gap)
            assert code in (-9, 0), forker.log.read_text(encoding="utf-8")
            in_flight = (wait_until_idle(server) - asked) - (num_kept(folder / "b") - kept)
            assert 0 <= in_flight <= CONCURRENCY
            lost += in_flight
        assert forker.run(*words, str(folder / "b")) == 0, forker.log.read_text(encoding="utf-8")
        assert server.num_requests == 2 * num_distinct + lost
        assert num_kept(folder / "b") == num_distinct
    assert rows(folder / "b") == rows(folder / "a")
    print(f"\n{num_kills} kills, {num_distinct} calls, {lost} of them in flight at a kill and asked again")


@pytest.mark.slow
def test_eight_kills_lose_nothing_that_was_answered(forker: Forker, tmp_path: Path) -> None:
    check_kills(forker, tmp_path, num_kills=8, num_questions=16)


@pytest.mark.slow
@pytest.mark.parametrize("num_kills", [50, 200])
def test_many_kills_lose_nothing_that_was_answered(forker: Forker, tmp_path: Path, num_kills: int) -> None:
    check_kills(forker, tmp_path, num_kills, num_questions=2 * num_kills)


DATA = Path(__file__).parents[2] / "shared" / "data" / "puzzlevqa.parquet"


@pytest.mark.slow
@pytest.mark.real_data
@pytest.mark.skipif(not DATA.exists(), reason="needs ../shared/data/puzzlevqa.parquet")
def test_real_puzzles_through_a_server_killed_three_times_end_as_an_unbroken_run(
    forker: Forker, tmp_path: Path
) -> None:
    """200 questions of PuzzleVQA."""
    random_, run = random.Random(os.getpid()), "puzzlevqa-seed0"
    with ChatServer(Parrot()) as server:
        engine = {
            "kind": "openai",
            "model": "parrot",
            "revision": "1",
            "base_url": server.url,
            "concurrency": 16,
            "check_images": False,
        }
        words = ["build", "paths", "puzzlevqa", "--data", str(DATA), "--set", "questions.test.limit=200"]
        words += ["--set", f"paths.engine={json.dumps(engine)}", "--set", "paths.mode=stepwise", "--out"]
        assert forker.run(*words, str(tmp_path / "a")) == 0, forker.log.read_text(encoding="utf-8")
        distinct, lost = server.num_requests, 0
        for gap in random_.choices(range(distinct // 12, distinct // 4), k=3):
            asked, process = server.num_requests, forker.start(*words, str(tmp_path / "b"))
            kept = num_kept(tmp_path / "b", run)
            while server.num_requests < asked + gap:
                time.sleep(0.0005)
            assert forker.kill(process) == -9
            lost += (wait_until_idle(server) - asked) - (num_kept(tmp_path / "b", run) - kept)
        assert forker.run(*words, str(tmp_path / "b")) == 0, forker.log.read_text(encoding="utf-8")
        assert server.num_requests == 2 * distinct + lost
    unbroken, killed = rows(tmp_path / "a", run), rows(tmp_path / "b", run)
    assert killed == unbroken and len(killed["data-00000.parquet"]) > 10_000
    print(f"\n200 puzzles, {distinct} calls, 3 kills, {lost} calls in flight asked again")
