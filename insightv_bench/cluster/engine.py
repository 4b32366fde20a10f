"""A model in the actors, for a stage whose rows stay with the command: an evaluation's.

To the command it is a batch engine that takes all batches of a wave at once. A local model's batches are those of one
machine, with their seeds, so its replies are too; a server's requests are split for the actors alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from insightv_bench.engines import BatchEngine, Caller, Engine, label
from insightv_bench.journal import Reply, Request, plan_id, request_key
from insightv_bench.records import Image
from insightv_bench.stages import Context
from insightv_bench.storage import Images, StoredImage, image_of

from .actor import ActorContext

Batches = Sequence[tuple[Sequence[Request], int]]
Run = Callable[[Mapping[int, Any], Mapping[int, str]], Iterator[tuple[int, list[str]]]]
"""Blocks' contents and names -> the replies of each as JSON, as they are finished."""
MANY = 1 << 30


class Batch(NamedTuple):
    """One block: requests whose images stay behind."""

    requests: tuple[Request, ...]
    seed: int


class ClusterEngine:
    """`inner` is opened here for its name alone."""

    num_at_once = MANY

    def __init__(self, inner: Engine, block_size: int, run: Run) -> None:
        self.name, self.revision = inner.name, inner.revision
        self.is_planned = isinstance(inner, BatchEngine)
        self.batch_size = inner.batch_size if isinstance(inner, BatchEngine) else block_size
        self.structured = bool(getattr(inner, "structured", False))
        self.system, self.suffix = getattr(inner, "system", ""), getattr(inner, "suffix", "")
        self._run = run

    def generate(self, requests: Sequence[Request], seed: int) -> list[Reply]:
        return next(iter(self.generate_all([(requests, seed)])))

    def generate_all(self, batches: Batches) -> Iterator[list[Reply]]:
        """In their order, each as soon as it and those before it are there."""
        work = {number: Batch(tuple(map(light, asked)), seed) for number, (asked, seed) in enumerate(batches)}
        keys = {n: [request_key(label(self), request) for request in batch.requests] for n, batch in work.items()}
        names = {number: f"asked-{plan_id(asked)}" for number, asked in keys.items()}
        there: dict[int, list[Reply]] = {}
        due = 0
        for number, replies in self._run(work, names):
            there[number] = [Reply.model_validate_json(reply) for reply in replies]
            while due in there:
                yield there.pop(due)
                due += 1


class Asker:
    """In an actor: a block of requests -> their replies."""

    def __init__(self, context: Context) -> None:
        assert isinstance(context, ActorContext) and context.job.engine
        engine = context.open_engine(context.job.engine, context.job.scenes)
        self._caller = Caller(engine, context.journal, seed=context.seed)
        self.callers = [self._caller]

    def __enter__(self) -> Asker:
        self._caller.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._caller.__exit__(*error)

    def write(self, rows: Batch, images: Images | None = None) -> Sequence[Reply]:
        requests = [shown(request, images) for request in rows.requests]
        if isinstance(self._caller.engine, BatchEngine):
            return self._caller.engine.generate(requests, rows.seed)
        return self._caller.ask_all(requests)


class Reference(Image):
    """An image's hash in place of the image."""


def light(request: Request) -> Request:
    images = tuple(_reference(image) if isinstance(image, StoredImage) else image for image in request.chat.images)
    return request._replace(chat=request.chat._replace(images=images))


def _reference(image: Image) -> Reference:
    reference = Reference.model_construct(bytes=b"", path=None)
    reference.__dict__["sha256"] = image.sha256
    return reference


def shown(request: Request, store: Images | None) -> Request:
    """With the images where they can be read."""
    images = tuple(
        image_of(store, image.sha256) if store and isinstance(image, Reference) else image
        for image in request.chat.images
    )
    return request._replace(chat=request.chat._replace(images=images))
