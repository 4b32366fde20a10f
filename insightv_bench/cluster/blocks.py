"""Blocks over Ray Data: numbers go out to a pool of actors, outcomes come back as they are finished.

The outcomes of a stage's blocks are kept in its checkpoints before a row of them is used. So a run that was cut off
asks for the missing blocks alone, and the rows stand in the order of the stage's input, whichever block came first.
"""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from insightv_bench.engines import Costs
from insightv_bench.errors import InsightvError, StageError
from insightv_bench.records import Record
from insightv_bench.settings import LOCAL
from insightv_bench.stages import from_message
from insightv_bench.storage import first_line, write_text

from .actor import STOPPED, Actor
from .coordinator import THREADS, Coordinator
from .job import Job
from .remote import RemoteCoordinator
from .session import resources_of

R = TypeVar("R", bound=Record)
Outcome = dict[str, Any]
POLL_S = 1.0
FINISH_S = 20
"""After an error, blocks at work have this long to come to their end; what they keep is kept in any case."""
INIT_DEATHS = 3
"""In a row; an actor that dies before its first block is replaced so often."""
LOGS = "the nodes' logs lie in /tmp/ray/session_latest/logs"


class Blocks:
    """Of one stage."""

    def __init__(self, ray: Any, job: Job, work: Mapping[int, Any] | None = None) -> None:
        self._ray, self._job, self._work = ray, job, work
        self._settings = job.recipe.ray
        self._news: queue.Queue[tuple[int, Outcome] | BaseException | None] = queue.Queue()
        self._coordinator: Any = None

    def outcomes(self, numbers: Sequence[int]) -> Generator[tuple[int, Outcome], None, None]:
        """As they are finished. Raises what an actor raised, and StageError where none comes to work."""
        if not numbers:
            return
        self._coordinator = self._open_coordinator()
        threading.Thread(target=self._pump, args=(list(numbers),), daemon=True).start()
        try:
            for number, outcome in self._heard():
                if "failed" in outcome:
                    self._let_finish()
                    raise from_message(outcome["failed"], self._job.stage.name)
                yield number, outcome
        finally:
            with suppress(self._ray.exceptions.RayError):  # what it keeps is written line by line
                self._ray.get(self._coordinator.close.remote(), timeout=FINISH_S)
                self._ray.kill(self._coordinator)

    def _open_coordinator(self) -> Any:
        """On this machine, whatever else the cluster has."""
        ray = self._ray
        node = ray.get_runtime_context().get_node_id()
        here = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node, soft=False)
        kind = ray.remote(num_cpus=0, max_concurrency=THREADS, scheduling_strategy=here)(Coordinator)
        return kind.remote(self._job, self._work)

    def _heard(self) -> Iterator[tuple[int, Outcome]]:
        waits_until: float | None = time.monotonic() + self._settings.start_s
        while True:
            try:
                news = self._news.get(timeout=POLL_S)
            except queue.Empty:
                waits_until = self._check_begun(waits_until)
                continue
            if news is None:
                return
            if isinstance(news, BaseException):
                raise self._explained(news)
            if STOPPED not in news[1]:
                yield news

    def _check_begun(self, until: float | None) -> float | None:
        """None once a block was begun."""
        if until is None or self._num_begun():
            return None
        if time.monotonic() > until:
            asked = _words(self._resources())
            raise StageError(
                f"no actor of `{self._job.stage.name}` has begun in {self._settings.start_s:g} s: each asks for"
                f" {asked}, and the cluster has {_words(self._ray.cluster_resources())}",
                "set `ray.num_cpus` and `ray.num_gpus` to what one node has free, or add nodes; if there is room, they"
                f" die as they start: {LOGS}",
            )
        return until

    def _num_begun(self) -> int:
        """0 as well where the coordinator itself is not there yet."""
        try:
            return int(self._ray.get(self._coordinator.num_begun.remote(), timeout=POLL_S))
        except self._ray.exceptions.GetTimeoutError:
            return 0
        except self._ray.exceptions.RayError as error:
            raise self._explained(error) from error

    def _resources(self) -> dict[str, float]:
        """Of an actor; a laptop has no GPU to ask for."""
        settings, engine = self._settings, self._job.engine
        asked = resources_of(settings, [engine] if engine else self._job.stage.engines)
        alone = settings.address == LOCAL and settings.num_gpus is None
        return asked | {"num_gpus": 0.0} if alone and not self._ray.cluster_resources().get("GPU") else asked

    def _let_finish(self) -> None:
        self._coordinator.stop.remote()
        deadline = time.monotonic() + FINISH_S
        while time.monotonic() < deadline:
            try:
                if not isinstance(self._news.get(timeout=POLL_S), tuple):
                    return
            except queue.Empty:
                continue

    def _pump(self, numbers: list[int]) -> None:
        """In a thread of its own, so that the command can look up from waiting."""
        try:
            for batch in self._dataset(numbers).iter_batches(batch_size=1, prefetch_batches=0):
                self._news.put((int(batch["number"][0]), json.loads(batch["outcome"][0])))
            self._news.put(None)
        except BaseException as error:  # noqa: BLE001 - raised by the command
            self._news.put(error)

    def _dataset(self, numbers: list[int]) -> Any:
        data, settings = self._ray.data, self._settings
        context = data.DataContext.get_current()
        context.max_consecutive_actor_init_deaths = INIT_DEATHS
        context.autoscaling_config.actor_pool_util_upscaling_threshold = 1.0  # a block an actor, none waits behind one
        context.execution_options.preserve_order = False
        rows = data.from_items([{"number": number} for number in numbers], override_num_blocks=len(numbers))
        pool = data.ActorPoolStrategy(
            min_size=min(settings.min_actors, len(numbers)),
            max_size=min(settings.max_actors, len(numbers)),
            max_tasks_in_flight_per_actor=1,
        )
        given = {"fn_constructor_args": (self._job, RemoteCoordinator(self._coordinator)), "compute": pool}
        return rows.map_batches(Actor, batch_size=1, **given, **self._resources())

    def _explained(self, error: BaseException) -> BaseException:
        """Ray's account of what happened, as one line."""
        if isinstance(error, InsightvError | KeyboardInterrupt):
            return error
        # Ray Data puts an empty SystemException behind errors of its own.
        last = first_line(error.__cause__ if error.__cause__ and str(error.__cause__) else error)
        return StageError(
            f"the actors of `{self._job.stage.name}` cannot work: {last}",
            f"each node needs this package, Ray and the model's packages; {LOGS}",
        )


def _words(resources: Mapping[str, float]) -> str:
    cpus, gpus = (float(resources.get(name, resources.get(f"num_{name.lower()}s", 0))) for name in ("CPU", "GPU"))
    return f"{cpus:g} CPUs and {gpus:g} GPUs"


class Parked:
    """The finished blocks of a stage: one file each, whole or absent."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def block_size(self, wanted: int) -> int:
        """As the stage was begun: blocks of another size cannot be put together with these."""
        file = self._folder / "block_size.json"
        if not file.exists():
            write_text(file, json.dumps(wanted))
        return int(json.loads(file.read_text(encoding="utf-8")))

    def file(self, number: int) -> Path:
        return self._folder / f"block-{number:06d}.jsonl"

    def put(self, number: int, outcome: Outcome) -> None:
        """The first line is what it took, the others are rows."""
        first = json.dumps({"costs": outcome["costs"], "models": outcome["models"]})
        write_text(self.file(number), "\n".join([first, *outcome["rows"]]) + "\n")

    def missing(self, num: int) -> list[int]:
        return [number for number in range(num) if not self.file(number).exists()]

    def read(self, number: int, record: type[R]) -> tuple[Costs, list[str], Iterator[R]]:
        """What it took, who replied, and its rows."""
        first, *rows = self.file(number).read_text(encoding="utf-8").removesuffix("\n").split("\n")
        took = json.loads(first)
        return Costs(**took["costs"]), took["models"], map(record.model_validate_json, rows)
