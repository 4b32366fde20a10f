"""What an actor does: one block after another, by the stage's own function, with a model that it opens once.

What goes wrong comes back as data, and is raised by the command: Ray would print its own account of it.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, Protocol

from pydantic import BaseModel

from insightv_bench.engines import Caller, Engine, Limits, figures_of, open_engine
from insightv_bench.engines.openai import earlier_label, revision_of
from insightv_bench.errors import BudgetSpent, EngineUnavailable, StageError
from insightv_bench.keys import take_over
from insightv_bench.lazy import load_function
from insightv_bench.settings import EngineSettings, OpenAIEngine
from insightv_bench.stages import Context, as_message, code_versions, set_threads
from insightv_bench.storage import Images, ImageStore

from .job import Job, context_of, questions_folder
from .remote import BlockJournal, RemoteBudget, RemoteCoordinator, RemoteImages

STOPPED = "stopped"


class BlockWork(Protocol):
    """What a stage does with blocks of its rows. Opened once: a context manager.

    `read(context, start, stop)`, static, gives the rows of a block, images left out; `bounds(context, size)`, static,
    says where blocks begin and end.
    """

    callers: Sequence[Caller]

    def __enter__(self) -> BlockWork: ...

    def __exit__(self, *error: Any) -> None: ...

    def write(self, rows: Sequence[Any], images: Images | None = None) -> Sequence[BaseModel]:
        """The rows made of these. `images`: where those that were left out are read from."""


class ActorContext(Context):
    """A stage's context inside an actor: models are opened as the cluster's settings say."""

    job: Job
    coordinator: RemoteCoordinator
    place: int
    """0-based number of the actor, counted on when a server stays away."""

    def open_engine(self, engine: EngineSettings, scenes: Any = None) -> Engine:
        resolved = self.resolve(engine)
        if not isinstance(resolved, OpenAIEngine):
            return open_engine(resolved, scenes)
        servers = self.recipe.ray.servers.get(resolved.base_url, (resolved.base_url,))
        opened: Any = open_engine(resolved.model_copy(update={"base_url": servers[self.place % len(servers)]}), scenes)
        opened.revision = revision_of(resolved)  # by whatever member of a pool: the same model
        opened.earlier = earlier_label(resolved)
        limits = Limits(resolved.max_tokens_total, resolved.max_cost_usd)
        if any(limit is not None for limit in limits):
            opened.budget = RemoteBudget(self.coordinator, f"{opened.name}@{opened.revision}", limits)
        return opened


class Actor:
    """Takes numbers of blocks, gives their rows as JSON."""

    def __init__(self, job: Job, coordinator: RemoteCoordinator) -> None:
        self._job, self._coordinator = job, coordinator
        self._stack = ExitStack()
        self._work: Any = None
        self._images: Images | None = None
        self._place = 0

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        number = int(batch["number"][0])
        try:
            outcome = self._outcome(number)
        except Exception as error:  # noqa: BLE001 - it is told, and raised by the command
            self.close()
            outcome = {"failed": as_message(error)}
        return {"number": [number], "outcome": [json.dumps(outcome, ensure_ascii=False)]}

    def _outcome(self, number: int) -> dict[str, Any]:
        tries = self._coordinator.ask("begin", number)
        if not tries:
            return {STOPPED: True}
        if tries > self._job.recipe.ray.block_tries:
            raise StageError(
                f"block {number} of `{self._job.stage.name}` ended {tries - 1} actors that worked on it, the last ones"
                f" near {socket.gethostname()}",
                "mostly memory: see `ray status` and the nodes' logs; fewer rows a batch, or a smaller"
                " `ray.block_size`, need less",
            )
        for left in reversed(range(max(map(len, self._job.recipe.ray.servers.values()), default=1))):
            try:
                return self._write(number)
            except EngineUnavailable as error:
                if not left or isinstance(error, BudgetSpent):
                    raise
                self.close()  # the next server of the pool, from what is kept
                self._place += 1
        raise AssertionError("there is at least one server")

    def _write(self, number: int) -> dict[str, Any]:
        work = self._opened()
        self._journal.begin(number)
        before = figures_of(work.callers)
        rows = [row.model_dump_json() for row in work.write(self._rows(number), self._images)]
        self._journal.close()
        spent = figures_of(work.callers).plus(before, -1)
        return {"rows": rows, "costs": spent._asdict(), "models": [caller.model for caller in work.callers]}

    def _rows(self, number: int) -> Any:
        if not self._job.bounds:
            return self._coordinator.ask("work", number)
        if self._is_shared:
            work: Any = load_function(self._job.function)
            return work.read(context_of(self._job), *self._job.bounds[number])
        return self._coordinator.ask("rows", number)

    def _opened(self) -> BlockWork:
        if self._work is None:
            self._check()
            self._is_shared = self._job.token.exists()
            self._journal = BlockJournal(self._job, self._coordinator, self._is_shared)
            folder = questions_folder(self._job)
            if folder and not self._images:
                remote = RemoteImages(self._coordinator, folder)
                self._images = ImageStore(folder) if self._is_shared else remote
            context = context_of(self._job, self._journal, ActorContext)
            assert isinstance(context, ActorContext)
            self._place = self._place or self._coordinator.ask("take_place")
            context.job, context.coordinator, context.place = self._job, self._coordinator, self._place
            self._work = self._stack.enter_context(load_function(self._job.function)(context))
        return self._work

    def _check(self) -> None:
        set_threads(self._job.recipe.threads)
        take_over(self._job.allowed_keys)
        ours = code_versions()
        for name, version in self._job.versions.items():
            if ours.get(name) != version:
                raise StageError(
                    f"node {socket.gethostname()} has `{name}` {ours.get(name)}, the command has {version}",
                    "install the same insightv-bench on every node of the cluster",
                )

    def close(self) -> None:
        self._work = None
        self._stack.close()
