"""`eval` killed by SIGKILL at random moments, and a server that goes away: nothing is paid twice, nothing is lost.

Every request that the server gets beyond the distinct ones was in flight at a kill. The rows of the killed run are
those of an undisturbed one, byte by byte, and so are lm-eval's own samples.
"""

from __future__ import annotations

import hashlib
import json
import random
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from forking import Forker
from test_kills import Parrot, wait_until_idle

from insightv_bench.journal import Reply, Request
from insightv_bench.protocol import render_answer
from insightv_bench.records import EvalRecord
from insightv_bench.serving import ChatServer, Manners
from insightv_bench.settings import TinyModel
from insightv_bench.storage import read_rows

pytest.importorskip("aiohttp")
pytest.importorskip("lm_eval")
CONCURRENCY = 6
SYSTEMS = ("thinker-one", "thinker-two")
ARMS = "[direct, reason, reason+summary, flawed]"


class Speaker(Parrot):
    """Its answers hang on the hash of what it is asked, and can mostly be read."""

    async def reply(self, request: Request) -> Reply:
        shown = "".join(image.sha256 for image in request.chat.images)
        said = request.chat.messages[-1].content + shown + str(request.sample)
        number = int(hashlib.sha256(said.encode()).hexdigest()[:6], 16)
        text = render_answer(str(number % 10)) if number % 5 else "I cannot say."
        return Reply(text=text, num_prompt_tokens=len(said), num_tokens=len(text))


@pytest.fixture(scope="module")
def forker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forker]:
    preload = "torch.utils.collect_env, lm_eval.evaluator, datasets, insightv_bench.evals.evaluate"
    with Forker(tmp_path_factory.mktemp("log") / "log.txt", preload) as started:
        yield started


def command(model: str, num: int, out: Path, *more: str) -> list[str]:
    words = ["eval", "--model", model, "--tasks", "insightv_tiny", "--limit", str(num), "--out", str(out)]
    return [*words, "--set", f"eval.arms={ARMS}", "--set", "eval.path_sampling.max_new_tokens=16", *more]


def at_server(url: str, num: int, out: Path) -> list[str]:
    options = f"concurrency={CONCURRENCY},max_retries=0,revision=v1,check_images=false"
    return command(f"openai:{url}#parrot", num, out, "--model_args", options)


def stage(out: Path, name: str) -> Path:
    (found,) = out.glob(f"*/stages/{name}-*/manifest.json")
    return found.parent


def results(out: Path) -> dict[str, Any]:
    """The evaluation's rows and lm-eval's samples as bytes, and lm-eval's figures: all but names and times of day."""
    folder = stage(out, "eval")
    files = {file.name: file.read_bytes() for file in sorted(folder.glob("*.parquet"))}
    for file in sorted((folder / "lm-eval").rglob("samples_*.jsonl")):
        files[file.name.rpartition("_")[0]] = file.read_bytes()
    (figures,) = (folder / "lm-eval").rglob("results_*.json")
    found = json.loads(figures.read_text(encoding="utf-8"))
    seeded = {"torch is seeded": found["config"]["torch_seed"] is not None}
    return {**files, **seeded, **{name: found[name] for name in ("results", "configs", "versions", "n-samples")}}


def num_kept(out: Path) -> int:
    with suppress(sqlite3.Error, StopIteration):
        file = next(out.glob("*/journal.sqlite"))
        connection = sqlite3.connect(file, timeout=60)
        try:
            return connection.execute("SELECT COUNT(*) FROM replies").fetchone()[0]
        finally:
            connection.close()
    return 0


def check_kills(forker: Forker, folder: Path, num_kills: int, num_questions: int) -> None:
    random_ = random.Random(num_kills)
    with ChatServer(Speaker(), manners=Manners(delay_s=0.01)) as server:
        assert forker.run(*at_server(server.url, num_questions, folder / "a")) == 0, forker.log.read_text()
        distinct, lost = server.num_requests, 0
        for _ in range(num_kills):
            kept, asked = num_kept(folder / "b"), server.num_requests
            process = forker.start(*at_server(server.url, num_questions, folder / "b"))
            target = asked + random_.randint(1, max(2, 2 * (distinct - kept) // num_kills))
            deadline = time.monotonic() + 60
            while server.num_requests < target and time.monotonic() < deadline:
                time.sleep(0.001)
            assert forker.kill(process) in (-9, 0), forker.log.read_text()
            in_flight = (wait_until_idle(server) - asked) - (num_kept(folder / "b") - kept)
            assert 0 <= in_flight <= CONCURRENCY
            lost += in_flight
        assert forker.run(*at_server(server.url, num_questions, folder / "b")) == 0, forker.log.read_text()
        assert server.num_requests == 2 * distinct + lost
        assert num_kept(folder / "b") == distinct
    assert results(folder / "b") == results(folder / "a")
    assert not results(folder / "a")["torch is seeded"]  # nor loaded to be seeded, where every model is a server
    print(f"\n{num_kills} kills, {distinct} calls, {lost} in flight at a kill and asked again")


@pytest.mark.slow
def test_an_evaluation_killed_three_times_ends_as_an_unbroken_one(forker: Forker, tmp_path: Path) -> None:
    check_kills(forker, tmp_path, num_kills=3, num_questions=24)


@pytest.mark.slow
def test_an_evaluation_killed_ten_times_ends_as_an_unbroken_one(forker: Forker, tmp_path: Path) -> None:
    check_kills(forker, tmp_path, num_kills=10, num_questions=80)


def end_at(server: ChatServer, num: int) -> None:
    """Connections that are open are dropped then, as a killed process drops them."""
    while server.num_requests < num:
        time.sleep(0.002)
    server.close()


@pytest.mark.slow
def test_a_server_that_dies_midway_says_what_is_missing_and_how_to_go_on(forker: Forker, tmp_path: Path) -> None:
    with ChatServer(Speaker(), manners=Manners(delay_s=0.02)) as server:
        port, words = server.port, at_server(server.url, 24, tmp_path)
        ender = threading.Thread(target=end_at, args=(server, 30))
        ender.start()
        assert forker.run(*words) == 1
        ender.join()
        asked = server.num_requests
    said = forker.log.read_text(encoding="utf-8")
    assert "does not answer: Connection error." in said and "are missing)" in said
    assert "hint: every reply so far is kept; the same command goes on from there" in said
    assert f"insightv-bench eval --model 'openai:http://127.0.0.1:{port}/v1#parrot'" in said
    assert "Traceback" not in said
    kept = num_kept(tmp_path)
    assert 0 < kept <= asked
    with ChatServer(Speaker(), port=port) as again:
        assert forker.run(*words) == 0, forker.log.read_text()
        assert again.num_requests == num_kept(tmp_path) - kept


class ByName(Speaker):
    """Each of its models signs what it says of the path."""

    async def reply(self, request: Request) -> Reply:
        return Reply(text=f"{self.name}: {(await super().reply(request)).text}", num_tokens=2)


@pytest.mark.slow
def test_each_summary_agent_under_test_answers_for_itself_on_paths_that_are_asked_for_once(
    forker: Forker, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        urls = {}
        for name in ("thinker", "one", "two"):
            engine = ByName()
            engine.name = name
            urls[name] = stack.enter_context(ChatServer(engine))
        models = [f"openai:{server.url}#{name}" for name, server in urls.items()]
        words = ["eval", "--reason", models[0], "--summary", models[1], "--summary", models[2]]
        words += [
            "--tasks",
            "insightv_tiny",
            "--limit",
            "4",
            "--out",
            str(tmp_path),
            "--model_args",
            "revision=v1,check_images=false",
        ]
        assert forker.run(*words, "--set", "eval.arms=[reason, reason+summary, oracle]") == 0, forker.log.read_text()
        assert [server.num_requests for server in urls.values()] == [4, 8, 8]
    files = {name: stage(tmp_path, f"eval-{name}") / "data-00000.parquet" for name in SYSTEMS}
    said = {name: list(read_rows(file, EvalRecord)) for name, file in files.items()}
    for name, rows in said.items():
        summaries = [row for row in rows if row.arm != "reason"]
        assert len(summaries) == 8 and all(row.response.startswith(f"{name[8:]}: ") for row in summaries)
        assert {row.model for row in summaries} == {f"{name[8:]}@v1"}
    paths = [{(row.question_id, row.path_id) for row in rows if row.arm == "reason+summary"} for rows in said.values()]
    assert paths[0] == paths[1] and len(paths[0]) == 4
    assert "reason" not in {row.arm for row in said["thinker-two"]}


@pytest.mark.slow
def test_a_local_models_evaluation_killed_at_random_ends_as_an_unbroken_one(forker: Forker, tmp_path: Path) -> None:
    pytest.importorskip("trl")
    from insightv_bench.trainers.models import make_tiny

    make_tiny(TinyModel(), tmp_path / "tiny", seed=0)
    more = ["--batch_size", "4"]
    assert forker.run(*command(str(tmp_path / "tiny"), 12, tmp_path / "a", *more)) == 0, forker.log.read_text()
    total = num_kept(tmp_path / "a")
    for number in range(3):
        process, before = forker.start(*command(str(tmp_path / "tiny"), 12, tmp_path / "b", *more)), -1
        deadline = time.monotonic() + 90
        target = (number + 1) * total // 4
        while before < target and time.monotonic() < deadline:
            before = num_kept(tmp_path / "b")
            time.sleep(0.01)
        assert forker.kill(process) in (-9, 0), forker.log.read_text()
        assert num_kept(tmp_path / "b") % 4 == 0  # batches are kept whole or not at all
    assert forker.run(*command(str(tmp_path / "tiny"), 12, tmp_path / "b", *more)) == 0, forker.log.read_text()
    assert num_kept(tmp_path / "b") == total
    assert results(tmp_path / "b") == results(tmp_path / "a")
    assert results(tmp_path / "a")["torch is seeded"]
