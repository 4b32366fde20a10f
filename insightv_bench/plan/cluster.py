"""Which stages go over to a cluster, and what of its settings is part of their fingerprint.

A server or a teacher replies to each request the same, however the rows are cut up. A local model's batches are planned
within a block, and batch shape changes a reply; vLLM is another program than transformers. So for `hf` engines, and for
them alone, those settings that change replies are told apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from insightv_bench.settings import RaySettings
from insightv_bench.stages import Options, Stage, kind_named

HERE = 1024
"""Rows that are planned together on one machine."""


def goes_over(stage: Stage) -> bool:
    return bool(kind_named(stage.kind).over_cluster)


def told_apart(stages: Sequence[Stage], settings: RaySettings) -> list[Stage]:
    """The stages as they are planned for a cluster."""
    return [replace(stage, options=_options(stage, settings)) for stage in stages]


def _options(stage: Stage, settings: RaySettings) -> Options:
    if not goes_over(stage) or not any(engine.is_local for engine in stage.engines):
        return stage.options
    if settings.hf == "vllm":
        return stage.options.model_copy(update={"hf": "vllm"})
    cut = kind_named(stage.kind).over_cluster == "blocks" and settings.block_size != HERE
    return stage.options.model_copy(update={"block_size": settings.block_size}) if cut else stage.options
