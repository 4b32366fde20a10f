"""How many requests are under way at once: found from what a server makes of them."""

from __future__ import annotations

import asyncio
import heapq
import random
from pathlib import Path

import pytest

from insightv_bench.chat import Chat
from insightv_bench.engines import Caller, open_engine
from insightv_bench.engines.concurrency import Pace
from insightv_bench.journal import Journal, Reply, Request
from insightv_bench.records import Message
from insightv_bench.serving import ChatServer
from insightv_bench.settings import OpenAIEngine, Sampling


class Time:
    """Seconds that pass as they are told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Server:
    """Answers `capacity` requests at once, each in about a second, in the order they come; a simulation."""

    def __init__(self, capacity: int, spread: float = 0.0, refuses_above: int = 10**9, fails: float = 0.0) -> None:
        self.num_inside = self.most_inside = self.num_failed = 0
        self._refuses_above, self._fails, self._spread = refuses_above, fails, spread
        self._random = random.Random(0)
        self._free = [0.0] * capacity
        """When each place is free again."""

    def answered_at(self, now: float) -> float | str:
        """Seconds, or how it fails."""
        kind = "429" if self.num_inside >= self._refuses_above else "500" if self._random.random() < self._fails else ""
        if kind:
            self.num_failed += 1
            return kind
        self.num_inside += 1
        self.most_inside = max(self.most_inside, self.num_inside)
        ends = max(now, heapq.heappop(self._free)) + max(0.05, self._random.gauss(1.0, self._spread))
        heapq.heappush(self._free, ends)
        return ends


def run(pace: Pace, server: Server, clock: Time, num: int) -> None:
    """Asks `num` requests, as many at once as the pace lets through; one that fails is tried again half a second on."""

    async def ask_all() -> None:
        loop, events, number = asyncio.get_running_loop(), list[tuple[float, int, asyncio.Future[None]]](), 0

        def put(at: float) -> asyncio.Future[None]:
            nonlocal number
            number, future = number + 1, loop.create_future()
            heapq.heappush(events, (at, number, future))
            return future

        async def ask() -> None:
            async with pace:
                while isinstance(ends := server.answered_at(clock.now), str):
                    pace.failed(ends)
                    await put(clock.now + 0.5)
                await put(ends)
                server.num_inside -= 1

        tasks = [asyncio.ensure_future(ask()) for _ in range(num)]
        while not all(task.done() for task in tasks):
            for _ in range(4):
                await asyncio.sleep(0)  # all that can go on now does
            if events:
                clock.now, _, future = heapq.heappop(events)
                future.set_result(None)

    asyncio.run(ask_all())


@pytest.mark.parametrize("spread", [0.0, 0.2], ids=["even", "uneven"])
@pytest.mark.parametrize("capacity", [1, 3, 13, 20, 40, 64, 100, 200])
def test_a_servers_capacity_is_found_within_a_fifth(capacity: int, spread: float) -> None:
    clock = Time()
    pace = Pace(256, clock=clock)
    run(pace, Server(capacity, spread), clock, 2_500)
    assert abs(pace.limit - capacity) <= max(0.2 * capacity, 1 if spread else 0)


def test_a_bound_is_never_passed_and_soon_reached_where_the_server_takes_more() -> None:
    clock, server = Time(), Server(10_000)
    pace = Pace(64, clock=clock)
    run(pace, server, clock, 1_000)
    assert pace.limit == server.most_inside == 64
    assert clock.now <= 1.1 * 1_000 / 64


def test_a_server_that_turns_away_what_is_too_much_is_asked_for_less() -> None:
    clock, server = Time(), Server(1_000, spread=0.2, refuses_above=20)
    pace = Pace(128, clock=clock)
    run(pace, server, clock, 3_000)
    assert 12 <= pace.limit <= 22
    assert server.num_failed < 150  # of 3,000, and 12 of them before anything was known


def test_a_server_that_was_away_for_a_moment_is_soon_asked_as_before() -> None:
    clock, server = Time(), Server(1_000)
    pace = Pace(64, clock=clock)
    run(pace, server, clock, 500)
    for _ in range(200):
        pace.failed("connection")
    assert pace.limit == 1
    run(pace, server, clock, 1_500)
    assert pace.limit >= 48


def test_a_server_that_fails_now_and_then_is_asked_for_no_less() -> None:
    clock, server = Time(), Server(1_000, fails=0.02)
    pace = Pace(64, clock=clock)
    run(pace, server, clock, 1_000)
    assert server.num_failed > 10 and pace.limit == 64
    for _ in range(100):
        pace.failed("400")
        pace.failed("no reply")
    assert pace.limit == 64


@pytest.mark.slow
@pytest.mark.parametrize("fails", [0.0, 0.05, 0.2])
@pytest.mark.parametrize("capacity", [4, 20, 50])
def test_failures_that_are_not_about_load_cost_no_more_than_at_the_best_fixed_concurrency(
    capacity: int, fails: float
) -> None:
    def took(pace: Pace, clock: Time) -> float:
        run(pace, Server(capacity, spread=0.2, fails=fails), clock, 60 * capacity)
        return clock.now

    fixed = []
    for most in (capacity, round(1.2 * capacity), 2 * capacity, 4 * capacity):
        clock = Time()
        fixed.append(took(Pace(most, adaptive=False, clock=clock), clock))
    clock = Time()
    assert took(Pace(4 * capacity, clock=clock), clock) <= 1.2 * min(fixed)


@pytest.mark.parametrize("kind", ["503", "timeout"])
def test_a_server_where_much_fails_at_once_is_asked_for_less(kind: str) -> None:
    pace = Pace(64)
    for _ in range(4):
        pace.failed(kind)
    assert pace.limit == 24


def test_a_fixed_pace_stays_as_it_is() -> None:
    clock = Time()
    pace = Pace(64, adaptive=False, clock=clock)
    run(pace, Server(5), clock, 500)
    pace.failed("429")
    assert pace.limit == 64


def test_a_request_that_is_ended_while_it_waits_takes_nobodys_turn() -> None:
    async def ask(pace: Pace, seconds: float) -> None:
        async with pace:
            await asyncio.sleep(seconds)

    async def ask_all() -> int:
        pace = Pace(2, adaptive=False)
        tasks = [asyncio.create_task(ask(pace, 0.01)) for _ in range(6)]
        await asyncio.sleep(0)
        for task in tasks[1:5]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return sum(not task.cancelled() for task in tasks)

    assert asyncio.run(ask_all()) == 2


class Limited:
    """Answers 12 requests at once, in 0.4 s each; the others wait."""

    name, revision, concurrency, capacity = "limited", "1", 64, 12

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(self.capacity)

    async def reply(self, request: Request) -> Reply:
        async with self._places:
            await asyncio.sleep(0.4)
        return Reply(text="fine")


@pytest.mark.slow
def test_the_capacity_of_a_server_on_the_loopback_is_found_within_a_fifth(tmp_path: Path) -> None:
    """A busy machine may spoil a measurement, so it is made three times at most."""
    pytest.importorskip("aiohttp")
    found = []
    with ChatServer(Limited()) as server:
        for number in range(3):
            engine = open_engine(OpenAIEngine(model="limited", base_url=server.url, concurrency=32))
            journal = Journal(tmp_path / f"{number}.sqlite")
            asked = [Request(Chat((Message(role="user", content=str(n)),)), Sampling()) for n in range(300)]
            with Caller(engine, journal) as caller:
                caller.ask_all(asked)
            journal.close()
            found.append(caller.pace.limit)
            if abs(found[-1] - Limited.capacity) <= Limited.capacity / 5:
                return
    raise AssertionError(f"found {found} of {Limited.capacity}")
