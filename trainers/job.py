"""One training as it is told to the process that does it: what to start from, on which rows, with which options.

It is JSON, because the processes of `accelerate launch` are told it in a file.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from insightv_bench import settings as sections
from insightv_bench.settings import TrainSettings
from insightv_bench.stages import CHECKPOINTS, MODEL, Context, TrainOptions, is_whole, read_manifest
from insightv_bench.storage import write_text

from .machine import DEEPSPEED, distributed_type

S = TypeVar("S", bound=TrainSettings)


@dataclass(frozen=True)
class Job(Generic[S]):
    name: str
    """The stage's folder by its last name: a checkpoint of another job is not gone on from."""
    start: Path
    """The model to start from."""
    corpora: tuple[Path, ...]
    model: Path
    """Where the trained model goes."""
    checkpoints: Path
    settings: S
    seed: int
    threads: int
    from_nothing: bool
    """Whether the run's base is one made from nothing: all of it is trained then, and nothing is measured first."""
    reference: Path | None = None
    """The reference policy's model, in a DPO round."""
    kept: Path | None = None
    """The run's folder of reference log-probabilities."""
    origin: str = ""
    """The Hub id of the model to start from, at `revision`; empty for one that a stage made, and for a folder."""
    revision: str = ""
    watched_questions: Path | None = None
    """Validation questions, where the training is watched."""
    watched_paths: Path | None = None
    """Paths of them, where it is the summary agent's."""
    more: dict[str, Any] = field(default_factory=dict)
    """Options that follow from other trainings: the steps of a control at equal compute."""

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


def make_job(context: Context[S, TrainOptions], start: Path, **more: Any) -> Job[S]:
    recipe = context.recipe
    origin, revision = _origin(start)
    return Job(
        origin=origin,
        revision=revision,
        name=context.folder.name,
        start=start,
        corpora=tuple(context.inputs[role] for role in context.options.corpora),
        model=context.folder / MODEL,
        checkpoints=context.folder / CHECKPOINTS,
        settings=context.settings,
        seed=context.seed,
        threads=recipe.threads,
        from_nothing=recipe.from_nothing,
        kept=context.run_folder / "reference-logps",
        watched_questions=context.inputs.get("watched-questions"),
        watched_paths=context.inputs.get("watched-paths"),
        **more,
    )


def _origin(start: Path) -> tuple[str, str]:
    """Hub id and commit of a base that is there already; empty for any other model."""
    if not is_whole(start.parent):
        return "", ""
    totals = read_manifest(start.parent).get("totals", {})
    revision = str(totals.get("revision") or "")
    return (str(totals["model"]), revision) if revision else ("", "")


def write_job(job: Job[Any], file: Path) -> None:
    section = type(job.settings).__name__
    content = {**asdict(job), "settings": job.settings.model_dump(mode="json"), "section": section}
    write_text(file, json.dumps(content, default=str) + "\n")


def read_job(file: Path) -> Job[Any]:
    content = json.loads(file.read_text(encoding="utf-8"))
    section: type[TrainSettings] = getattr(sections, content.pop("section"))
    content["settings"] = section.model_validate(content["settings"])
    content["corpora"] = tuple(Path(folder) for folder in content["corpora"])
    for name in ("start", "model", "checkpoints", "reference", "kept"):
        content[name] = Path(content[name]) if content[name] else None
    return Job(**content)
