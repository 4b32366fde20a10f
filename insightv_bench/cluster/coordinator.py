"""The coordinator: an actor on the command's machine that answers the others.

It counts what must be counted once (tries of a block, money), hands out what the actors cannot read themselves, and
keeps their lines where no storage is shared. Ray runs several of its methods at once.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from insightv_bench.journal import SQLITE, Appended, Entry, Spent, beneath, block_lines, has_replied, spent_of, to_text
from insightv_bench.lazy import load_function
from insightv_bench.storage import ImageStore

from .job import Job, context_of

THREADS = 16
"""Methods at once."""


class Coordinator:
    def __init__(self, job: Job, work: Mapping[int, Any] | None = None) -> None:
        """`work`: the blocks' content, where it lies in no stage's folder."""
        self._job, self._work = job, work
        self._tries: Counter[int] = Counter()
        self._num_actors = 0
        self._is_stopped = False
        self._lock = threading.Lock()
        self._spent: dict[str, Spent] = {}
        self._beneath = beneath(job.run / SQLITE)
        self._stores: dict[Path, ImageStore] = {}
        self._outs: dict[int, Appended] = {}

    def begin(self, number: int) -> int:
        """How often this block was begun, this time included; 0: nothing is to be begun any more."""
        with self._lock:
            self._tries[number] += 1
            return 0 if self._is_stopped else self._tries[number]

    def num_begun(self) -> int:
        return len(self._tries)

    def stop(self) -> None:
        self._is_stopped = True

    def take_place(self) -> int:
        """0-based, one after another: so actors spread over servers."""
        with self._lock:
            self._num_actors += 1
            return self._num_actors - 1

    def work(self, number: int) -> Any:
        """A block's content as it was handed over."""
        assert self._work is not None
        return self._work[number]

    def rows(self, number: int) -> Any:
        """A block's rows, their images left out, for an actor that cannot read them."""
        start, stop = self._job.bounds[number]
        work: Any = load_function(self._job.function)
        return work.read(context_of(self._job), start, stop)

    def image(self, folder: Path, sha256: str) -> bytes:
        with self._lock:
            if folder not in self._stores:
                self._stores[folder] = ImageStore(folder)
        return self._stores[folder].read(sha256)

    def has_before(self) -> bool:
        """Whether a run on one machine has kept anything."""
        return self._beneath is not None

    def kept_before(self, keys: Sequence[str]) -> dict[str, Entry]:
        """By a run on one machine, before this one."""
        with self._lock:
            return self._beneath(keys) if self._beneath else {}

    def has_replies(self, model: str) -> bool:
        return has_replied(self._job.run, model)

    def spent(self, model: str) -> Spent:
        with self._lock:
            if model not in self._spent:
                self._spent[model] = spent_of(self._job.run, model)
            return self._spent[model]

    def spend(self, model: str, more: Spent) -> Spent:
        """What is spent with `more`, by all actors."""
        self.spent(model)
        with self._lock:
            self._spent[model] = self._spent[model].plus(more)
            return self._spent[model]

    def keep(self, number: int, text: str) -> None:
        """A line of a journal, of an actor that shares no storage with this machine."""
        with self._lock:
            out = self._outs.setdefault(number, Appended(self._job.journals / self._job.block_name(number)))
            out.append(text)

    def kept(self, number: int) -> list[str]:
        return [to_text(line) for line in block_lines(self._job.journals, self._job.block_name(number))]

    def close(self) -> None:
        for out in self._outs.values():
            out.close()
