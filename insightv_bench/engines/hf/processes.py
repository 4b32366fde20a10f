"""One local model in several processes, as `accelerate launch` or `torchrun` starts them.

The first process runs the command; the others only generate. A wave's batches come from the same fixed plan and have
the same seeds as in one process, so the replies are the same too. The first process alone keeps them: after a kill the
same command goes on. Objects travel by pickle, between these processes alone.

Not for training, which has ways of its own to use several processes.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NamedTuple

from insightv_bench.journal import Reply, Request
from insightv_bench.records import Image
from insightv_bench.settings import HfEngine

from .model import LocalModel

WAIT = timedelta(days=30)
"""Between two waves lies whatever else the command does."""


class Work(NamedTuple):
    """One batch for one process."""

    settings: HfEngine
    requests: tuple[Request, ...]
    seed: int
    num_threads: int
    """Of torch: the number changes the last bits of a sum."""


class Idle(NamedTuple):
    """Nothing to do this time."""

    is_last: bool


def num_processes() -> int:
    """As the launcher says; a cluster may set `WORLD_SIZE` alone, where nothing was launched."""
    launched = {"RANK", "MASTER_ADDR"} <= os.environ.keys()
    return int(os.environ.get("WORLD_SIZE", "1")) if launched else 1


def is_first() -> bool:
    return os.environ.get("RANK", "0") == "0"


def is_team() -> bool:
    """Whether other processes wait for work: inside `team`."""
    if num_processes() == 1 or "torch" not in sys.modules:
        return False
    from torch import distributed

    return distributed.is_available() and distributed.is_initialized()


class Shared:
    """A `LocalModel` in each process, as one batch engine that takes several batches at once."""

    def __init__(self, model: LocalModel, settings: HfEngine) -> None:
        self._model, self._settings = model, settings
        self.name, self.revision, self.batch_size = model.name, model.revision, model.batch_size
        self.num_at_once = num_processes()

    def generate(self, requests: Sequence[Request], seed: int) -> list[Reply]:
        return self.generate_all([(requests, seed)])[0]

    def generate_all(self, batches: Sequence[tuple[Sequence[Request], int]]) -> list[list[Reply]]:
        """At most `num_at_once` batches, each in a process of its own. Raises what one of them raised."""
        import torch
        from torch import distributed

        threads = torch.get_num_threads()
        work: list[Any] = [Work(self._settings, tuple(map(whole, asked)), seed, threads) for asked, seed in batches]
        distributed.scatter_object_list([None], [*work, *[Idle(False)] * (self.num_at_once - len(work))], src=0)
        results: list[Any] = [None] * self.num_at_once
        distributed.gather_object(attempt(self._model, work[0]), results, dst=0)
        for result in results:
            if isinstance(result, Exception):
                raise result
        return results[: len(work)]


def whole(request: Request) -> Request:
    """With its images in memory: they are about to travel."""
    images = tuple(Image(bytes=image.bytes, path=image.path) for image in request.chat.images)
    return request._replace(chat=request.chat._replace(images=images))


def attempt(model: Any, work: Work) -> list[Reply] | Exception:
    """The replies, or what was raised: the other processes wait for this one in either case."""
    try:
        return model.generate(work.requests, work.seed)
    except Exception as error:  # noqa: BLE001 - raised again in the first process
        return error


@contextmanager
def team() -> Iterator[None]:
    """Around the command in the first process: when it ends, the others are told."""
    from torch import distributed

    distributed.init_process_group("gloo", timeout=WAIT)
    try:
        yield
    finally:
        distributed.scatter_object_list([None], [Idle(True)] * num_processes(), src=0)
        distributed.destroy_process_group()


def follow() -> None:
    """All that the other processes do: generate what they are given until there is no more."""
    import torch
    from torch import distributed

    distributed.init_process_group("gloo", timeout=WAIT)
    models: dict[str, LocalModel] = {}
    while True:
        scattered: list[Any] = [None]
        distributed.scatter_object_list(scattered, None, src=0)
        given: Work | Idle = scattered[0]
        if isinstance(given, Idle) and given.is_last:
            break
        result: Any = []
        if isinstance(given, Work):
            torch.set_num_threads(given.num_threads)
            key = given.settings.model_dump_json()
            models[key] = models.get(key) or LocalModel(on_own_device(given.settings))
            result = attempt(models[key], given)
        distributed.gather_object(result, None, dst=0)
    distributed.destroy_process_group()


def on_own_device(settings: HfEngine) -> HfEngine:
    """Each process has a device of its own, where there are devices."""
    import torch

    if settings.device not in ("auto", "cuda") or not torch.cuda.is_available():
        return settings
    return settings.model_copy(update={"device": f"cuda:{os.environ.get('LOCAL_RANK', '0')}"})
