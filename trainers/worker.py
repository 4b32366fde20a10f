"""One process of a training that `accelerate launch` began: `python -m insightv_bench.trainers.worker JOB`.

The first of them tells on standard output how it goes; each ends at once when the process that began them is dead.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

from insightv_bench.stages import MessageWriter, as_message, hold, is_held

from .job import read_job
from .launch import ALIVE, LOCKS
from .train import train_job

SECONDS_BETWEEN_LOOKS = 1.0


def main() -> None:
    file, rank = Path(sys.argv[1]), os.environ.get("RANK", "0")
    threading.Thread(target=end_with, args=(file,), daemon=True).start()
    _lock = hold(file.parent / LOCKS.replace("*", rank), timeout_s=60)  # until the very end: a run waits for it
    tell = MessageWriter(sys.stdout.fileno())
    is_first = rank == "0"
    try:
        figures = train_job(read_job(file), lambda *step: tell(step=step) if is_first else None)
    except Exception as error:  # noqa: BLE001 - it is told, and raised by the run
        tell(failed=as_message(error))
        os._exit(1)  # the others wait for this one in vain
    if is_first:
        tell(figures=figures)


def end_with(file: Path) -> None:
    """End this process as soon as the run that began it is dead: nobody holds its lock, or another launch has begun."""
    time.sleep(SECONDS_BETWEEN_LOOKS)
    while file.exists() and is_held(file.parent / ALIVE):
        time.sleep(SECONDS_BETWEEN_LOOKS)
    os._exit(1)


if __name__ == "__main__":
    main()
