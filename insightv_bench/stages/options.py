"""What a plan tells a stage beside its settings: the round, the seat, the split. Typed, a section a kind of stage.

Like settings they are part of a stage's fingerprint where they are not at their default.
"""

from __future__ import annotations

from typing import Any

from insightv_bench.arms import Arm, Role
from insightv_bench.settings import AssessSettings, ScoreRanges, Seat, Section


class Options(Section):
    """Of a stage that is told nothing."""


class AskingOptions(Options):
    """Of a stage that asks a model."""

    contents: dict[str, str] = {}
    """Seat -> what tells one content of a model's folder from another: new weights under an old name."""
    hf: str = ""
    """`vllm` where a cluster asks a local model with that program: it replies otherwise than transformers."""
    block_size: int = 0
    """Rows whose batches a cluster plans together, if it is not what one machine plans."""


class StoredOptions(Options):
    content: str = ""
    """Tells one content of the logs from another."""
    may_be_none: bool = False
    """Whether a run goes on where there are no such paths: without the arms that would show them."""


class WorldOptions(Options):
    world: dict[str, Any] = {}
    """The level of drawn questions."""
    salt: str = ""
    """Of the seed that test questions are drawn with: the recipe's version."""


class FlawOptions(Options):
    ranges: ScoreRanges | None = None
    """Which scores tell natural flaws apart."""
    fixed: bool = False
    """Whether the flaws are the same for any seed of the recipe, as those of a fixed test set are."""


class RoundOptions(Options):
    round: int = 0


class ImportedOptions(Options):
    corpus: str = ""
    """The config of a release that stands in for the corpus; empty where the settings name its folder."""


class CalibrateOptions(Options):
    assess: AssessSettings = AssessSettings()
    """The judge's."""


class TrainOptions(Options):
    seat: str = ""
    threads: int = 0
    round: int = 0
    corpora: tuple[str, ...] = ()
    """Roles of the inputs that are trained on."""
    equal_compute: dict[str, dict[str, Any]] = {}
    """Role of a corpus -> the settings of the training whose compute this one is to equal."""
    equal_sampling: tuple[str, ...] = ()
    """Roles of paths whose sampling this training is to equal in compute too."""
    model: dict[str, Any] = {}
    """The shape of a model made from nothing."""
    content: str = ""
    """What tells one content of a model's folder from another."""


class EvalOptions(AskingOptions):
    system: str = ""
    base: str = ""
    round: int = 0
    arms: tuple[Arm, ...] = ()
    seats: dict[str, Seat] = {}
    task: str = ""
    task_version: str = ""
    greedy: bool = False
    role: Role = "other"
    """What the system is to the method: its base, its agent, a round of it, a control, or something else."""
    twin_of: str = ""
    """The system whose greedy twin it is."""
    asked_as: str = ""
    """The system that it is but for how its paths are asked for; empty: it is asked in the first way."""


class ReleaseOptions(Options):
    splits: dict[str, dict[str, tuple[str, ...]]] = {}
    """Corpus -> split -> the stages whose rows it holds."""
    against: tuple[str, ...] = ()
    """Sets of questions that must not be in the release."""
    recipe: str = ""
