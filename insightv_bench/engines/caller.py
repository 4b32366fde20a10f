"""Asks an engine through the journal: many chains at once, nothing paid twice.

A chain is a coroutine that asks, thinks, and asks again: the steps of one path, say. For a one-by-one engine some more
chains run than it takes requests at once (see `concurrency`), and the next begins where one ends: so the first request
leaves at once, however many chains there are. An error lets no new request out; those in flight are finished and kept.

For a batch engine the chains move in waves: when every chain that is alive waits for a reply, the requests of the wave
are split into batches by a fixed plan (sorted keys), each batch seeded by its keys and kept in one transaction. Batch
shape and seed change a sampled reply, so a wave that was cut off does its unfinished batches again whole, and a resumed
run equals an unbroken one.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from functools import reduce
from typing import Any, TypeVar

from insightv_bench.chat import in_manner
from insightv_bench.errors import BudgetSpent, EngineError, EngineUnavailable
from insightv_bench.journal import Journal, Reply, Request, Spent, plan_id, request_key
from insightv_bench.storage import batched

from .base import BatchEngine, Engine, OneByOneEngine, ReportingEngine, Start, label
from .concurrency import Pace
from .costs import Budget

T = TypeVar("T")
OnReply = Callable[[Reply, bool], None]
CHAINS_A_SLOT = 2
"""So that a slot finds a request waiting while other chains look their replies up."""
FINISH_S = 20
"""After an error, what is in flight has this long to be finished and kept; without limit where a budget is spent."""


def has_replies(engine: Engine, journal: Journal) -> bool:
    return any(journal.has_replies(name) for name in names_of(engine))


def spent_before(engine: Engine, journal: Journal) -> Spent:
    return reduce(Spent.plus, (journal.spent(name) for name in names_of(engine)))


def names_of(engine: Engine) -> list[str]:
    """Its label, and that by which journals of before knew it."""
    return list(filter(None, (label(engine), getattr(engine, "earlier", ""))))


class Interrupted(Exception):
    """Ctrl-C in a chain: a KeyboardInterrupt that leaves a task takes the event loop along before it has tidied up."""


class Caller:
    """One engine behind one journal. Use as a context manager: it owns an event loop."""

    def __init__(self, engine: Engine, journal: Journal, on_reply: OnReply | None = None, seed: int = 0) -> None:
        """`seed`, the run's, goes into the seed of every batch; two seeds in one journal share their kept replies."""
        self.engine = engine
        # What an engine is, is asked once: the question takes longer than a kept reply.
        self._batches = engine if isinstance(engine, BatchEngine) else None
        self._one_by_one = engine if isinstance(engine, OneByOneEngine) else None
        self._reporting = engine if isinstance(engine, ReportingEngine) else None
        self._seed = seed
        self.model = label(engine)
        # Of kept replies too, so that the setting counts whenever it is given.
        self._opens_thought = getattr(engine, "opens_thought", False)
        self._earlier = getattr(engine, "earlier", "")
        self.num_calls = self.num_hits = self.num_tokens = self.num_prompt_tokens = 0
        self.seconds = self.cost_usd = 0.0
        self.served: Counter[str] = Counter()
        """Replies by what the server says that it is."""
        self.budget = self._reporting.budget if self._reporting else Budget()
        self._journal = journal
        self._on_reply = on_reply
        self._waiting: list[tuple[str, Request, asyncio.Future[Reply]]] = []
        self._num_alive = 0
        self._runner = asyncio.Runner()
        self.pace = Pace(getattr(engine, "concurrency", 1), getattr(engine, "adaptive", False))
        self._asking: dict[str, asyncio.Lock] = {}
        self._stopped: EngineError | None = None
        if self._reporting:
            if self.budget.is_limited:
                self.budget.spent = spent_before(engine, journal)
            self._reporting.begin(Start(seed, has_replies(engine, journal), self._count_failure))

    def _count_failure(self, kind: str) -> None:
        self._journal.count_failure(self.model, kind)
        self.pace.failed(kind)

    def __enter__(self) -> Caller:
        self._runner.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        close = getattr(self.engine, "close", None)
        if close:
            self._runner.run(close())
        self._runner.__exit__(*error)

    def run(self, chains: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
        """The chains' results, in their order. The first error ends them all; what was answered stays kept."""
        try:
            return self._runner.run(self._gather(chains))
        except Interrupted as interrupt:
            raise KeyboardInterrupt from interrupt

    def ask_all(self, requests: Sequence[Request]) -> list[Reply]:
        return self.run([self.ask(request) for request in requests])

    def as_sent(self, request: Request) -> Request:
        """With the system prompt and the last words that the model's manner wants; they so stand in the key."""
        system, suffix = getattr(self.engine, "system", ""), getattr(self.engine, "suffix", "")
        return request._replace(chat=in_manner(request.chat, system, suffix)) if system or suffix else request

    async def ask(self, request: Request) -> Reply:
        if not getattr(self.engine, "structured", False):
            request = request._replace(format="")
        request = self.as_sent(request)
        key = request_key(self.model, request)
        if self._batches:
            future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
            self._waiting.append((key, request, future))
            self._flush_if_all_wait()
            return await future
        async with self._asking.setdefault(key, asyncio.Lock()):  # two chains with one question pay once
            return await self._ask_one(key, request)

    async def _ask_one(self, key: str, request: Request) -> Reply:
        keys = [key, *([request_key(self._earlier, request)] if self._earlier else [])]
        if there := self._journal.get(keys):
            found, kept = next(iter(there.items()))
            self._journal.count_hits([found])
            return self._count(kept.reply, hit=True)
        async with self.pace:
            if self._stopped:
                raise self._stopped
            self.budget.check(self.model)
            reply = await self._reply(request)
        self.budget.add(reply)
        if reply.finish != "error":  # what is not kept is asked again by the next run
            self._journal.put([(key, reply)], self.model)
        return self._count(reply, hit=False)

    async def _reply(self, request: Request) -> Reply:
        assert self._one_by_one
        try:
            reply = await self._one_by_one.reply(request)
        except EngineError as error:
            self._journal.count_failure(self.model, type(error).__name__)
            raise
        if reply.finish == "error" and not self._reporting:
            self._journal.count_failure(self.model, "no reply")
        return reply

    def _count(self, reply: Reply, hit: bool) -> Reply:
        self.num_calls += not hit
        self.num_hits += hit
        self.num_tokens += reply.num_tokens
        self.num_prompt_tokens += reply.num_prompt_tokens
        self.seconds += reply.seconds  # of a kept reply too: what it took when it was made
        self.cost_usd += reply.cost_usd
        if reply.served:
            self.served[reply.served] += 1
        if self._on_reply:
            self._on_reply(reply, hit)
        is_opened = self._opens_thought is True or (self._opens_thought == "if cut" and reply.finish == "length")
        if is_opened and not reply.reasoning.strip():
            return reply.model_copy(update={"opened": True})
        return reply

    async def _gather(self, chains: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
        self._num_alive, self._waiting, self._asking, self._stopped = len(chains), [], {}, None
        try:
            if self._one_by_one:
                return await self._flow(chains, self._one_by_one.concurrency * CHAINS_A_SLOT)
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._alive(chain)) for chain in chains]
        except BaseExceptionGroup as errors:
            raise first_error(errors) from None  # one server that is down is one message, not one a chain
        finally:
            for chain in chains:
                chain.close()  # an error may end the others before they have begun
        return [task.result() for task in tasks]

    async def _flow(self, chains: Sequence[Coroutine[Any, Any, T]], num_at_once: int) -> list[T]:
        """At most so many chains at once, begun in their order."""
        todo = iter(enumerate(chains))
        results: dict[int, T] = {}

        async def work() -> None:
            for place, chain in todo:
                if self._stopped:
                    chain.close()
                    return
                try:
                    results[place] = await self._alive(chain)
                except EngineError as error:
                    if self._stopped is None and not isinstance(error, BudgetSpent):
                        asyncio.get_running_loop().call_later(FINISH_S, lambda: [task.cancel() for task in tasks])
                    self._stopped = self._stopped or error

        tasks: list[asyncio.Task[None]] = []
        async with asyncio.TaskGroup() as group:
            for _ in range(min(num_at_once, len(chains))):
                tasks.append(group.create_task(work()))
                await asyncio.sleep(0)  # the first request leaves before the next chain hashes its images
        if isinstance(self._stopped, BudgetSpent):
            self.budget.check(self.model)  # says what was spent in all, with what was in flight
        if self._stopped:
            raise with_progress(self._stopped, len(results), len(chains))
        return [results[place] for place in range(len(chains))]

    async def _alive(self, chain: Coroutine[Any, Any, T]) -> T:
        try:
            result = await chain
            self._num_alive -= 1
            self._flush_if_all_wait()  # not after an error: the others are about to be ended, and would be paid for
        except KeyboardInterrupt as interrupt:
            raise Interrupted from interrupt
        return result

    def _flush_if_all_wait(self) -> None:
        if self._waiting and len(self._waiting) >= self._num_alive:
            wave, self._waiting = self._waiting, []
            replies = self._ask_wave({key: request for key, request, _ in wave})
            for key, _, future in wave:
                if not future.done():
                    future.set_result(replies[key])

    def _ask_wave(self, requests: dict[str, Request]) -> dict[str, Reply]:
        """Replies by key. Kept replies of *other* plans count as given; this plan's batches are all kept or all new.

        Where batches are a way of sending alone (`is_planned` is false), every kept reply counts as given."""
        assert self._batches
        plan = plan_id(list(requests)) if getattr(self.engine, "is_planned", True) else ""
        kept = self._journal.get(list(requests))
        replies = {key: entry.reply for key, entry in kept.items() if entry.plan != plan or not plan}
        self._journal.count_hits(replies)
        replies = {key: self._count(reply, hit=True) for key, reply in replies.items()}

        def place(key: str) -> tuple[int, str]:
            """Requests of like length share a batch, so that little is padding."""
            return sum(len(message.content) for message in requests[key].chat.messages), key

        keys = sorted(requests.keys() - replies.keys(), key=place)
        todo = []
        for batch in batched(keys, self._batches.batch_size):
            if all(key in kept for key in batch):
                self._journal.count_hits(batch)
                replies.update({key: self._count(kept[key].reply, hit=True) for key in batch})
            else:
                todo.append(batch)
        for batches in batched(todo, getattr(self.engine, "num_at_once", 1)):
            replies.update(self._ask_batches(batches, requests, plan))
        return replies

    def _ask_batches(
        self, batches: Sequence[Sequence[str]], requests: dict[str, Request], plan: str
    ) -> dict[str, Reply]:
        """Each batch is kept in one transaction. Several at once where the engine takes several."""
        assert self._batches
        run = [f"seed {self._seed}"] if self._seed else []
        work = [([requests[key] for key in keys], int(plan_id([*keys, *run])[:8], 16)) for keys in batches]
        if hasattr(self._batches, "generate_all"):
            generated = self._batches.generate_all(work)
        else:
            generated = [self._batches.generate(asked, seed) for asked, seed in work]
        by_key: dict[str, Reply] = {}
        for keys, replies in zip(batches, generated, strict=True):
            batch = dict(zip(keys, replies, strict=True))
            kept = [(key, reply) for key, reply in batch.items() if plan or reply.finish != "error"]
            self._journal.put(kept, self.model, plan)
            by_key |= {key: self._count(reply, hit=False) for key, reply in batch.items()}
        return by_key


def with_progress(error: EngineError, num_done: int, num: int) -> EngineError:
    """The error with what is missing, where the same command goes on later."""
    if not isinstance(error, EngineUnavailable) or isinstance(error, BudgetSpent) or num == 1:
        return error
    missing = f"{num_done:,} of {num:,} are done, {num - num_done:,} are missing"
    return EngineUnavailable(f"{error.fact} ({missing})", error.hint)


def first_error(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    first = errors.exceptions[0]
    return first_error(first) if isinstance(first, BaseExceptionGroup) else first
