"""The command line: a user's mistake is one message with a hint and no traceback; a stopped run goes on."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from insightv_bench import tables
from insightv_bench.cli import first_stage
from insightv_bench.errors import EngineUnavailable, ModelError, RecipeError, RunError
from insightv_bench.models import find_seats
from insightv_bench.plan import plan
from insightv_bench.recipe import load_recipe, recipe_names
from insightv_bench.records import Question
from insightv_bench.run import needed, run
from insightv_bench.world.level import Level
from insightv_bench.world.questions import sample_questions

COMMAND = str(Path(sys.executable).with_name("insightv-bench"))
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "HF_HUB_OFFLINE": "1"}
SMALL = ["--set", "world={side: 16, num_slots: 2, min_bars: 2, max_bars: 2, max_value: 99, noise_sd: 1}"]
STOPPED = "stopped; the same command goes on from here"
Done = subprocess.CompletedProcess[str]


def bench(folder: Path, *words: object) -> Done:
    command = [COMMAND, *map(str, words)]
    return subprocess.run(
        command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=120, check=False
    )


def start(folder: Path, *words: object) -> subprocess.Popen[str]:
    command = [COMMAND, *map(str, words)]
    return subprocess.Popen(
        command, cwd=folder, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def the_error(done: Done) -> tuple[str, str]:
    """Fact and hint; there must be one of each, exit code 1 and nothing that only a programmer reads."""
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert 'File "' not in done.stderr
    lines = done.stderr.splitlines()
    errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    hints = [line.removeprefix("hint: ") for line in lines if line.startswith("hint: ")]
    assert len(errors) == len(hints) == 1, done.stderr
    assert lines[-2:] == [f"error: {errors[0]}", f"hint: {hints[0]}"]
    return errors[0], hints[0]


def wait_for(process: subprocess.Popen[str], moment: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 60
    while not moment():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < give_up
        time.sleep(0.01)


def of_journal(folder: Path, figure: str) -> int:
    """0 until the journal has been made."""
    try:
        connection = sqlite3.connect(f"file:{folder / 'journal.sqlite'}?mode=ro", uri=True, timeout=20)
    except sqlite3.OperationalError:
        return 0
    try:
        return connection.execute(f"SELECT {figure} FROM replies").fetchone()[0]
    except sqlite3.OperationalError:
        return 0
    finally:
        connection.close()


def num_kept_calls(folder: Path) -> int:
    return of_journal(folder, "COUNT(*)")


def num_hits(folder: Path) -> int:
    return of_journal(folder, "SUM(hits)")


def whole_stages(run: Path) -> set[str]:
    return {file.parent.name.rpartition("-")[0] for file in run.glob("stages/*/manifest.json")}


def test_an_unknown_recipe(tmp_path: Path) -> None:
    fact, hint = the_error(bench(tmp_path, "run", "wlak"))
    assert fact == "unknown recipe: `wlak`; did you mean `walk`?"
    assert "`quickstart`" in hint


def test_an_unknown_key(tmp_path: Path) -> None:
    fact, hint = the_error(bench(tmp_path, "run", "walk", "--set", "paths.engine.read_eror=0.1"))
    assert fact == "unknown key in `walk`: `paths.engine.read_eror`; did you mean `read_error`?"
    assert "`careful`" in hint


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    fact, hint = the_error(bench(tmp_path, "run", "walk", "--out", "file/runs"))
    assert fact == "`file/runs/walk-seed0` cannot be written: Not a directory"
    assert "--out" in hint


def test_a_run_folder_of_another_recipe(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "walk-seed0"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text('{"recipe": "quickstart", "seed": 0}', encoding="utf-8")
    fact, hint = the_error(bench(tmp_path, "run", "walk"))
    assert fact == "`runs/walk-seed0` is a run of recipe `quickstart`, seed 0"
    assert "--out" in hint


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"recipe": "walk", "seed": 1}', "is a run of recipe `walk`, seed 1"),
        ('["what is this"]', "is a run of something else"),
        ('{"recipe": ', "cannot be read"),
    ],
)
def test_a_run_folder_that_says_something_else(tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "walk-seed0" / "run.json"
    file.parent.mkdir()
    file.write_text(content, encoding="utf-8")
    with pytest.raises(RunError, match=said) as raised:
        run(load_recipe("walk"), tmp_path)
    assert "--out" in raised.value.hint or "rm -r" in raised.value.hint
    assert file.read_text(encoding="utf-8") == content


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "walk-seed0"
    folder.mkdir(parents=True)
    (folder / "thesis.txt").write_text("years of work", encoding="utf-8")
    fact, hint = the_error(bench(tmp_path, "run", "walk"))
    assert fact == "`runs/walk-seed0` holds `thesis.txt` and is no run folder"
    assert "--out" in hint
    assert [item.name for item in folder.iterdir() if not item.name.startswith(".")] == ["thesis.txt"]


def test_what_a_kill_at_the_very_start_leaves_is_still_a_run_folder(tmp_path: Path) -> None:
    (tmp_path / "walk-seed0").mkdir()
    (tmp_path / "walk-seed0" / "run.json.partial").write_text('{"rec', encoding="utf-8")
    manifest = run(load_recipe("walk", ["questions.test.num=3"]), tmp_path, "questions-test")
    assert manifest["num_rows"] == 3


def test_a_second_process_in_one_run_folder(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "walk-seed0"
    folder.mkdir(parents=True)
    with FileLock(folder / ".lock"):
        fact, hint = the_error(bench(tmp_path, "run", "walk"))
    assert fact == "another process works in `runs/walk-seed0`"
    assert "wait for it" in hint


def test_a_folder_that_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    fact, hint = the_error(bench(tmp_path, "eval", "--model", "empty"))
    assert fact == "`empty` is no model: it holds no `config.json`"
    assert "from_pretrained" in hint


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("run.json", "{}", "is an unfinished run"),
        ("summary.json", '{"models": 3}', "is no run's summary"),
        ("summary.json", "{", "is no run's summary"),
    ],
)
def test_a_folder_that_is_no_finished_run(tmp_path: Path, file: str, content: str, said: str) -> None:
    (tmp_path / file).write_text(content, encoding="utf-8")
    with pytest.raises(ModelError, match=said) as raised:
        find_seats(str(tmp_path), "", "")
    assert raised.value.hint


def test_a_truncated_parquet_file(tmp_path: Path) -> None:
    whole = tmp_path / "whole.parquet"
    tables.write_file(whole, list(sample_questions(Level(), "test", 0, 5)), Question)
    (tmp_path / "cut.parquet").write_bytes(whole.read_bytes()[:-100])
    fact, hint = the_error(bench(tmp_path, "build", "questions", "puzzlevqa", "--data", "cut.parquet"))
    assert fact.startswith("`cut.parquet` cannot be read as parquet: ")
    assert "truncated" in hint


def test_a_parquet_file_with_other_columns(tmp_path: Path) -> None:
    tables.write_file(tmp_path / "other.parquet", list(sample_questions(Level(), "test", 0, 5)), Question)
    fact, hint = the_error(bench(tmp_path, "build", "questions", "puzzlevqa", "--data", "other.parquet"))
    assert fact.startswith("`other.parquet` has no column `image`")
    assert "`image_sha256`" in hint


def test_a_data_file_that_is_not_there(tmp_path: Path) -> None:
    """The name is taken as it is, whatever it would mean in YAML."""
    fact, hint = the_error(bench(tmp_path, "build", "questions", "puzzlevqa", "--data", "my #1: {a, b} file.parquet"))
    assert fact == "no parquet file at `my #1: {a, b} file.parquet`"
    assert "--data FILE" in hint


def test_a_verb_and_a_stage_that_the_recipe_does_not_have() -> None:
    with pytest.raises(RecipeError, match="recipe `puzzlevqa` has nothing to `train dpo`") as raised:
        first_stage(load_recipe("puzzlevqa"), "train dpo")
    assert "`build paths`" in raised.value.hint
    with pytest.raises(RecipeError, match="no stage `training`") as raised:
        needed(plan(load_recipe("walk")), "training")
    assert "`train-base`" in raised.value.hint


def test_a_server_that_is_down_is_one_message(tmp_path: Path) -> None:
    """Not one for each of the many calls that were under way."""
    engine = "paths.engine={kind: openai, model: m, base_url: 'http://127.0.0.1:9/v1', max_retries: 0}"
    with pytest.raises(EngineUnavailable, match="`m` at http://127.0.0.1:9/v1 does not answer") as raised:
        run(load_recipe("walk", ["questions.train.num=8", engine]), tmp_path, "paths-teacher")
    assert "the same command goes on" in raised.value.hint


def test_a_dry_run_names_every_stage_in_order_and_writes_nothing(tmp_path: Path) -> None:
    done = bench(tmp_path, "run", "walk", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "runs/walk-seed0" in done.stdout
    assert "600 questions" in done.stdout
    shown = re.findall(r"^  (\S+)", done.stdout, re.MULTILINE)
    assert shown == [stage.name for stage in plan(load_recipe("walk"))]
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_of_one_stage_names_what_it_needs(tmp_path: Path) -> None:
    done = bench(tmp_path, "build", "paths", "walk", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert re.findall(r"^  (\S+)", done.stdout, re.MULTILINE) == ["questions-train", "paths-teacher"]
    assert "2 paths a question" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_the_recipes_are_listed(tmp_path: Path) -> None:
    assert bench(tmp_path, "recipes").stdout.split() == recipe_names()


def test_a_wrong_option_is_a_usage_error(tmp_path: Path) -> None:
    done = bench(tmp_path, "run", "walk", "--untli", "lessons")
    assert done.returncode == 2
    assert "--untli" in done.stderr
    assert "Traceback" not in done.stderr


def test_one_stage_runs_alone_with_what_it_needs_and_says_what_it_left(tmp_path: Path) -> None:
    done = bench(tmp_path, "build", "assess", "walk", *SMALL, "--set", "questions.train.num=8")
    assert done.returncode == 0, done.stderr
    assert "assess-teacher: 16 rows, 0 dropped" in done.stdout
    stages = sorted(folder.name.rpartition("-")[0] for folder in (tmp_path / "runs/walk-seed0/stages").iterdir())
    assert stages == ["assess-teacher", "paths-teacher", "questions-train"]
    stats = bench(tmp_path, "journal", "stats", "runs/walk-seed0")
    assert stats.returncode == 0, stats.stderr
    assert "teacher@" in stats.stdout


def test_after_ctrl_c_in_the_midst_of_model_calls_the_same_command_goes_on(tmp_path: Path) -> None:
    words = ["run", "walk", *SMALL, "--set", "questions.train.num=200", "--until", "paths-teacher"]
    folder = tmp_path / "runs" / "walk-seed0"
    process = start(tmp_path, *words)
    wait_for(process, lambda: num_kept_calls(folder) >= 50)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 130
    assert stderr.splitlines()[-1] == STOPPED
    for noise in ("Traceback", "never awaited", "never retrieved", "Warning"):
        assert noise not in stderr
    kept = num_kept_calls(folder)
    (questions,) = (folder / "stages").glob("questions-train-*/manifest.json")
    written = questions.stat().st_mtime_ns
    assert not list((folder / "stages").glob("paths-teacher-*/manifest.json"))
    done = bench(tmp_path, *words)
    assert done.returncode == 0, done.stderr
    assert "questions-train" not in done.stderr  # it was whole
    assert questions.stat().st_mtime_ns == written
    (paths,) = (folder / "stages").glob("paths-teacher-*/manifest.json")
    manifest = json.loads(paths.read_text(encoding="utf-8"))
    assert manifest["num_rows"] == 400
    assert 50 <= kept <= num_kept_calls(folder) == manifest["totals"]["num_calls"]
    assert num_hits(folder) == kept  # each was paid once


@pytest.mark.slow
def test_after_ctrl_c_in_the_whole_walk_a_second_run_continues(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "walk-seed0"
    words = ["run", "walk", *SMALL, "--set", "questions.train.num=100"]
    process = start(tmp_path, *words)
    wait_for(process, lambda: "questions-train" in whole_stages(folder))
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 130
    assert stderr.splitlines()[-1] == STOPPED
    assert "Traceback" not in stderr
    done = bench(tmp_path, *words, "--until", "corpora-flawed")
    assert done.returncode == 0, done.stderr
    assert "questions-train" not in done.stderr
    assert "corpora-flawed: 200 rows" in done.stdout


def test_a_second_ctrl_c_ends_at_once() -> None:
    """The first one lets the work tidy up, here for a minute."""
    code = (
        "import signal, time; from insightv_bench.cli import interrupted; signal.signal(signal.SIGINT, interrupted)\n"
        "try: print('at work', flush=True); time.sleep(60)\n"
        "finally: print('tidying up', flush=True); time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "at work\n"
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "tidying up\n"
    started = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 130
    assert time.monotonic() - started < 10
    assert stderr == ""


@pytest.mark.slow
def test_two_quick_ctrl_c_end_a_run_at_once_and_it_still_goes_on(tmp_path: Path) -> None:
    words = ["run", "walk", *SMALL, "--set", "questions.train.num=300", "--until", "paths-teacher"]
    folder = tmp_path / "runs" / "walk-seed0"
    process = start(tmp_path, *words)
    wait_for(process, lambda: num_kept_calls(folder) >= 20)
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        time.sleep(0.002)
    _, stderr = process.communicate(timeout=10)
    assert process.returncode == 130
    assert "Traceback" not in stderr
    done = bench(tmp_path, *words)
    assert done.returncode == 0, done.stderr
    assert "paths-teacher: 600 rows" in done.stdout


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """A disk of a set size; called again, another size of the same one."""
    disk = tmp_path / "disk"
    disk.mkdir()

    def mount(size: str) -> Path:
        if shutil.which("mount") is None or os.geteuid() != 0:
            pytest.skip("only root can mount a small disk")
        options = f"size={size},remount" if disk.is_mount() else f"size={size}"
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(disk)], capture_output=True, text=True
        )
        if done.returncode:
            pytest.skip(f"no small disk can be mounted here: {done.stderr.strip()}")
        return disk

    yield mount
    if disk.is_mount():
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_on_a_full_disk_nothing_half_written_is_taken_for_whole(
    tmp_path: Path, small_disk: Callable[[str], Path]
) -> None:
    disk = small_disk("2m")
    words = ["run", "walk", "--out", disk, "--until", "questions-train", "--set", "questions.train.num=700"]
    fact, hint = the_error(bench(tmp_path, *words))
    assert fact.startswith(f"`{disk}/walk-seed0`: ") and fact.endswith("No space left on device")
    assert "free some space" in hint
    assert whole_stages(disk / "walk-seed0") == set()
    small_disk("64m")
    done = bench(tmp_path, *words)
    assert done.returncode == 0, done.stderr
    assert whole_stages(disk / "walk-seed0") == {"questions-train"}
    assert not list(disk.rglob("*.partial"))


def test_a_journal_that_no_longer_fits_is_a_message_and_what_it_kept_stays(small_disk: Callable[[str], Path]) -> None:
    disk = small_disk("700k")
    recipe = load_recipe("walk", [SMALL[1], "questions.train.num=120"])
    with pytest.raises(RunError, match="the journal .* cannot be written: .*(full|I/O)") as raised:
        run(recipe, disk, "paths-teacher")
    assert "free some space" in raised.value.hint
    assert whole_stages(disk / "walk-seed0") == {"questions-train"}
    kept = num_kept_calls(disk / "walk-seed0")
    small_disk("64m")
    assert run(recipe, disk, "paths-teacher")["num_rows"] == 240
    assert 0 < kept == num_hits(disk / "walk-seed0")


def test_a_disk_that_is_full_from_the_start_is_a_message(tmp_path: Path, small_disk: Callable[[str], Path]) -> None:
    disk = small_disk("100k")
    (disk / "ballast").write_bytes(bytes(100 * 1024))
    recipe = load_recipe("walk", ["questions.test.num=3"])
    with pytest.raises(RunError, match="No space left on device") as raised:
        run(recipe, disk, "questions-test")
    assert "free some space" in raised.value.hint
    (disk / "ballast").unlink()
    small_disk("64m")
    assert run(recipe, disk, "questions-test")["num_rows"] == 3


@pytest.mark.slow
@pytest.mark.parametrize("size", ["3m", "12m"])
def test_on_a_full_disk_a_training_ends_with_a_message(
    tmp_path: Path, small_disk: Callable[[str], Path], size: str
) -> None:
    """The weights do not fit, or the optimizer's state does not: libraries that say it in words of their own."""
    few = ["lessons.num=40", "questions.train.num=5", "base.trainer.max_steps=3", "base.trainer.save_steps=2"]
    words = ["run", "walk", "--out", small_disk(size), "--until", "train-base"]
    words += [word for one in few for word in ("--set", one)]
    _, hint = the_error(bench(tmp_path, *words))
    assert "free some space" in hint
    assert "train-base" not in whole_stages(tmp_path / "disk" / "walk-seed0")
    small_disk("256m")
    done = bench(tmp_path, *words)
    assert done.returncode == 0, done.stderr
    assert "train-base" in whole_stages(tmp_path / "disk" / "walk-seed0")
