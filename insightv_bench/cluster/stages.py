"""A cluster as stages see it: rows in blocks, and models to ask."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

from insightv_bench.engines import Costs, Engine, open_engine
from insightv_bench.errors import StageError
from insightv_bench.journal import FileJournal, read_lines
from insightv_bench.lazy import load_function
from insightv_bench.records import Record
from insightv_bench.settings import EngineSettings, HfEngine, RaySettings
from insightv_bench.stages import CHECKPOINTS, Context, code_versions

from .blocks import Blocks, Parked
from .engine import ClusterEngine
from .job import Job
from .session import session

R = TypeVar("R", bound=Record)


class RayCluster:
    def __init__(self, ray: Any, settings: RaySettings, token: Path) -> None:
        self._ray, self._settings, self._token = ray, settings, token

    def takes_blocks(self, engine: EngineSettings | None) -> bool:
        """vLLM's processor takes requests, not questions."""
        return not (isinstance(engine, HfEngine) and self._settings.hf == "vllm")

    def rows(self, context: Context, function: str, record: type[R]) -> Iterator[R]:
        """Of all blocks, those first that an earlier try of this stage has finished. What they took and who replied is
        added to the context's totals as `costs` and `models`."""
        parked = Parked(context.folder / CHECKPOINTS / "blocks")
        work: Any = load_function(function)
        bounds = tuple(work.bounds(context, parked.block_size(self._settings.block_size)))
        job = self._job(context, function, bounds=bounds)
        took, models = Costs(), dict[str, None]()

        coming = Blocks(self._ray, job).outcomes(parked.missing(len(bounds)))
        for number in range(len(bounds)):
            while not parked.file(number).exists():
                finished = next(coming, None)
                if finished is None:
                    raise StageError(f"block {number} of `{context.stage.name}` did not come back", "run it again")
                parked.put(*finished)
            costs, names, rows = parked.read(number, record)
            took = took.plus(costs)
            models.update(dict.fromkeys(names))
            yield from rows
        coming.close()
        context.totals.update(costs=took._asdict(), models=list(models))

    def engine(self, context: Context, settings: EngineSettings, scenes: Mapping[str, str] | None) -> Engine:
        inner, kind, size = self._inner(context, settings, scenes)
        # What actors have kept: of blocks that never came back, and of the stages that this one reads, whose paths an
        # evaluation asks for again.
        assert isinstance(context.journal, FileJournal)
        for file in (
            file for folder in self._job(context, "").journals_read for file in sorted(folder.glob("*.jsonl"))
        ):
            context.journal.read(line for line in read_lines(file) if not line.failure)

        def run(work: Mapping[int, Any], names: Mapping[int, str]) -> Iterator[tuple[int, list[str]]]:
            asked = self._job(context, "cluster.engine:Asker", engine=settings, scenes=scenes, names=names)
            for number, outcome in kind(self._ray, asked, work).outcomes(list(work)):
                yield number, outcome["rows"]

        return ClusterEngine(inner, size, run)

    def _inner(
        self, context: Context, settings: EngineSettings, scenes: Mapping[str, str] | None
    ) -> tuple[Engine, type[Blocks], int]:
        """The model by its name, what brings its requests over, and how many of them are one block."""
        if self.takes_blocks(settings):
            return open_engine(settings, scenes), Blocks, self._settings.block_size
        from . import vllm

        assert isinstance(settings, HfEngine)
        vllm.check(context.stage)
        return vllm.Named(settings), vllm.VllmBlocks, 1

    def _job(self, context: Context, function: str, **more: Any) -> Job:
        return Job(
            function=function,
            stage=context.stage,
            folder=context.folder.resolve(),
            inputs={name: folder.resolve() for name, folder in context.inputs.items()},
            run=context.run_folder.resolve(),
            token=self._token.resolve(),
            seed=context.seed,
            recipe=context.recipe,
            versions=code_versions(),
            **more,
        )


@contextmanager
def cluster(settings: RaySettings, run: Path) -> Iterator[RayCluster]:
    """Connected, for the stages of the run in this folder. Raises RunError, MissingExtra."""
    token = run / f".shared-{uuid4().hex}"
    for old in run.glob(".shared-*"):  # of a command that was killed
        old.unlink()
    with session(settings) as ray:
        token.touch()
        try:
            yield RayCluster(ray, settings, token)
        finally:
            token.unlink(missing_ok=True)
