"""Which stages go over to a cluster, and what of its settings is part of their fingerprint.

A server or a teacher replies to each request the same, however the rows are cut up. A local model's batches are planned
within a block, and batch shape changes a reply; vLLM is another program than transformers. So for `hf` engines, and for
them alone, those settings that change replies are told apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from insightv_bench.settings import HfEngine, RaySettings
from insightv_bench.stages import Stage, seat_of

OVER = ("build paths", "build assess", "eval")
"""Verbs of the stages that ask models over a cluster."""
IN_BLOCKS = OVER[:2]
HERE = 1024
"""Rows that are planned together on one machine."""


def goes_over(stage: Stage) -> bool:
    return stage.verb in OVER


def told_apart(stages: Sequence[Stage], settings: RaySettings) -> list[Stage]:
    """The stages as they are planned for a cluster."""
    return [replace(stage, options={**stage.options, **_options(stage, settings)}) for stage in stages]


def _options(stage: Stage, settings: RaySettings) -> dict[str, Any]:
    if not goes_over(stage) or not any(isinstance(engine, HfEngine) for engine in _engines(stage)):
        return {}
    if settings.hf == "vllm":
        return {"hf": "vllm"}
    return {"block_size": settings.block_size} if stage.verb in IN_BLOCKS and settings.block_size != HERE else {}


def _engines(stage: Stage) -> Iterator[Any]:
    yield from (value for _, value in stage.settings)
    yield from map(seat_of, stage.options.get("seats", {}).values())
