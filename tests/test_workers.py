"""Stages side by side: the same rows as one after another, errors that cross over, and no process left behind."""

from __future__ import annotations

import io
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock
from rich.console import Console

from insightv_bench import errors
from insightv_bench.errors import InsightvError, RunError, SourceError
from insightv_bench.plan import plan
from insightv_bench.runs import place, run, run_folder
from insightv_bench.runs.run import wall_seconds
from insightv_bench.runs.worker import RemoteProgress
from insightv_bench.runs.worker_pool import asks, finished_line, next_stage
from insightv_bench.settings import Recipe, load_recipe, recipe_names
from insightv_bench.settings.recipe import parse_recipe
from insightv_bench.stages import (
    MessageWriter,
    Progress,
    as_message,
    from_message,
    is_whole,
    read_manifest,
    read_message,
)

BRANCHES = """
name: branches
world: {num_slots: 2, min_bars: 2, max_bars: 2, max_value: 2, noise_sd: 0, colour_sd: 0}
questions:
  train: {source: world, split: train, num: 40}
  more: {source: world, split: train, num: 30, seed: 1}
  test: {source: world, split: test, num: 20}
lessons: {num: 50}
paths: {engine: {kind: teacher, read_error: 0.2}}
"""
SMALL = [
    "world={num_slots: 2, min_bars: 2, max_bars: 2, max_value: 2, noise_sd: 0, colour_sd: 0}",
    "questions.train.num=48",
    "questions.sample.num=24",
    "questions.test.num=16",
    "lessons.num=120",
    "base.trainer={max_steps: 12, per_device_train_batch_size: 8, save_steps: 4}",
    "reason.trainer={max_steps: 8, per_device_train_batch_size: 8, save_steps: 4}",
    "summary.trainer={max_steps: 6, per_device_train_batch_size: 8, save_steps: 3}",
    "corpora.summary_num=60",
    "agent_paths.sampling.max_new_tokens=24",
    "rounds=null",
    "eval.path_sampling.max_new_tokens=24",
]
"""The walk with so few steps that nothing is learnt, which no row and no weight minds."""
ENVIRONMENT = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE", "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"}
TIMED = ("seconds", "wall_seconds", "processor_seconds", "stages", "page", "models")
STOPPED = "stopped; the same command goes on from here"


def branches(*overrides: str) -> Recipe:
    return parse_recipe(BRANCHES, "branches.yaml", list(overrides))


def rows_of(run_folder: Path) -> dict[str, bytes]:
    """Rows and weights of every stage, by file."""
    files = [*run_folder.rglob("stages/**/*.parquet"), *run_folder.rglob("stages/*/model/model.safetensors")]
    return {str(file.relative_to(run_folder)): file.read_bytes() for file in files if "checkpoints" not in file.parts}


def test_two_workers_leave_the_same_rows_as_one(tmp_path: Path) -> None:
    for workers in (1, 2):
        run(branches(f"workers={workers}"), tmp_path / str(workers))
    one, two = (rows_of(tmp_path / str(workers) / "branches-seed0") for workers in (1, 2))
    assert len(one) >= 6
    assert one == two
    locks = sorted(file.name for file in (tmp_path / "2" / "branches-seed0").glob(".worker-*"))
    assert locks == [".worker-1.lock", ".worker-2.lock"]


@pytest.mark.slow
def test_a_run_begun_with_one_worker_goes_on_with_two(tmp_path: Path) -> None:
    run(branches(), tmp_path, "questions-train")
    (before,) = tmp_path.rglob("manifest.json")
    written = before.stat().st_mtime_ns
    run(branches("workers=2"), tmp_path)
    assert before.stat().st_mtime_ns == written
    assert len(list(tmp_path.rglob("manifest.json"))) == len(plan(branches()))


@pytest.mark.parametrize("name", recipe_names())
def test_the_number_of_workers_is_in_no_folder_s_name(name: str) -> None:
    one, two = (load_recipe(name, [f"workers={workers}"]) for workers in (1, 2))
    assert place(one, Path("run"), plan(one)) == place(two, Path("run"), plan(two))


@pytest.mark.parametrize("name", recipe_names())
def test_a_recipe_reaches_another_process_as_it_is(name: str) -> None:
    recipe = load_recipe(name)
    there = Recipe.model_validate(json.loads(json.dumps(recipe.model_dump(mode="json", exclude_unset=True))))
    assert there == recipe
    assert plan(there) == plan(recipe)


def order(recipe: Recipe, workers: int, random_: random.Random) -> list[str]:
    """In which order the stages begin if each takes some time."""
    stages, done, running, begun = plan(recipe), set[str](), list[str](), []
    while len(done) < len(stages):
        stage = next_stage(stages, done, set(running)) if len(running) < workers else None
        if stage:
            running.append(stage.name)
            begun.append(stage.name)
        else:
            done.add(running.pop(random_.randrange(len(running))))
    return begun


def test_one_worker_keeps_the_order_of_the_plan() -> None:
    recipe = load_recipe("ablations")
    assert order(recipe, 1, random.Random(0)) == [stage.name for stage in plan(recipe)]


@pytest.mark.parametrize("seed", range(20))
def test_a_stage_begins_after_its_inputs_and_after_those_that_ask_the_same(seed: int) -> None:
    recipe = load_recipe("ablations")
    begun = order(recipe, 3, random.Random(seed))
    stages = plan(recipe)
    assert sorted(begun) == sorted(stage.name for stage in stages)
    for number, stage in enumerate(stages):
        assert all(begun.index(name) < begun.index(stage.name) for name in stage.inputs.values())
        for earlier in stages[:number]:
            if asks(stage) & asks(earlier):
                assert begun.index(earlier.name) < begun.index(stage.name)


def test_what_shares_nothing_runs_side_by_side() -> None:
    stages = {stage.name: stage for stage in plan(load_recipe("ablations"))}
    assert asks(stages["eval-sft"]) & asks(stages["eval-dpo-1"])  # one summary agent
    assert not asks(stages["paths-teacher"])
    assert not asks(stages["train-summary"])
    assert asks(stages["paths-round-1"]) & asks(stages["paths-eval-sft"])  # one model, sampled in one way
    assert not asks(stages["paths-round-1"]) & asks(stages["paths-eval-sft-greedy"])  # ... and in two


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_a_stage_that_fails_says_the_same_and_the_others_come_to_their_end(tmp_path: Path, workers: int) -> None:
    missing = "{source: parquet, path: none.parquet, name: n, columns: {question: q, answer: a, image: i}}"
    recipe = branches(f"workers={workers}", f"questions.bad={missing}")
    with pytest.raises(SourceError) as raised:
        run(recipe, tmp_path)
    assert "`none.parquet`" in raised.value.fact
    assert raised.value.__class__ is SourceError
    folder = run_folder(recipe, tmp_path)
    whole = {found.parent.name.rpartition("-")[0] for found in folder.rglob("manifest.json")}
    if workers > 1:  # alone, rows from elsewhere are read before anything else is done
        assert {"questions-train", "questions-more"} <= whole
    for half in (folder / "stages").iterdir():
        assert is_whole(half) or half.name.startswith("questions-bad")


@pytest.mark.slow
def test_a_misspelt_trainer_option_is_said_before_any_stage(tmp_path: Path) -> None:
    with pytest.raises(InsightvError, match="did you mean `learning_rate`") as raised:
        run(load_recipe("walk", [*SMALL, "base.trainer={learning_rat: 1}", "workers=2"]), tmp_path)
    assert type(raised.value) is errors.RecipeError
    assert not list(tmp_path.rglob("manifest.json"))


@pytest.mark.parametrize("kind", [kind for kind in vars(errors).values() if isinstance(kind, type)])
def test_an_error_of_ours_crosses_over_as_it_was(kind: type) -> None:
    if not issubclass(kind, InsightvError):
        return
    crossed = from_message(json.loads(json.dumps(as_message(kind("the fact", "the hint")))), "a")
    assert type(crossed) is kind
    assert str(crossed) == "the fact\nhint: the hint"


def test_any_other_error_crosses_over_with_its_traceback() -> None:
    try:
        {}["gone"]
    except KeyError as error:
        crossed = from_message(json.loads(json.dumps(as_message(error))), "train-base")
    assert str(crossed) == "stage `train-base` failed: KeyError: 'gone'"
    assert "test_workers.py" in str(crossed.__cause__)
    assert '{}["gone"]' in str(crossed.__cause__)


def test_bars_of_another_process_lose_no_step(tmp_path: Path) -> None:
    file = tmp_path / "messages"
    with file.open("w") as stream:
        progress = RemoteProgress(MessageWriter(stream.fileno()), bars=True)
        assert list(progress.track(range(1000), "counting", 1000)) == list(range(1000))
    news = [message for line in file.read_text().splitlines() if (message := read_message(line))]
    assert news[0]["total"] == 1000
    assert sum(one.get("advance", 0) for one in news) == 1000
    assert news[-1]["stop"]
    assert len(news) < 100
    silent = tmp_path / "silent"
    with silent.open("w") as stream:
        progress = RemoteProgress(MessageWriter(stream.fileno()), bars=False)
        assert len(list(progress.track(range(9), "counting", 9))) == 9
    news = [message for line in silent.read_text().splitlines() if (message := read_message(line))]
    assert sum(one.get("advance", 0) for one in news) == 9  # told as well: the run says a line now and then


@pytest.mark.slow
def test_a_terminal_shows_the_bars_of_all_workers(tmp_path: Path) -> None:
    shown = io.StringIO()
    run(branches("workers=2"), tmp_path, progress=Progress(Console(file=shown, force_terminal=True, width=120)))
    for stage in plan(branches()):
        assert stage.name in shown.getvalue()


def test_wall_seconds_count_what_ran_side_by_side_once_and_no_pause() -> None:
    spans = [("12:00:00", 10.0), ("12:00:05", 10.0), ("12:00:06", 2.0), ("13:00:00", 1.5)]
    manifests = [{"started": f"2026-01-01T{at}+00:00", "seconds": seconds} for at, seconds in spans]
    assert wall_seconds(manifests) == 16.5
    assert wall_seconds([]) == 0
    assert wall_seconds([*manifests, {"seconds": 2.0}]) == 18.5  # one of a run from before this was kept


def test_a_corpus_that_has_fewer_of_a_kind_than_asked_for_says_so_in_its_line() -> None:
    totals = {"wanted": {"optimal": 20, "agent": 5000}, "kinds": {"optimal": 20, "agent": 1234, "plain": 3}}
    manifest = {"num_rows": 1257, "num_dropped": 2, "totals": totals}
    line = finished_line("3/9", "corpora-summary", 1.0, manifest)
    assert line.endswith("1,257 rows, 2 dropped, short of agent 1,234 of 5,000")
    totals["kinds"]["agent"] = 5000
    assert finished_line("3/9", "corpora-summary", 1.0, manifest).endswith("1,257 rows, 2 dropped")


def test_a_manifest_says_when_its_stage_began(tmp_path: Path) -> None:
    run(branches(), tmp_path, "questions-test")
    (manifest,) = tmp_path.rglob("manifest.json")
    began = read_manifest(manifest.parent)["started"]
    assert wall_seconds([{"started": began, "seconds": 2.0}]) == 2.0


def test_a_process_of_a_killed_run_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = branches()
    run(recipe, tmp_path, "questions-test")
    monkeypatch.setattr("insightv_bench.stages.processes.SECONDS_TO_END", 0.2)
    with FileLock(run_folder(recipe, tmp_path) / ".worker-1.lock"), pytest.raises(RunError, match="still works in"):
        run(recipe, tmp_path)
    run(recipe, tmp_path)


@pytest.mark.slow
def test_a_script_needs_no_guard_for_workers(tmp_path: Path) -> None:
    """Processes are begun afresh, not from the user's script."""
    (tmp_path / "mine.yaml").write_text(BRANCHES, encoding="utf-8")
    script = tmp_path / "script.py"
    script.write_text(
        "import insightv_bench as iv\nprint('once')\n"
        "iv.run_recipe(iv.load_recipe('mine.yaml', ['workers=2']), until='questions-more')\n",
        encoding="utf-8",
    )
    (tmp_path / "json.py").write_text("raise SystemExit('a file of the user took the place of a library')\n")
    done = subprocess.run(
        [sys.executable, "-P", str(script)], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "once\n"


# Real kills -----------------------------------------------------------------------------------------------------------

linux = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
LONG = ["questions.train.num=300", "questions.more.num=300", "paths.num_paths=2"]


def children(pid: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(encoding="utf-8").rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


def wait_until(moment: Callable[[], object], what: str, seconds: float = 90) -> None:
    give_up = time.monotonic() + seconds
    while not moment():
        assert time.monotonic() < give_up, what
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def begun(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], list[int], list[str]]]:
    """A run in the midst of its stages: the process, its two workers, and its command."""
    (tmp_path / "mine.yaml").write_text(BRANCHES, encoding="utf-8")
    words = [word for one in LONG for word in ("--set", one)]
    command = [sys.executable, "-m", "insightv_bench", "run", "mine.yaml", "--workers", "2", *words]
    process = subprocess.Popen(
        command, cwd=tmp_path, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    stages = tmp_path / "runs" / "branches-seed0" / "stages"
    wait_until(lambda: len(list(stages.glob("*"))) >= 2, "two stages begin")
    workers = children(process.pid)
    assert len(workers) == 2
    yield process, workers, command
    process.kill()
    process.communicate()


def goes_on(command: list[str], folder: Path) -> None:
    """The same command comes to the end, with the rows of a run that nobody stopped."""
    done = subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    run(branches(*LONG), folder / "unbroken")
    assert rows_of(folder / "runs" / "branches-seed0") == rows_of(folder / "unbroken" / "branches-seed0")


@linux
@pytest.mark.slow
def test_after_a_kill_of_the_run_no_worker_is_left_and_the_same_command_goes_on(
    begun: tuple[subprocess.Popen[str], list[int], list[str]], tmp_path: Path
) -> None:
    process, workers, command = begun
    process.kill()
    process.wait()
    wait_until(lambda: not any(map(is_alive, workers)), "the workers end", 30)
    goes_on(command, tmp_path)


@linux
@pytest.mark.slow
def test_after_ctrl_c_no_worker_is_left(begun: tuple[subprocess.Popen[str], list[int], list[str]]) -> None:
    process, workers, _ = begun
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stderr.splitlines()[-1] == STOPPED
    assert "Traceback" not in stderr
    assert not any(map(is_alive, workers))


@pytest.mark.slow
@linux
def test_a_worker_that_is_killed_is_one_message(begun: tuple[subprocess.Popen[str], list[int], list[str]]) -> None:
    process, workers, _ = begun
    os.kill(workers[0], signal.SIGKILL)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "error: the process of stage `" in stderr
    assert "ended with signal 9 (SIGKILL)\nhint: " in stderr
    assert "Traceback" not in stderr
    assert not any(map(is_alive, workers))


def walk(out: Path, workers: int) -> list[str]:
    words = [word for one in (*SMALL, f"workers={workers}") for word in ("--set", one)]
    return [sys.executable, "-m", "insightv_bench", "run", "walk", *words, "--out", str(out)]


@linux
@pytest.mark.slow
def test_the_whole_walk_with_two_workers_and_kills_equals_the_one_with_one(tmp_path: Path) -> None:
    for_one, for_two = walk(tmp_path / "one", 1), walk(tmp_path / "two", 2)
    subprocess.run(for_one, env=ENVIRONMENT, check=True, capture_output=True, timeout=3000)
    summary = json.loads((tmp_path / "one" / "walk-seed0" / "summary.json").read_text(encoding="utf-8"))
    assert 0 < summary["wall_seconds"] <= summary["seconds"] + 1
    random_ = random.Random()
    for whole_group in (False, True):
        process = subprocess.Popen(
            for_two, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        time.sleep(random_.uniform(5, max(10.0, summary["wall_seconds"] / 3)))
        workers = children(process.pid)
        (os.killpg if whole_group else os.kill)(process.pid, signal.SIGKILL)
        process.wait()
        wait_until(lambda workers=workers: not any(map(is_alive, workers)), "the workers end", 60)  # type: ignore[misc]
    subprocess.run(for_two, env=ENVIRONMENT, check=True, capture_output=True, timeout=3000)
    assert rows_of(tmp_path / "one" / "walk-seed0") == rows_of(tmp_path / "two" / "walk-seed0")
    other = json.loads((tmp_path / "two" / "walk-seed0" / "summary.json").read_text(encoding="utf-8"))
    assert {key: other[key] for key in other if key not in TIMED} == {
        key: summary[key] for key in summary if key not in TIMED
    }
