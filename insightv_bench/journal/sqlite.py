"""Every model call ever paid for, by content key, in one SQLite file.

A reply is kept before anybody uses it, so every stage is a cheap function over kept calls: resume is running it again.
The key holds model, revision, messages, images, sampling, sample index and, where an engine holds replies to one, the
schema; a change of any of them is another call.
SQLite is unsafe on network file systems: keep a run on a local disk.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from insightv_bench.errors import RunError

from .calls import MAX_TOKENS, Entry, Reply, Spent

SCHEMA = """
CREATE TABLE IF NOT EXISTS replies (
    key TEXT PRIMARY KEY, plan TEXT NOT NULL, model TEXT NOT NULL, reply TEXT NOT NULL,
    num_prompt_tokens INTEGER NOT NULL, num_tokens INTEGER NOT NULL, seconds REAL NOT NULL,
    hits INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS failures (
    model TEXT NOT NULL, kind TEXT NOT NULL, num INTEGER NOT NULL, PRIMARY KEY (model, kind)
);
"""
COST_USD = "COALESCE(json_extract(reply, '$.cost_usd'), 0.0)"
NUM_BROKEN = "COALESCE(json_extract(reply, '$.num_broken'), 0)"
# Counts that were kept before they were bounded on arrival.
PROMPT, WRITTEN = (f"MIN(MAX({name}, 0), {MAX_TOKENS})" for name in ("num_prompt_tokens", "num_tokens"))
RECOVER = "what can be read of it is brought back, and nothing is deleted: insightv-bench journal recover {}"
BUSY_TIMEOUT_S = 60
KEYS_A_QUERY = 500
HITS_AT_ONCE = 1000
"""Uses of kept replies are counted in transactions of so many: one each would take longer than to read the reply."""


class Journal:
    """Opened once a process; several processes may share one file."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._hits: list[tuple[str]] = []
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(
                file, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
            )
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=NORMAL")  # a killed process loses nothing; a power cut, little
            self._connection.executescript(SCHEMA)
        except (sqlite3.Error, OSError) as error:
            damaged = isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError)
            hint = RECOVER.format(file.parent) if damaged else "name another folder with `--out`"
            raise RunError(f"the journal `{file}` cannot be opened: {error}", hint) from error

    def get(self, keys: Sequence[str]) -> dict[str, Entry]:
        entries: dict[str, Entry] = {}
        for start in range(0, len(keys), KEYS_A_QUERY):
            chunk = keys[start : start + KEYS_A_QUERY]
            marks = ",".join("?" * len(chunk))
            rows = self._select(f"SELECT key, plan, reply FROM replies WHERE key IN ({marks})", chunk)
            entries.update({key: Entry(plan, Reply.model_validate_json(reply)) for key, plan, reply in rows})
        return entries

    def put(self, entries: Iterable[tuple[str, Reply]], model: str, plan: str = "") -> None:
        """Keep replies in one transaction: all of them or none."""
        rows = [
            (key, plan, model, reply.model_dump_json(), reply.num_prompt_tokens, reply.num_tokens, reply.seconds)
            for key, reply in entries
        ]
        self._transact("INSERT OR REPLACE INTO replies VALUES (?, ?, ?, ?, ?, ?, ?, 0)", rows)

    def count_hits(self, keys: Iterable[str]) -> None:
        """Written now and then, and when the journal is closed: a kill may lose a count, never a reply."""
        self._hits.extend((key,) for key in keys)
        if len(self._hits) >= HITS_AT_ONCE:
            self._write_hits()

    def _write_hits(self) -> None:
        hits, self._hits = self._hits, []
        self._transact("UPDATE replies SET hits = hits + 1 WHERE key = ?", hits)

    def count_failure(self, model: str, kind: str) -> None:
        self._transact(
            "INSERT INTO failures VALUES (?, ?, 1) ON CONFLICT (model, kind) DO UPDATE SET num = num + 1",
            [(model, kind)],
        )

    def has_replies(self, model: str) -> bool:
        return bool(self._select("SELECT 1 FROM replies WHERE model = ? LIMIT 1", [model]))

    def spent(self, model: str) -> Spent:
        """What all kept replies of `model` took, over every run of this journal."""
        cost = COST_USD.join(("SUM(", ")"))
        rows = self._select(f"SELECT COUNT(*), SUM({PROMPT} + {WRITTEN}), {cost} FROM replies WHERE model = ?", [model])
        num_calls, num_tokens, cost_usd = rows[0]
        return Spent(num_calls, num_tokens or 0, cost_usd or 0.0)

    def stats(self) -> list[dict[str, object]]:
        """Per model: calls, hits, tokens, seconds, cost, failures by kind."""
        self._write_hits()
        rows = self._select(
            f"SELECT model, COUNT(*), SUM(hits), SUM({PROMPT}), SUM({WRITTEN}), SUM(seconds), "
            f"SUM({COST_USD}), SUM({NUM_BROKEN}) FROM replies GROUP BY model ORDER BY model"
        )
        columns = (
            "model",
            "num_calls",
            "num_hits",
            "num_prompt_tokens",
            "num_tokens",
            "seconds",
            "cost_usd",
            "num_broken",
        )
        failures = self._select("SELECT model, kind, num FROM failures")
        stats = {row[0]: dict(zip(columns if row[-1] else columns[:-1], row, strict=False)) for row in rows}
        for model, kind, num in failures:
            stats.setdefault(model, dict.fromkeys(columns[:-1], 0) | {"model": model})[f"failures: {kind}"] = num
        return list(stats.values())

    def close(self) -> None:
        try:
            self._write_hits()
        finally:
            self._connection.close()

    def _select(self, statement: str, values: Sequence[str] = ()) -> list[Any]:
        try:
            return self._connection.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise RunError(
                f"the journal `{self.file}` cannot be read: {error}", RECOVER.format(self.file.parent)
            ) from error

    def _transact(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        if not rows:
            return
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(statement, rows)
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise RunError(
                f"the journal `{self.file}` cannot be written: {error}",
                "free some space and run the same command again",
            ) from error
        finally:
            if self._connection.in_transaction:  # after any error, Ctrl-C included: an open one would lock out the rest
                self._connection.execute("ROLLBACK")
