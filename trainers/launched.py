"""One process of a training that `accelerate launch` began: `python -m insightv_bench.trainers.launched JOB`.

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

from insightv_bench.worker import as_message

from .job import read_job
from .launch import lock_file, train_job

SECONDS_BETWEEN_LOOKS = 1.0


def tell(**message: Any) -> None:
    print(json.dumps(message), flush=True)


def main() -> None:
    file = Path(sys.argv[1])
    threading.Thread(target=end_with, args=(lock_file(file),), daemon=True).start()
    is_first = os.environ.get("RANK", "0") == "0"
    try:
        found = train_job(read_job(file), lambda *step: tell(step=step) if is_first else None)
    except Exception as error:  # noqa: BLE001 - it is told, and raised by the run
        tell(failed=as_message(error))
        sys.stdout.flush()
        os._exit(1)  # the others wait for this one in vain
    if is_first:
        tell(figures=found)


def end_with(lock: Path) -> None:
    """End this process as soon as nobody holds the lock: the run that began it is dead."""
    while True:
        time.sleep(SECONDS_BETWEEN_LOOKS)
        try:
            FileLock(lock).acquire(timeout=0).lock.release()
        except Timeout:
            continue
        os._exit(1)


if __name__ == "__main__":
    main()
