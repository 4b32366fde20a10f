"""One local model in a process of its own on each device, begun by the run itself.

A wave's batches come from the same fixed plan and have the same seeds as in one process, so the replies are the same
too: how many processes there are is no part of a model's name. They end when the engine is closed, and when the run is
gone, whatever ended it.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from insightv_bench.errors import EngineError
from insightv_bench.journal import Reply, Request
from insightv_bench.settings import HfEngine

from .model import LocalModel, computed_here, identity
from .processes import Shared, Work, is_team, on_own_device, whole

_MODEL: LocalModel | None = None
"""Of this process, in those that `OnDevices` begins."""


def num_wanted(settings: HfEngine) -> int:
    """Processes: as many as are asked for; `auto`: one for each CUDA device, and one alone on a CPU."""
    if settings.num_processes != "auto":
        return settings.num_processes
    if settings.device not in ("auto", "cuda") or settings.device_map:
        return 1
    import torch

    return max(1, torch.cuda.device_count())


def local_model(settings: HfEngine, scenes: Mapping[str, str] | None = None) -> LocalModel | Shared | OnDevices:
    """The model, in this process, in each of a team, or in several that this one begins. `scenes`: as every engine is
    opened with; a model sees the images alone."""
    if is_team():
        return Shared(LocalModel(on_own_device(settings)), settings)
    num = num_wanted(settings)
    return OnDevices(settings, num) if num > 1 else LocalModel(settings)


class OnDevices:
    """As one batch engine that takes several batches at once."""

    def __init__(self, settings: HfEngine, num: int) -> None:
        self._settings, self.num_at_once = settings, num
        self.name, self.revision = identity(computed_here(settings))
        self.batch_size = settings.batch_size
        self.system, self.suffix = settings.system, settings.suffix
        self._pool: ProcessPoolExecutor | None = None

    def generate(self, requests: Sequence[Request], seed: int) -> list[Reply]:
        return self.generate_all([(requests, seed)])[0]

    def generate_all(self, batches: Sequence[tuple[Sequence[Request], int]]) -> list[list[Reply]]:
        """Raises what one of them raised, EngineError where a process has ended."""
        import torch

        threads = torch.get_num_threads()
        work = [Work(self._settings, tuple(map(whole, asked)), seed, threads) for asked, seed in batches]
        pool = self._pool = self._pool or self._begun()
        try:
            return [result.result() for result in [pool.submit(generate, each) for each in work]]
        except BrokenProcessPool as error:
            raise EngineError(
                f"a process that samples `{self.name}` has ended, mostly for want of memory",
                "lower `batch_size` or `num_processes`; every reply so far is kept, and the same command goes on",
            ) from error

    def _begun(self) -> ProcessPoolExecutor:
        context = multiprocessing.get_context("spawn")  # a forked process has no use of CUDA
        places = context.SimpleQueue()
        for number in range(self.num_at_once):
            places.put(number)
        return ProcessPoolExecutor(self.num_at_once, context, open_on_device, (self._settings, places))

    def pids(self) -> list[int]:
        """Of the processes that it has begun."""
        return list(self._pool._processes) if self._pool else []

    async def close(self) -> None:
        if self._pool:
            self._pool.shutdown(cancel_futures=True)
        self._pool = None


def open_on_device(settings: HfEngine, places: Any) -> None:
    """Once in each process."""
    global _MODEL  # noqa: PLW0603 - what a pool's function is given besides its work
    threading.Thread(target=end_with_the_run, daemon=True).start()
    number = places.get()
    _MODEL = LocalModel(on_device(settings, number))


def on_device(settings: HfEngine, number: int) -> HfEngine:
    import torch

    if settings.device not in ("auto", "cuda") or not torch.cuda.is_available():
        return settings
    return settings.model_copy(update={"device": f"cuda:{number % torch.cuda.device_count()}"})


def end_with_the_run() -> None:
    run = multiprocessing.parent_process()
    assert run
    run.join()
    os._exit(0)


def generate(work: Work) -> list[Reply]:
    import torch

    assert _MODEL
    torch.set_num_threads(work.num_threads)
    return _MODEL.generate(work.requests, work.seed)
