"""One process of a training that `accelerate launch` began: `python -m insightv_bench.trainers.worker JOB`.

The first of them tells on standard output how it goes; each ends at once when the process that began them is dead.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from insightv_bench.stages import as_message

from .job import read_job
from .launch import ALIVE, LOCKS
from .train import train_job

SECONDS_BETWEEN_LOOKS = 1.0
WHOLE_BYTES = 4000
"""Less than a pipe takes at once (4,096): several processes write to the same one, and no line may be torn."""


def main() -> None:
    file, rank = Path(sys.argv[1]), os.environ.get("RANK", "0")
    threading.Thread(target=end_with, args=(file,), daemon=True).start()
    lock = FileLock(file.parent / LOCKS.replace("*", rank))
    lock.acquire(timeout=60)  # until the very end: a run that goes on waits for it
    is_first = rank == "0"
    try:
        figures = train_job(read_job(file), lambda *step: tell(step=step) if is_first else None)
    except Exception as error:  # noqa: BLE001 - it is told, and raised by the run
        tell(failed=failure(error))
        os._exit(1)  # the others wait for this one in vain
    if is_first:
        tell(figures=figures)


def tell(**message: Any) -> None:
    """One line of its own, whatever was printed before it without an end."""
    sys.stdout.flush()
    os.write(sys.stdout.fileno(), f"\n{json.dumps(message)}\n".encode())


def failure(error: Exception) -> dict[str, Any]:
    """The error as a message; of a long traceback the end, which says where it happened."""
    message = as_message(error)
    for text in ("traceback", "fact"):
        over = len(json.dumps(message)) - WHOLE_BYTES
        if over > 0 and text in message:
            message[text] = message[text][over:] if text == "traceback" else message[text][:-over]
    return message


def end_with(file: Path) -> None:
    """End this process as soon as the run that began it is dead: nobody holds its lock, or another launch has begun."""
    lock = file.parent / ALIVE
    while file.exists():
        time.sleep(SECONDS_BETWEEN_LOOKS)
        try:
            FileLock(lock).acquire(timeout=0).lock.release()
        except Timeout:
            continue
        break
    os._exit(1)


if __name__ == "__main__":
    main()
