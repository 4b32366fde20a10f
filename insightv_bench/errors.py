"""Everything this package raises at a user.

    InsightvError                what went wrong, why, and `hint:` the command that mends it
    ├── RecipeError              a recipe key or value that cannot be meant
    ├── RunError                 a run folder that is not ours, is locked, cannot be written or is another recipe's
    │   └── StageError           one stage of it that cannot go on
    ├── SourceError              questions that cannot be read: file, columns, images
    ├── EngineError              a model that cannot be asked
    │   └── EngineUnavailable    ... for now: the server is down
    │       └── BudgetSpent      ... before more tokens or money are allowed
    ├── HubError                 a push or a pull that the Hub refuses, or that cannot be
    ├── ModelError               a folder or id that is no image-text model
    └── MissingExtra             an optional package that is not installed

A bad reply, a malformed path or a judge that fails is *data* (a status on a row), never one of these.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType


class InsightvError(Exception):
    """A user's mistake or a machine's limit; printed without a traceback."""

    def __init__(self, fact: str, hint: str = "") -> None:
        super().__init__(fact)
        self.fact = fact
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.fact}\nhint: {self.hint}" if self.hint else self.fact


class RecipeError(InsightvError):
    """A recipe key or value that cannot be meant."""


class RunError(InsightvError):
    """A run folder that is not ours, is locked, cannot be written or belongs to another recipe."""


class StageError(RunError):
    """One stage of a run that cannot go on."""


class SourceError(InsightvError):
    """Questions that cannot be read."""


class EngineError(InsightvError):
    """A model that cannot be asked."""


class EngineUnavailable(EngineError):
    """A model that cannot be asked for now; the same command goes on later."""


class BudgetSpent(EngineUnavailable):
    """The tokens or the money that a recipe allows are spent."""


class ModelError(InsightvError):
    """A folder or id that is no image-text model."""


class HubError(InsightvError):
    """A push or a pull that the Hub refuses, or that cannot be."""


class MissingExtra(InsightvError):
    """An optional package that is not installed."""


def require(module: str, extra: str, purpose: str) -> ModuleType:
    """Import `module`, or say which extra of this package brings it and for what."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name and not module.startswith(error.name):
            raise
        raise MissingExtra(
            f"`{module}` is not installed; {purpose} needs it", f"pip install 'insightv-bench[{extra}]'"
        ) from error
