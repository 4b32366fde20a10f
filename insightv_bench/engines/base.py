"""What an engine is: a named model of a known revision that answers chats."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from insightv_bench.journal import Reply, Request

from .costs import Budget


class Start(NamedTuple):
    """What a caller tells an engine before the first request."""

    seed: int
    """The run's."""
    has_answered: bool
    """Whether the journal holds a reply of this model, so that it is known to answer."""
    on_failure: Callable[[str], None]
    """To be told the kind of each try that failed, `429` say."""


class Sent(NamedTuple):
    """A request as it reaches the model, for a person to read."""

    text: str
    """The prompt with its special tokens, or a server's messages as JSON; images are named, not shown."""
    num_image_tokens: int | None
    """None: a server does not tell."""


class Engine(Protocol):
    name: str
    revision: str
    """A content hash or a commit: another revision is another model, and no kept reply is taken for it."""


@runtime_checkable
class OneByOneEngine(Engine, Protocol):
    """Takes each request as it comes: a server, or a function."""

    concurrency: int

    async def reply(self, request: Request) -> Reply:
        """Raises EngineUnavailable when the model cannot be asked for now."""


@runtime_checkable
class ReportingEngine(OneByOneEngine, Protocol):
    """Counts its own failures, each try, and holds replies to a schema where it can."""

    structured: bool
    budget: Budget

    def begin(self, start: Start) -> None: ...

    async def close(self) -> None: ...


@runtime_checkable
class BatchEngine(Engine, Protocol):
    """Takes requests in batches, since that is where a local model's speed is."""

    batch_size: int

    def generate(self, requests: Sequence[Request], seed: int) -> list[Reply]:
        """One reply a request. The same requests in the same order with the same seed give the same replies."""


def label(engine: Engine) -> str:
    """`name@revision`, as it stands in journal keys and on rows."""
    return f"{engine.name}@{engine.revision}"


def is_address(label: str) -> bool:
    """Whether it tells where a model is served, and not which version of it."""
    return public(label).endswith(" (served)")


def public(label: str) -> str:
    """A label as it may be published: where a served model's revision is not told, its server's address or a hash of it
    stands in its place, which is nobody's business."""
    return re.sub(r"@(?:\w+://\S*|server-[0-9a-f]{10}(?:\+[0-9a-f]{8})?)", " (served)", label)
