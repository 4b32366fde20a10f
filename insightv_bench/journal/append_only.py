"""The journal as append-only files, for runs over a cluster: SQLite is unsafe on a network file system.

One file a writer, one line a transaction: a reply, or all replies of a batch. A line that was cut off by a kill counts
as never written. Nobody appends to another's file, and no line is ever changed. What a kept reply was given again for
is not counted here.

    <run>/journal/run-<who>.jsonl              the command's own calls
    <run>/journal/<stage>/<block>-<who>.jsonl  an actor's, of one block of a stage's rows

A run may have been on one machine before: its SQLite journal is read too, and what all of them hold together is told.
"""

from __future__ import annotations

import errno
import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from uuid import uuid4

from insightv_bench.errors import RunError

from .calls import Entry, Reply, Spent
from .sqlite import RECOVER, Journal

JOURNALS = "journal"
"""Their folder in a run's."""
SQLITE = "journal.sqlite"
SYNC_S = 0.5
"""How long a reply may wait to be on disk: a killed process loses nothing, a lost machine so much."""
LINES_LOOKED_AT = 20
"""Of a file, to see whether a model has answered: who answers a block has answered its first lines."""
Lookup = Callable[[Sequence[str]], dict[str, Entry]]


class Line(NamedTuple):
    """One transaction."""

    model: str
    plan: str
    replies: list[tuple[str, Reply]]
    """By key."""
    failure: str = ""
    """The kind of a try that failed, in place of replies."""


def to_text(line: Line) -> str:
    replies = [[key, reply.model_dump(exclude_defaults=True)] for key, reply in line.replies]
    whole = {"model": line.model, "plan": line.plan, "replies": replies, "failure": line.failure}
    return json.dumps({name: value for name, value in whole.items() if value}, ensure_ascii=False) + "\n"


def to_line(text: str) -> Line:
    row = json.loads(text)
    replies = [(key, Reply(**reply)) for key, reply in row.get("replies", ())]
    return Line(row["model"], row.get("plan", ""), replies, row.get("failure", ""))


def read_lines(*files: Path) -> Iterator[Line]:
    """Without a last line that was cut off. Raises RunError where another one is broken."""
    for file in files:
        try:
            with file.open(encoding="utf-8", newline="\n") as handle:
                for text in handle:
                    if text.endswith("\n"):
                        yield to_line(text)
        except (OSError, ValueError, KeyError, TypeError) as error:
            run = next((place.parent for place in file.parents if place.name == JOURNALS), file.parent)
            raise RunError(f"the journal `{file}` cannot be read: {error}", RECOVER.format(run)) from error


def journal_files(run: Path) -> list[Path]:
    return sorted((run / JOURNALS).rglob("*.jsonl"))


def block_lines(folder: Path, block: str) -> Iterator[Line]:
    """What all tries of a block have kept."""
    return read_lines(*sorted(folder.glob(f"{block}-*.jsonl")))


class Out(Protocol):
    """Where a journal's lines go."""

    def append(self, text: str) -> None: ...

    def close(self) -> None: ...


class Appended:
    """A file of one's own, made with its first line; another one after a line that could not be written whole."""

    def __init__(self, stem: Path) -> None:
        self._stem = stem
        self._file: int | None = None
        self._synced = 0.0

    def append(self, text: str) -> None:
        """Raises RunError where it cannot be written."""
        try:
            if self._file is None:
                self._file = self._open()
            whole = text.encode()
            if os.write(self._file, whole) < len(whole):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            if time.monotonic() - self._synced > SYNC_S:
                os.fsync(self._file)  # on disk, or with the server whose disk it is
                self._synced = time.monotonic()
        except OSError as error:
            self._forget()
            hint = "free some space and run the same command again"
            raise RunError(f"the journal `{self._stem}` cannot be written: {error}", hint) from error

    def _open(self) -> int:
        self._stem.parent.mkdir(parents=True, exist_ok=True)
        name = f"{self._stem.name}-{uuid4().hex[:12]}.jsonl"
        return os.open(self._stem.with_name(name), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)

    def close(self) -> None:
        if self._file is not None:
            os.fsync(self._file)
            self._forget()

    def _forget(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


class FileJournal(Journal):
    """A journal in memory, over the lines that it was given, and a file that new ones go to."""

    def __init__(self, file: Path, out: Out, before: Iterable[Line] = (), beneath: Lookup | None = None) -> None:
        """`file`: a run's SQLite journal, there or not: a run is known by its folder. `before`: what was kept already.
        `beneath`: finds what was kept elsewhere, by keys."""
        self.file = file
        self._out, self._beneath = out, beneath
        self._entries: dict[str, Entry] = {}
        self._models: set[str] = set()
        self.read(before)

    def read(self, lines: Iterable[Line]) -> None:
        """Take in what was kept elsewhere."""
        for line in lines:
            if not line.failure:
                self._models.add(line.model)
                self._entries.update((key, Entry(line.plan, reply)) for key, reply in line.replies)

    def get(self, keys: Sequence[str]) -> dict[str, Entry]:
        kept = {key: self._entries[key] for key in keys if key in self._entries}
        missing = [key for key in keys if key not in kept]
        return kept | self._beneath(missing) if self._beneath and missing else kept

    def put(self, entries: Iterable[tuple[str, Reply]], model: str, plan: str = "") -> None:
        if replies := list(entries):
            self._keep(Line(model, plan, replies))

    def _keep(self, line: Line) -> None:
        self._out.append(to_text(line))
        self.read([line])

    def count_hits(self, keys: Iterable[str]) -> None:
        pass

    def count_failure(self, model: str, kind: str) -> None:
        self._keep(Line(model, "", [], kind))

    def has_replies(self, model: str) -> bool:
        return model in self._models or has_replied(self.file.parent, model)

    def spent(self, model: str) -> Spent:
        return spent_of(self.file.parent, model)

    def stats(self) -> list[dict[str, object]]:
        """As `Journal.stats`, of the append-only files."""
        replies: dict[str, dict[str, Reply]] = {}
        failures: Counter[tuple[str, str]] = Counter()
        for line in read_lines(*journal_files(self.file.parent)):
            replies.setdefault(line.model, {}).update(line.replies)
            failures.update([(line.model, line.failure)] if line.failure else ())
        stats: list[dict[str, object]] = []
        for model, kept in sorted(replies.items()):
            figures: dict[str, object] = {"model": model, "num_calls": len(kept), "num_hits": 0}
            for name in ("num_prompt_tokens", "num_tokens", "seconds", "cost_usd", "num_broken"):
                figures[name] = sum(getattr(reply, name) for reply in kept.values())
            if not figures["num_broken"]:
                del figures["num_broken"]
            stats.append(figures | {f"failures: {kind}": num for (of, kind), num in failures.items() if of == model})
        return stats

    def close(self) -> None:
        self._out.close()


def beneath(file: Path) -> Lookup | None:
    """What a run on one machine has kept, where there was one. Nobody writes there while a cluster is at work."""
    return Journal(file).get if file.exists() else None


def open_journal(run: Path, as_files: bool) -> Journal:
    """A run's: append-only files for a cluster; else SQLite, which takes in what such files hold."""
    if as_files:
        before = read_lines(*sorted((run / JOURNALS).glob("run-*.jsonl")))
        return FileJournal(run / SQLITE, Appended(run / JOURNALS / "run"), before, beneath(run / SQLITE))
    journal = Journal(run / SQLITE)
    for file in journal_files(run):
        for line in read_lines(file):
            if line.failure:
                journal.count_failure(line.model, line.failure)
            else:
                journal.put(line.replies, line.model, line.plan)
        file.rename(file.with_suffix(".absorbed"))  # a kill before that means once more, which changes nothing
    return journal


def spent_of(run: Path, model: str) -> Spent:
    """Over the whole run: its SQLite journal, and the files; each reply once, though a command may keep what an actor
    has kept."""
    costs: dict[str, tuple[int, float]] = {}
    for line in read_lines(*journal_files(run)):
        if line.model == model:
            costs |= {key: (reply.num_prompt_tokens + reply.num_tokens, reply.cost_usd) for key, reply in line.replies}
    in_files = Spent(len(costs), sum(tokens for tokens, _ in costs.values()), sum(cost for _, cost in costs.values()))
    if not (run / SQLITE).exists():
        return in_files
    with closing(Journal(run / SQLITE)) as before:
        return before.spent(model).plus(in_files)


def has_replied(run: Path, model: str) -> bool:
    """In this run, in SQLite or a file."""
    if (run / SQLITE).exists():
        with closing(Journal(run / SQLITE)) as before:
            if before.has_replies(model):
                return True
    heads = (islice(read_lines(file), LINES_LOOKED_AT) for file in journal_files(run))
    return any(line.replies and line.model == model for lines in heads for line in lines)


def run_stats(run: Path) -> list[dict[str, object]] | None:
    """Of all journals of a run; None where there are none."""
    journals: list[Journal] = [Journal(run / SQLITE)] if (run / SQLITE).exists() else []
    journals += [FileJournal(run / SQLITE, Appended(run / JOURNALS / "run"))] if journal_files(run) else []
    total: dict[str, dict[str, Any]] = {}
    for journal in journals:
        with closing(journal):
            for row in journal.stats():
                sums = total.setdefault(str(row["model"]), {"model": row["model"]})
                sums.update({name: sums.get(name, 0) + value for name, value in row.items() if name != "model"})
    return list(total.values()) if journals else None
