"""One training as it is told to the process that does it: what to start from, on which rows, with which options.

It is JSON, because the processes of `accelerate launch` are told it in a file.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from insightv_bench.settings import DpoSettings, TrainSettings
from insightv_bench.stages import CHECKPOINTS, MODEL, Context, TrainOptions
from insightv_bench.storage import write_text

from .machine import DEEPSPEED, distributed_type


@dataclass(frozen=True)
class Job:
    name: str
    """The stage's folder by its last name: a checkpoint of another job is not gone on from."""
    start: Path
    """The model to start from."""
    corpora: tuple[Path, ...]
    model: Path
    """Where the trained model goes."""
    checkpoints: Path
    settings: TrainSettings
    seed: int
    threads: int
    from_nothing: bool
    """Whether the run's base is one made from nothing: all of it is trained then, and nothing is measured first."""
    reference: Path | None = None
    """The reference policy's model, in a DPO round."""
    kept: Path | None = None
    """The run's folder of reference log-probabilities."""
    more: dict[str, Any] = field(default_factory=dict)
    """Options that follow from other trainings: the steps of a control at equal compute."""

    @property
    def is_dpo(self) -> bool:
        return self.reference is not None

    @property
    def cached(self) -> bool:
        """Whether the reference's log-probabilities are computed before the training."""
        settings = self.settings
        if not isinstance(settings, DpoSettings):
            return False
        if settings.cache_reference is None:
            return not self.from_nothing and not self.under_adapter and not self.in_shares
        return settings.cache_reference

    @property
    def under_adapter(self) -> bool:
        """Whether the reference is the model itself with its adapter off."""
        return self.settings.lora is not None and self.reference == self.start

    @property
    def run_folder(self) -> Path:
        """`<run>/stages/<stage>/checkpoints`"""
        return self.checkpoints.absolute().parents[2]

    @property
    def in_shares(self) -> bool:
        """Whether DeepSpeed shares a model out as soon as it is loaded, so that none can be used on its own."""
        launch = self.settings.launch
        return launch is not None and distributed_type(launch.config) == DEEPSPEED

    @property
    def freezes_vision(self) -> bool:
        frozen = self.settings.freeze_vision
        return not self.from_nothing if frozen is None else frozen


def make_job(context: Context[TrainSettings, TrainOptions], start: Path, **more: Any) -> Job:
    settings, recipe = context.settings, context.recipe
    return Job(
        name=context.folder.name,
        start=start,
        corpora=tuple(context.inputs[role] for role in context.options.corpora),
        model=context.folder / MODEL,
        checkpoints=context.folder / CHECKPOINTS,
        settings=settings,
        seed=context.seed,
        threads=recipe.threads,
        from_nothing=recipe.base is None or recipe.base.from_nothing,
        kept=context.run_folder / "reference-logps",
        **more,
    )


def write_job(job: Job, file: Path) -> None:
    content = {**asdict(job), "settings": job.settings.model_dump(mode="json"), "kind": type(job.settings).__name__}
    write_text(file, json.dumps(content, default=str) + "\n")


def read_job(file: Path) -> Job:
    content = json.loads(file.read_text(encoding="utf-8"))
    settings = DpoSettings if content.pop("kind") == "DpoSettings" else TrainSettings
    content["settings"] = settings.model_validate(
        {key: value for key, value in content["settings"].items() if key in settings.model_fields}
    )
    content["corpora"] = tuple(Path(place) for place in content["corpora"])
    for name in ("start", "model", "checkpoints", "reference", "kept"):
        content[name] = Path(content[name]) if content[name] else None
    return Job(**content)
