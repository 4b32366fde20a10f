"""The command in a process of its own, what a stopped run has kept, and the one message of an error."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import chdir, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

from insightv_bench.cli import main

COMMAND = str(Path(sys.executable).with_name("insightv-bench"))
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "HF_HUB_OFFLINE": "1"}
SMALL = ["--set", "world={side: 16, num_slots: 2, min_bars: 2, max_bars: 2, max_value: 99, noise_sd: 1}"]
STOPPED = "stopped; the same command goes on from here"
Done = subprocess.CompletedProcess[str]


def bench(folder: Path, *words: object) -> Done:
    command = [COMMAND, *map(str, words)]
    return subprocess.run(
        command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=600, check=False
    )


def bench_here(folder: Path, *words: object) -> Done:
    """The same in this process, which has everything imported already: for mistakes that end before any work."""
    command = ["insightv-bench", *map(str, words)]
    out, err, before = StringIO(), StringIO(), sys.argv
    code = 0
    try:
        sys.argv = command
        with chdir(folder), redirect_stdout(out), redirect_stderr(err):
            main()
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        sys.argv = before
    return Done(command, code, out.getvalue(), err.getvalue())


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
    give_up = time.monotonic() + 300
    while not moment():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < give_up
        time.sleep(0.01)


def kill_when(process: subprocess.Popen[str], moment: Callable[[], bool]) -> None:
    """SIGKILL as soon as `moment` has come; it must come before the process ends by itself."""
    wait_for(process, moment)
    process.kill()
    process.communicate(timeout=300)
    assert process.returncode == -signal.SIGKILL


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
