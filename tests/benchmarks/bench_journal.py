"""What the journal adds to a call: asked through it once, and read back by a second run. Microseconds of the processor.

    python -m pytest tests/benchmarks/bench_journal.py -s

The engine answers at once. Bare is one SQLite table of key and text, a transaction a call, that keeps the same texts.
lm-eval's response cache is `sqlitedict`, committed after each reply as its own code does. Neither makes a key of its
own here: ours hashes model, messages, sampling and sample, and that is in its figure.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path

import pytest
from figures import Took, Work, keep, scaled, turn_about

from insightv_bench.chat import Chat
from insightv_bench.engines import Caller
from insightv_bench.journal import Journal, Reply, Request
from insightv_bench.records import Message
from insightv_bench.settings import Sampling

SIZES = scaled(500, 2_000, 8_000)
TEXT = '{"summary": "read the bars", "reasoning": "red is 5, blue is 7", "action": "continue"}\n{"answer": "B"}'


class AtOnce:
    name, revision, concurrency = "m", "1", 64

    async def reply(self, request: Request) -> Reply:
        return Reply(text=TEXT, num_prompt_tokens=100, num_tokens=40)


def requests(num: int) -> list[Request]:
    return [Request(Chat((Message(role="user", content=f"Which is number {n}?"),)), Sampling()) for n in range(num)]


def microseconds(work: Callable[[], object], num: int) -> Took:
    started = time.process_time()
    work()
    return Took(1e6 * (time.process_time() - started) / num)


def ask(file: Path, asked: Sequence[Request]) -> None:
    journal = Journal(file)
    with Caller(AtOnce(), journal) as caller:
        assert caller.ask_all(asked)[-1].text == TEXT
    journal.close()


def bare(file: Path, num: int) -> None:
    """Looks each key up, and keeps what is not there."""
    with sqlite3.connect(file, isolation_level=None) as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=NORMAL")
        db.execute("CREATE TABLE IF NOT EXISTS replies (key TEXT PRIMARY KEY, reply TEXT) WITHOUT ROWID")
        for n in range(num):
            if not db.execute("SELECT reply FROM replies WHERE key = ?", (f"{n:040x}",)).fetchall():
                db.execute("INSERT INTO replies VALUES (?, ?)", (f"{n:040x}", TEXT))
    db.close()


def cached(file: Path, num: int) -> None:
    from sqlitedict import SqliteDict

    with SqliteDict(str(file)) as db:
        for n in range(num):
            if f"{n:040x}" not in db:
                db[f"{n:040x}"] = TEXT
                db.commit()


WAYS: dict[str, Callable[[Path, int], None]] = {
    "ours": lambda file, num: ask(file, requests(num)),
    "bare sqlite3": bare,
    "lm-eval's sqlitedict": cached,
}


def warm_up(folder: Path, num: int) -> dict[str, Path]:
    """What is imported and made once; the files hold all replies."""
    files = {name: folder / f"{place}.sqlite" for place, name in enumerate(WAYS)}
    for name, way in WAYS.items():
        way(files[name], num)
    return files


@pytest.mark.parametrize("num", SIZES)
def test_a_call_is_kept(num: int, tmp_path: Path) -> None:
    warm_up(tmp_path, 10)
    names = (tmp_path / f"new-{n}.sqlite" for n in count())
    turns = turn_about(
        {name: lambda way=way: microseconds(lambda: way(next(names), num), num) for name, way in WAYS.items()}
    )
    keep(Work("journal: a call kept", num, "calls", "us a call"), turns.pop("ours"), turns)


@pytest.mark.parametrize("num", SIZES)
def test_a_call_is_read_back(num: int, tmp_path: Path) -> None:
    files = warm_up(tmp_path, num)
    turns = turn_about(
        {name: lambda n=name, way=way: microseconds(lambda: way(files[n], num), num) for name, way in WAYS.items()}
    )
    keep(Work("journal: a call again", num, "calls", "us a call"), turns.pop("ours"), turns)
