"""How near the adaptive concurrency comes to what a server answers at once, and what the search costs.

    python -m pytest tests/benchmarks/bench_pace.py -s

Loopback servers (`fast_server.py`) of known capacity, 200 ms a reply, at most 128 at once; `Caller.ask_all` through a
fresh journal. Beside it the same requests at the fixed concurrency of the capacity, in the same run.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from figures import Took, Work, keep
from processes import serving

from insightv_bench.chat import Chat
from insightv_bench.engines import Caller, open_engine
from insightv_bench.journal import Journal, Request
from insightv_bench.records import Message
from insightv_bench.settings import OpenAIEngine, Sampling

ROUNDS = 40
"""Requests are so many times the capacity, at least 800."""


def ask_all(url: str, file: Path, num: int, engine: OpenAIEngine) -> tuple[float, int]:
    """Seconds, and the limit at the end."""
    asked = [Request(Chat((Message(role="user", content=str(n)),)), Sampling()) for n in range(num)]
    journal, started = Journal(file), time.monotonic()
    with Caller(open_engine(engine), journal) as caller:
        caller.ask_all(asked)
        found = time.monotonic() - started, caller.pace.limit
    journal.close()
    return found


@pytest.mark.parametrize("capacity", [8, 24, 50, 80])
def test_a_capacity_is_found(capacity: int, tmp_path: Path) -> None:
    num = max(ROUNDS * capacity, 800)
    with serving("0.2", str(capacity)) as url:
        settings = OpenAIEngine(model="m", base_url=f"{url}/v1")
        fixed = settings.model_copy(update={"concurrency": capacity, "adaptive": False})
        ask_all(url, tmp_path / "warm.sqlite", capacity, fixed)
        least, _ = ask_all(url, tmp_path / "fixed.sqlite", num, fixed)
        took, limit = ask_all(url, tmp_path / "found.sqlite", num, settings)
    work = Work("adaptive concurrency", capacity, "at once", "s by the clock")
    keep(work, [Took(took)], {"that many from the start": [Took(least)]}, aim=1.2)
    print(
        f"\ncapacity {capacity}: {limit} found ({limit / capacity:.2f}); {num:,} requests in {took:.1f} s, "
        f"{took / least:.2f} of the time at {capacity} from the start",
        end="",
    )
