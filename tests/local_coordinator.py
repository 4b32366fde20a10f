"""A coordinator in the process of the test, so that an actor can be looked at without Ray, and a recipe."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from insightv_bench.cluster.actor import Actor
from insightv_bench.cluster.coordinator import Coordinator
from insightv_bench.cluster.job import Job, context_of
from insightv_bench.cluster.remote import RemoteCoordinator
from insightv_bench.lazy import load_function
from insightv_bench.plan import plan
from insightv_bench.runs import place, run_folder
from insightv_bench.settings import Recipe
from insightv_bench.stages import code_versions

TEACHER = """
name: over
world: {side: 16}
questions:
  train: {source: world, split: train, num: 24}
paths: {engine: {kind: teacher, read_error: 0.2}, num_paths: 2}
assess: {judge: engine, engine: {kind: teacher, judge: {score_sd: 5}}}
"""
"""A recipe whose teacher writes paths and judges them."""
Work = Callable[[int], dict[str, Any]]


class LocalCoordinator(RemoteCoordinator):
    def __init__(self, coordinator: Coordinator) -> None:
        self.coordinator = coordinator
        self.asked: list[str] = []

    def ask(self, method: str, *words: Any) -> Any:
        self.asked.append(method)
        return getattr(self.coordinator, method)(*words)

    def tell(self, method: str, *words: Any) -> Any:
        return self.ask(method, *words)

    def wait(self, told: Any) -> None:
        pass


def job_of(recipe: Recipe, out: Path, stage: str, function: str, **more: Any) -> Job:
    """As the command makes it for a stage whose inputs are there; storage is shared."""
    run = run_folder(recipe, out)
    folders, stages = place(recipe, run, plan(recipe)), {stage.name: stage for stage in plan(recipe)}
    token = run / ".shared-test"
    token.touch()
    planned = stages[stage]
    job = Job(
        function=function,
        stage=planned,
        folder=folders[stage],
        inputs={role: folders[name] for role, name in planned.inputs.items()},
        run=run,
        token=token,
        seed=recipe.seed,
        recipe=recipe,
        versions=code_versions(),
    )
    work: Any = load_function(function)
    bounds = tuple(work.bounds(context_of(job), recipe.ray.block_size))
    return replace(job, bounds=bounds, **more)


@contextmanager
def actor(job: Job, coordinator: LocalCoordinator | None = None) -> Iterator[tuple[Work, LocalCoordinator]]:
    """An actor, as a function from a block's number to its outcome, and its coordinator."""
    coordinator = coordinator or LocalCoordinator(Coordinator(job))
    worker = Actor(job, coordinator)
    try:
        yield lambda number: json.loads(worker({"number": [number]})["outcome"][0]), coordinator
    finally:
        worker.close()
        coordinator.coordinator.close()
