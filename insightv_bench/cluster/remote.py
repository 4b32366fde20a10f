"""The coordinator as seen from an actor: images, a journal, a budget. Each call waits some milliseconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from insightv_bench.engines import Budget, Limits
from insightv_bench.journal import SQLITE, Appended, FileJournal, Reply, Spent, block_lines, to_line
from insightv_bench.storage import Images

from .job import Job


class RemoteCoordinator:
    """Its methods, called by name."""

    def __init__(self, handle: Any) -> None:
        self._handle = handle

    def ask(self, method: str, *words: Any) -> Any:
        """Waits. Raises what the method raised."""
        import ray

        return ray.get(getattr(self._handle, method).remote(*words))

    def tell(self, method: str, *words: Any) -> Any:
        """Does not wait; returns what `wait` waits for."""
        return getattr(self._handle, method).remote(*words)

    def wait(self, sent: Any) -> None:
        import ray

        ray.get(sent)


class RemoteImages(Images):
    """The images of a folder on the command's machine, each fetched when it is shown."""

    def __init__(self, coordinator: RemoteCoordinator, folder: Path) -> None:
        self._coordinator, self._folder = coordinator, folder

    def read(self, sha256: str) -> bytes:
        return bytes(self._coordinator.ask("image", self._folder, sha256))


class RemoteLines:
    """Lines that go to a file on the command's machine."""

    def __init__(self, coordinator: RemoteCoordinator, number: int) -> None:
        self._coordinator, self._number = coordinator, number
        self._on_the_way: list[Any] = []

    def append(self, text: str) -> None:
        self._on_the_way.append(self._coordinator.tell("keep", self._number, text))

    def close(self) -> None:
        """Once all of them are there. Raises what kept one from it."""
        for line in self._on_the_way:
            self._coordinator.wait(line)
        self._on_the_way = []


class BlockJournal(FileJournal):
    """What is kept of one block after another, by any try of it."""

    def __init__(self, job: Job, coordinator: RemoteCoordinator, shared: bool) -> None:
        has_before = coordinator.ask("has_before")
        lookup = (lambda keys: dict(coordinator.ask("kept_before", list(keys)))) if has_before else None
        super().__init__(job.run / SQLITE, Nowhere(), (), lookup)
        self._job, self._coordinator, self._shared = job, coordinator, shared

    def begin(self, number: int) -> None:
        """Forget the last block, and read what other tries of this one have kept."""
        self.close()
        self._entries.clear()
        name = self._job.block_name(number)
        if self._shared:
            self._out = Appended(self._job.journals / name)
            self.read(block_lines(self._job.journals, name))
        else:
            self._out = RemoteLines(self._coordinator, number)
            self.read(map(to_line, self._coordinator.ask("kept", number)))

    def has_replies(self, model: str) -> bool:
        return model in self._models or bool(self._coordinator.ask("has_replies", model))

    def spent(self, model: str) -> Spent:
        return Spent(*self._coordinator.ask("spent", model))


class Nowhere:
    """Before the first block nothing is asked, so nothing is kept."""

    def append(self, text: str) -> None:
        raise AssertionError("no block has begun")

    def close(self) -> None:
        pass


class RemoteBudget(Budget):
    """One budget for all actors: what each spends counts for the others at their next reply."""

    def __init__(self, coordinator: RemoteCoordinator, model: str, limits: Limits) -> None:
        super().__init__(limits)
        self._coordinator, self._model = coordinator, model

    def add(self, reply: Reply) -> None:
        more = Spent(1, reply.num_prompt_tokens + reply.num_tokens, reply.cost_usd)
        self.spent = Spent(*self._coordinator.ask("spend", self._model, more))
