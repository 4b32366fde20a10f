"""What an actor is told of a stage: all that travels to it, once, and nothing that is large."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from insightv_bench.journal import JOURNALS, Journal
from insightv_bench.keys import inherited
from insightv_bench.settings import EngineSettings
from insightv_bench.stages import Context, Progress, Stage


@dataclass(frozen=True)
class Job:
    function: str
    """`room.module:Class`, whose `read` gives the rows of a block and whose `write` makes new ones of them."""
    stage: Stage
    folder: Path
    """Absolute, as are all that follow; on storage that all nodes share, or on the command's machine alone."""
    inputs: Mapping[str, Path]
    run: Path
    token: Path
    """A file that the command has put there: an actor that sees it shares the storage."""
    seed: int
    recipe: Any
    versions: Mapping[str, str]
    """Of the code, on the command's machine."""
    bounds: tuple[tuple[int, int], ...] = ()
    """Of each block, in rows of the stage's input: [start, stop)."""
    engine: EngineSettings | None = None
    """The model alone, where the stage's rows stay with the command."""
    scenes: Mapping[str, str] | None = None
    """For a teacher of that kind."""
    names: Mapping[int, str] | None = None
    """Of the blocks, where their numbers would not tell them from others."""
    allowed_keys: Mapping[str, str] = field(default_factory=inherited)
    """What the command's user confirmed, for the actor's environment."""

    @property
    def journals(self) -> Path:
        return self.run / JOURNALS / self.folder.name

    @property
    def journals_read(self) -> list[Path]:
        """The stage's own, and those of its inputs."""
        return [self.journals, *(self.run / JOURNALS / folder.name for folder in self.inputs.values())]

    def block_name(self, number: int) -> str:
        return self.names[number] if self.names else f"block-{number:06d}"


def context_of(job: Job, journal: Journal | None = None, kind: type[Context] = Context) -> Context:
    """The stage as its function sees it. Without a journal it can read rows and ask nobody."""
    return kind(job.stage, job.folder, job.inputs, journal, Progress(), job.seed, job.recipe)  # type: ignore[arg-type]


def questions_folder(job: Job) -> Path | None:
    """Where the images lie."""
    return job.inputs.get("questions")
