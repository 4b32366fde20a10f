"""A process of its own for one way of doing the work: what it took, its peak memory, and what it said."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
OTHERS = tuple(filter(None, os.environ.get("BENCH_PYTHON", "").split(":")))
"""The Pythons of other environments, with packages that do not install beside ours."""


class Ended(NamedTuple):
    processor_s: float
    peak_mb: float
    said: str


def child(words: Sequence[str]) -> Ended:
    """Raises AssertionError with the end of what it said where it fails."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(words, stdout=out, stderr=errors, text=True)
        peak, (_, status, used) = watched(process.pid)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        errors.seek(0)
        assert process.returncode == 0, errors.read()[-2000:]
        return Ended(used.ru_utime + used.ru_stime, peak, out.read())


def watched(pid: int) -> tuple[float, tuple[int, int, resource.struct_rusage]]:
    """Peak memory in MB, looked at 20 times a second, and how the process ended.

    The kernel's `ru_maxrss` would not do: a process starts with the peak of the one that started it.
    """
    peak = 0.0
    while not (ended := os.wait4(pid, os.WNOHANG))[0]:
        told = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
        peak = max(peak, int(told[1]) / 1024) if told else peak
        time.sleep(0.05)
    return peak, ended


def python_with(modules: str) -> str:
    """Of this environment and the others that are named, the first that has these modules; empty for none."""
    words = ["-c", f"import {modules}"]
    tried = (sys.executable, *OTHERS)
    return next((each for each in tried if not subprocess.run([each, *words], capture_output=True).returncode), "")


@contextmanager
def serving(*words: str) -> Iterator[str]:
    """The URL of `fast_server.py`, started with these words."""
    server = subprocess.Popen([sys.executable, HERE / "fast_server.py", *words], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        yield server.stdout.readline().strip()
    finally:
        server.kill()
        server.wait()
        server.stdout.close()
