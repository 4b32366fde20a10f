"""What a method of training tells of itself; which there are, the kinds of stages say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

from insightv_bench.lazy import load_function
from insightv_bench.settings import TrainSettings
from insightv_bench.stages import KINDS

from .job import Job

S = TypeVar("S", bound=TrainSettings)


class Panel(NamedTuple):
    """One part of the figure of a training."""

    label: str
    """Of the axis."""
    series: Mapping[str, str]
    """Name in the log -> name in the legend."""


class Method(Generic[S]):
    """What tells one method from another; all else is `train.py`'s."""

    config: ClassVar[str]
    """TRL's class of its options."""
    columns: ClassVar[list[str]]
    """Of the corpora that it learns from."""
    optional: ClassVar[Mapping[str, Any]] = {}
    """Columns that a corpus may lack -> what every row then holds."""
    by_length: ClassVar[bool] = False
    """Whether rows of like length share a batch."""
    figures: ClassVar[Mapping[str, str]] = {}
    """What it logs beside loss and accuracy and is kept of the last logged steps -> what the card says of it."""
    panels: ClassVar[tuple[Panel, ...]] = ()
    watched: ClassVar[str] = "eval_loss"
    """The figure of a validation by which the best weights are chosen."""
    higher_is_better: ClassVar[bool] = False

    def check(self, settings: S, verb: str) -> None:
        """Raises RecipeError for settings of its own that cannot go together."""

    def options(self, settings: S) -> dict[str, Any]:
        """TRL's options that follow from settings of its own; a recipe's `trainer` goes before them."""
        return {}

    def room(self, settings: S) -> int:
        """Tokens that the model itself writes to a row, for which `max_tokens` must leave room."""
        return 0

    def prepare_rows(self, job: Job[S], rows: Any, processor: Any, attention: str) -> Any:
        """The rows with what this method computes before the training."""
        return rows

    def make_trainer(self, job: Job[S], attention: str, **options: Any) -> Any:
        """TRL's trainer, or ours in its place."""
        raise NotImplementedError

    def check_log(self, job: Job[S], logs: Mapping[str, Any], step: int, arguments: Any) -> None:
        """Raises StageError for a training that had better not go on. `arguments` are TRL's."""

    def card_note(self, job: Job[S]) -> str:
        """A sentence for the model card."""
        return ""


def method_of(settings: TrainSettings) -> Method[Any]:
    """The settings of a recipe's section say which method trains it; those derived from them mean the same one."""
    methods = {kind.settings: kind.method for kind in KINDS.values() if kind.method}
    section = next(section for section in type(settings).__mro__ if section in methods)
    method: Method[Any] = load_function(methods[section])()
    return method
