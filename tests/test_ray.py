"""Stages over a real Ray cluster of several raylets: the same rows, whatever is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from local_coordinator import TEACHER

from insightv_bench.cli.serve_teacher import read_scenes
from insightv_bench.cluster import blocks, stages
from insightv_bench.engines.teacher import Teacher
from insightv_bench.errors import StageError
from insightv_bench.journal import Reply, Request
from insightv_bench.runs import run
from insightv_bench.serving import ChatServer
from insightv_bench.settings import Recipe, TeacherEngine
from insightv_bench.settings.recipe import parse_recipe

ray_cluster: Any = pytest.importorskip("ray") and __import__("ray_cluster")
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # Ray's own processes and sockets
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    # After an error Ray Data's thread goes on until the command lets go of Ray, and leaves by SystemExit.
    pytest.mark.filterwarnings(
        "ignore:Exception in thread StreamingExecutor:pytest.PytestUnhandledThreadExceptionWarning"
    ),
]
CONCURRENCY = 4
SERVED = """
name: served
world: {side: 16}
questions:
  train: {source: world, split: train, num: NUM}
paths: {engine: ENGINE, num_paths: 2, max_steps: 4}
"""
EVALUATED = """
name: evaluated
world: {side: 16}
questions:
  test: {source: world, split: test, num: 12}
model_seats: {reason: ENGINE, summary: ENGINE}
eval: {arms: [direct, reason, reason+summary, oracle]}
"""


@pytest.fixture(scope="module")
def nodes() -> Iterator[Any]:
    with ray_cluster.nodes() as started:
        yield started


def over(text: str, nodes: Any, *overrides: str) -> Recipe:
    words = ["engine=ray", f"ray.address={nodes.address}", "ray.block_size=4", "ray.max_actors=2", *overrides]
    return parse_recipe(text, "over.yaml", words)


def rows(out: Path, verb: str = "") -> dict[str, bytes]:
    files = sorted(out.glob(f"*/stages/{verb}*/*.parquet"))
    return {str(file.relative_to(out)): file.read_bytes() for file in files}


def manifests(out: Path) -> dict[str, Any]:
    """Without what no two runs share."""
    found = {}
    for file in sorted(out.glob("*/stages/*/manifest.json")):
        manifest = json.loads(file.read_text(encoding="utf-8"))
        for timed in ("seconds", "processor_seconds", "peak_memory_gib", "started", "git_commit"):
            manifest.pop(timed)
        manifest["totals"].get("costs", {}).pop("seconds", None)
        found[file.parent.name] = manifest
    return found


@pytest.mark.slow
def test_paths_and_assessments_are_those_of_one_machine_byte_for_byte(
    nodes: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run(parse_recipe(TEACHER, "over.yaml", []), tmp_path / "alone")
    capfd.readouterr()
    run(over(TEACHER, nodes), tmp_path / "over")
    said = capfd.readouterr()
    assert rows(tmp_path / "over") == rows(tmp_path / "alone")
    assert len(rows(tmp_path / "over")) == 3
    assert manifests(tmp_path / "over") == manifests(tmp_path / "alone")
    assert said.out == "" and len(said.err.splitlines()) == 3, said  # a line a stage, and nothing of Ray's
    assert not list(tmp_path.glob("over/*/.shared-*"))


class Counted:
    """The teacher behind a server, slowly, with how often each request was made."""

    def __init__(self, out: Path, wait_s: float) -> None:
        self._teacher = Teacher(TeacherEngine(read_error=0.2), read_scenes([next(out.glob("*-seed0"))]))
        self.name, self.revision, self.concurrency = "teacher", "1", 64
        self.asked: Counter[str] = Counter()
        self.wait_s = wait_s

    async def reply(self, request: Request) -> Reply:
        import asyncio

        self.asked[repr((request.chat.messages, request.chat.images[0].sha256, request.sample))] += 1
        await asyncio.sleep(self.wait_s)
        return await self._teacher.reply(request)


def served(text: str, url: str, num: int = 24) -> str:
    engine = {"kind": "openai", "model": "teacher", "revision": "1", "base_url": url, "concurrency": CONCURRENCY}
    engine |= {"check_images": False}
    return text.replace("NUM", str(num)).replace("ENGINE", json.dumps({**engine, "max_retries": 0}))


def check(nodes: Any, out: Path, do: Callable[[ChatServer], None], *overrides: str, num: int = 24) -> int:
    """A run during which something is done to the cluster: its rows are those of an undisturbed one. Returns how many
    requests were made twice."""
    run(parse_recipe(served(SERVED, "http://127.0.0.1:9/v1", num), "served.yaml", []), out / "alone", "questions-train")
    engine = Counted(out / "alone", wait_s=0)
    with ChatServer(engine) as server:
        run(parse_recipe(served(SERVED, server.url, num), "served.yaml", []), out / "alone")
        num_distinct = len(engine.asked)
        engine.asked.clear()
        engine.wait_s = 0.1
        disturber = threading.Thread(target=do, args=(server,))
        before = server.num_requests
        disturber.start()
        run(over(served(SERVED, server.url, num), nodes, *overrides), out / "over")
        disturber.join()
        assert len(engine.asked) == num_distinct
        twice = server.num_requests - before - num_distinct
    assert rows(out / "over") == rows(out / "alone")
    return twice


def after(num: int, do: Callable[[], None]) -> Callable[[ChatServer], None]:
    """Once the server had so many more requests."""

    def wait(server: ChatServer) -> None:
        target = server.num_requests + num
        while server.num_requests < target:
            time.sleep(0.01)
        do()

    return wait


@pytest.mark.slow
def test_an_actor_killed_midway_costs_what_was_in_flight(nodes: Any, tmp_path: Path) -> None:
    twice = check(nodes, tmp_path, after(40, ray_cluster.kill_an_actor))
    assert 0 <= twice <= CONCURRENCY


@pytest.mark.slow
def test_without_shared_storage_an_actor_killed_midway_costs_no_more(
    nodes: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lines have gone to the command's machine."""
    real = stages.RayCluster.__init__
    monkeypatch.setattr(
        stages.RayCluster,
        "__init__",
        lambda self, ray, settings, token: real(self, ray, settings, token.with_name("nobody-sees-it")),
    )
    twice = check(nodes, tmp_path, after(40, ray_cluster.kill_an_actor))
    assert 0 <= twice <= CONCURRENCY
    assert list(tmp_path.glob("over/*/journal/*/*.jsonl"))


@pytest.mark.slow
def test_a_node_that_goes_down_midway_costs_what_was_in_flight(nodes: Any, tmp_path: Path) -> None:
    twice = check(nodes, tmp_path, after(40, nodes.remove))
    assert 0 <= twice <= CONCURRENCY
    nodes.nodes.append(nodes.add())


@pytest.mark.slow
def test_an_evaluation_is_that_of_one_machine_byte_for_byte(nodes: Any, tmp_path: Path) -> None:
    pytest.importorskip("lm_eval")
    url = "http://127.0.0.1:9/v1"
    run(parse_recipe(served(EVALUATED, url), "evaluated.yaml", []), tmp_path / "alone", "questions-test")
    with ChatServer(Counted(tmp_path / "alone", wait_s=0)) as server:
        text = served(EVALUATED, server.url)
        run(parse_recipe(text, "evaluated.yaml", []), tmp_path / "alone")
        before = server.num_requests
        run(over(text, nodes), tmp_path / "over")
        assert server.num_requests == 2 * before
        for manifest in tmp_path.glob("over/*/stages/*/manifest.json"):
            manifest.unlink()  # as if it had been killed at the last moment: the kept replies are all there
        run(over(text, nodes), tmp_path / "over")
        assert server.num_requests == 2 * before
    assert rows(tmp_path / "over", "eval-") == rows(tmp_path / "alone", "eval-") != {}
    assert rows(tmp_path / "over", "paths-") == rows(tmp_path / "alone", "paths-") != {}


class DiesAtWork(blocks.Actor):
    """Of block 2, each time."""

    def _write(self, number: int) -> dict[str, Any]:
        if number == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return super()._write(number)


def with_actors(monkeypatch: pytest.MonkeyPatch, kind: type) -> None:
    from ray import cloudpickle

    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    monkeypatch.setattr(blocks, "Actor", kind)


@pytest.mark.slow
def test_a_block_that_ends_every_actor_ends_the_run_with_what_to_do(
    nodes: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_actors(monkeypatch, DiesAtWork)
    with pytest.raises(StageError, match="block 2 .* ended 2 actors") as caught:
        run(over(TEACHER, nodes, "ray.block_tries=2"), tmp_path)
    assert caught.value.hint
    monkeypatch.undo()
    run(over(TEACHER, nodes), tmp_path)  # and the same command goes on


@pytest.mark.slow
def test_actors_that_no_node_can_hold_are_said_with_what_the_cluster_has(nodes: Any, tmp_path: Path) -> None:
    with pytest.raises(StageError, match=r"asks for 1 CPUs and 1 GPUs, and the cluster has 2 CPUs and 0 GPUs"):
        run(over(TEACHER, nodes, "ray.num_gpus=1", "ray.start_s=3"), tmp_path)


LOCAL = [
    "engine=ray",
    "ray.address=local",
    "ray.block_size=2",
    "ray.max_actors=1",
    "assess.judge=oracle",
]
DIES_AT_START = """
import os, signal
from insightv_bench.cli import main
from insightv_bench.cluster import blocks

class DiesAtStart:
    def __init__(self, *words):
        os.kill(os.getpid(), signal.SIGKILL)

    def __call__(self, batch):
        return batch

blocks.Actor = DiesAtStart
main()
"""


def local_command(place: Path, *program: str, start_s: int = 15) -> list[str]:
    """A run of a few questions over a cluster that comes and goes with the command. `start_s`: a busy machine may need
    longer until the first actor has begun."""
    recipe = place / "over.yaml"
    recipe.write_text(TEACHER.replace("num: 24", "num: 4"), encoding="utf-8")
    words = [
        "run",
        str(recipe),
        "--out",
        str(place / "runs"),
        *(part for word in [*LOCAL, f"ray.start_s={start_s}"] for part in ("--set", word)),
    ]
    return [sys.executable, *program, *words]


def commanded(place: Path, *program: str, start_s: int = 15) -> subprocess.CompletedProcess[str]:
    words = local_command(place, *program, start_s=start_s)
    return subprocess.run(words, capture_output=True, text=True, timeout=400, check=False)


@pytest.mark.slow
def test_actors_that_die_as_they_start_end_the_run_with_what_to_do(tmp_path: Path) -> None:
    """Ray replaces a killed one without end; the run waits for the first to begin no longer than it was told."""
    before = raylets()
    done = commanded(tmp_path, "-c", DIES_AT_START)
    assert done.returncode == 1
    assert "has begun in 15 s" in done.stderr and f"they die as they start: {blocks.LOGS}" in done.stderr
    assert "Traceback" not in done.stderr
    assert nothing_new(before)


@pytest.mark.slow
def test_a_cluster_for_one_command_comes_and_goes(tmp_path: Path) -> None:
    before = raylets()
    done = commanded(tmp_path, "-m", "insightv_bench", start_s=240)
    assert done.returncode == 0, done.stderr
    assert len(rows(tmp_path / "runs")) == 3
    assert done.stdout.startswith("assess-teacher: 8 rows, 0 dropped")
    assert len(done.stderr.splitlines()) == 3, done.stderr  # a line a stage, and nothing of Ray's
    assert nothing_new(before)


@pytest.mark.slow
def test_a_killed_raylet_ends_the_command_with_what_happened_and_what_to_do(tmp_path: Path) -> None:
    before = raylets()
    words = local_command(tmp_path, "-m", "insightv_bench", start_s=240)
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as command:
        while not (mine := ray_cluster.raylets_below(command.pid)) and command.poll() is None:
            time.sleep(0.05)
        os.kill(mine[0], signal.SIGKILL)
        said = command.communicate(timeout=300)[1]
    assert command.returncode != 0
    assert "error: " in said.splitlines()[-2] and said.splitlines()[-1].startswith("hint: "), said
    assert "the same command goes on from here" in said or "no way into the Ray cluster" in said
    assert "Traceback" not in said
    assert nothing_new(before)
    done = commanded(tmp_path, "-m", "insightv_bench", start_s=240)
    assert done.returncode == 0, done.stderr


def nothing_new(before: set[int], wait_s: float = 60) -> bool:
    """Ray's processes end a moment after the command."""
    deadline = time.monotonic() + wait_s
    while (new := raylets() - before) and time.monotonic() < deadline:
        time.sleep(0.2)
    return not new


def raylets() -> set[int]:
    import psutil

    return {process.pid for process in psutil.process_iter(["name"]) if process.info["name"] == "raylet"}
