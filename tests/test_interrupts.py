"""Ctrl-C: a stopped run says so and goes on from where it was, and a second one ends it at once."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command_line import SMALL, STOPPED, bench, num_hits, num_kept_calls, start, wait_for, whole_stages


@pytest.mark.slow
def test_after_ctrl_c_in_the_midst_of_model_calls_the_same_command_goes_on(tmp_path: Path) -> None:
    words = ["run", "walk", *SMALL, "--set", "questions.train.num=200", "--until", "paths-teacher"]
    folder = tmp_path / "runs" / "walk-seed0"
    process = start(tmp_path, *words)
    wait_for(process, lambda: num_kept_calls(folder) >= 50)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=300)
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
    _, stderr = process.communicate(timeout=300)
    assert process.returncode == 130
    assert stderr.splitlines()[-1] == STOPPED
    assert "Traceback" not in stderr
    done = bench(tmp_path, *words, "--until", "corpora-flawed")
    assert done.returncode == 0, done.stderr
    assert "questions-train" not in done.stderr
    assert "corpora-flawed: 200 rows" in done.stdout


def test_a_second_ctrl_c_ends_at_once() -> None:
    """The first one lets the work tidy up, here for ten minutes."""
    code = (
        "import signal, time; from insightv_bench.cli.main import interrupted\n"
        "signal.signal(signal.SIGINT, interrupted)\n"
        "try: print('at work', flush=True); time.sleep(600)\n"
        "finally: print('tidying up', flush=True); time.sleep(600)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "at work\n"
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "tidying up\n"
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=300)
    assert process.returncode == 130
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
    _, stderr = process.communicate(timeout=300)
    assert process.returncode == 130
    assert "Traceback" not in stderr
    done = bench(tmp_path, *words)
    assert done.returncode == 0, done.stderr
    assert "paths-teacher: 600 rows" in done.stdout
