"""Paths that are there already: the authors' own solutions, and the logs of evaluations that others ran."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from .base import Section
from .paths import PathsSettings

LogFormat = Literal["auto", "lm-eval", "lmms-eval", "vlmevalkit", "inspect", "every-eval-ever", "jsonl"]


class GoldPaths(Section):
    """The authors' own solution of each question, where it ends in the gold answer. No model is asked."""

    source: Literal["gold"]


class LogColumns(Section):
    """Which column of a plain log holds what; a dot leads into an object: `doc.question`."""

    reply: str
    """The model's text, as it came."""
    id: str | None = None
    """The question's id in its source."""
    question: str | None = None
    """The question's text, for logs without ids."""
    options: str | None = None
    correct: str | None = None
    """The log's own verdict: true or false, 1 or 0."""
    model: str | None = None
    reasoning: str | None = None
    """A thought that a server sent apart from its reply."""


class LogFile(Section):
    """One log, or all of a folder."""

    path: str
    """A file or a folder, relative to the current folder."""
    format: LogFormat = "auto"
    """`auto`: by its ending and what it holds."""
    model: str = ""
    """Who replied, where the log does not say."""
    columns: LogColumns | None = None
    """Of a plain log: JSON lines that no known tool wrote."""

    @model_validator(mode="after")
    def _mapped(self) -> LogFile:
        if self.format == "jsonl" and self.columns is None:
            raise ValueError("`format: jsonl` needs `columns`, which say what its columns hold")
        if self.columns and self.format not in ("auto", "jsonl"):
            raise ValueError(f"`columns` say what plain JSON lines hold; `format: {self.format}` is known")
        if self.columns and not (self.columns.id or self.columns.question):
            raise ValueError("`columns` needs `id` or `question`: by what else is a reply joined to its question?")
        return self


def _listed(value: Any) -> Any:
    """A place alone, one log, or several."""
    values = [value] if isinstance(value, str | dict | LogFile) else value
    if not isinstance(values, list | tuple):
        return values
    return [{"path": one} if isinstance(one, str) else one for one in values]


class LoggedPaths(Section):
    """Replies that models gave in evaluations run before, joined to the questions. Nothing is generated again."""

    source: Literal["log"]
    logs: Annotated[tuple[LogFile, ...], BeforeValidator(_listed)] = Field(min_length=1)
    max_paths: int | None = Field(None, ge=1)
    """At most so many of a question, in the logs' order; all where it is left out."""
    min_steps: int = Field(0, ge=0)
    """Replies with fewer steps are left out: an answer alone is no path."""
    gold: bool = False
    """The authors' own solution first, where there is one."""


StoredPaths = Annotated[GoldPaths | LoggedPaths, Field(discriminator="source")]


def _tag(value: Any) -> str:
    """`gold` and `log` say so; what says nothing is written by a model."""
    source = value.get("source") if isinstance(value, dict) else getattr(value, "source", None)
    return str(source) if source is not None else PathsSettings.UNTAGGED


AnyPaths = Annotated[
    Annotated[PathsSettings, Tag(PathsSettings.UNTAGGED)]
    | Annotated[GoldPaths, Tag("gold")]
    | Annotated[LoggedPaths, Tag("log")],
    Discriminator(_tag),
]
"""Where paths come from: a model writes them, or they are there."""
