"""For tests that kill commands: a process that has the package loaded, and forks a child for each command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

PARENT = """
import json, os, sys
import aiohttp, pyarrow.parquet, pyarrow.dataset  # what the commands load on their way
import insightv_bench.builders.questions, insightv_bench.builders.paths, insightv_bench.engines.openai
from insightv_bench.cli import main
print("ready", flush=True)
for line in sys.stdin:
    order = json.loads(line)
    child = os.fork()
    if child == 0:
        os.close(0)
        log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(log, 1)
        os.dup2(log, 2)
        sys.argv = ["insightv-bench", *order["words"]]
        main()
        os._exit(0)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Forker:
    """A process that has the package loaded and forks a child for each command line: a start takes no second."""

    def __init__(self, log: Path, preload: str = "") -> None:
        """`preload`: more modules, with commas between, that the commands load on their way."""
        self.log = log
        self._code = PARENT if not preload else f"import {preload}\n{PARENT}"
        self._parent: Any = None

    def __enter__(self) -> Forker:
        environment = {**os.environ, "POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1"}
        self._parent = subprocess.Popen(
            [sys.executable, "-c", self._code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        assert self._parent.stdout.readline() == "ready\n"
        return self

    def __exit__(self, *_: object) -> None:
        self._parent.stdin.close()
        self._parent.wait(60)
        self._parent.stdout.close()

    def start(self, *words: str) -> int:
        """The command's process id."""
        self._parent.stdin.write(json.dumps({"words": words, "log": str(self.log)}) + "\n")
        self._parent.stdin.flush()
        return int(self._parent.stdout.readline())

    def wait(self) -> int:
        """The exit code of the command that was started last; -9 after a kill."""
        return int(self._parent.stdout.readline())

    def run(self, *words: str) -> int:
        self.start(*words)
        return self.wait()

    def kill(self, process: int) -> int:
        """SIGKILL; the exit code, in case the command ended by itself just before."""
        os.kill(process, signal.SIGKILL)  # until it is waited for, the id is its own
        return self.wait()
