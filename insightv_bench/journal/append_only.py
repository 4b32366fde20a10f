"""The journal as append-only files, for runs over a cluster: SQLite is unsafe on a network file system.

One file a writer, one line a transaction: a reply, or all replies of a batch. A line that was cut off by a kill counts
as never written. Nobody appends to another's file, and no line is ever changed. What a kept reply was given again for
is not counted here.

    <run>/journal/run-<who>.jsonl              the command's own calls
    <run>/journal/<stage>/<block>-<who>.jsonl  an actor's, of one block of a stage's rows
"""

from __future__ import annotations

import errno
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from insightv_bench.errors import RunError

from .calls import Entry, Reply, Spent
from .lines import JOURNALS, SQLITE, Line, journal_files, read_lines, to_text
from .sqlite import Journal
from .totals import has_replied, spent_of, stats_of

SYNC_S = 0.5
"""How long a reply may wait to be on disk: a killed process loses nothing, a lost machine so much."""


class Out(Protocol):
    """Where a journal's lines go."""

    def append(self, text: str) -> None: ...

    def close(self) -> None: ...


Lookup = Callable[[Sequence[str]], dict[str, Entry]]


class Appended:
    """A file of one's own, made with its first line; another one after a line that could not be written whole."""

    def __init__(self, stem: Path) -> None:
        self._stem = stem
        self._file: int | None = None
        self._synced = 0.0

    def append(self, text: str) -> None:
        """Raises RunError where it cannot be written."""
        try:
            self._file = self._opened()
            whole = text.encode()
            if os.write(self._file, whole) < len(whole):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            if time.monotonic() - self._synced > SYNC_S:
                self._sync()
        except OSError as error:
            self._forget()
            hint = "free some space and run the same command again"
            raise RunError(f"the journal `{self._stem}` cannot be written: {error}", hint) from error

    def _opened(self) -> int:
        if self._file is not None:
            return self._file
        self._stem.parent.mkdir(parents=True, exist_ok=True)
        name = f"{self._stem.name}-{uuid4().hex[:12]}.jsonl"
        return os.open(self._stem.with_name(name), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)

    def _sync(self) -> None:
        """On disk, or with the server whose disk it is."""
        assert self._file is not None
        os.fsync(self._file)
        self._synced = time.monotonic()

    def close(self) -> None:
        if self._file is not None:
            self._sync()
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
        self._failures: Counter[tuple[str, str]] = Counter()
        self.read(before)

    def read(self, lines: Iterable[Line]) -> None:
        """Take in what was kept elsewhere."""
        for line in lines:
            if line.failure:
                self._failures[line.model, line.failure] += 1
                continue
            self._models.add(line.model)
            self._entries.update((key, Entry(line.plan, reply)) for key, reply in line.replies)

    def get(self, keys: Sequence[str]) -> dict[str, Entry]:
        found = {key: self._entries[key] for key in keys if key in self._entries}
        missing = [key for key in keys if key not in found]
        return found | self._beneath(missing) if self._beneath and missing else found

    def put(self, entries: Iterable[tuple[str, Reply]], model: str, plan: str = "") -> None:
        replies = list(entries)
        if replies:
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
        """Over the whole run: all writers' files, and the SQLite journal of a run on one machine before."""
        return spent_of(self.file.parent, model)

    def stats(self) -> list[dict[str, object]]:
        return stats_of(self.file.parent)

    def close(self) -> None:
        self._out.close()


def beneath(file: Path) -> Lookup | None:
    """What a run on one machine has kept, where there was one. Nobody writes there while a cluster is at work."""
    return Journal(file).get if file.exists() else None


def open_journal(run: Path, as_files: bool) -> Journal:
    """A run's: append-only files for a cluster; else SQLite, which takes in what such files hold."""
    if as_files:
        before = (line for file in sorted((run / JOURNALS).glob("run-*.jsonl")) for line in read_lines(file))
        return FileJournal(run / SQLITE, Appended(run / JOURNALS / "run"), before, beneath(run / SQLITE))
    journal = Journal(run / SQLITE)
    for file in journal_files(run):
        absorb(journal, file)
    return journal


def absorb(journal: Journal, file: Path) -> None:
    """A file's lines into SQLite. It is renamed then; a kill before that means once more, which changes nothing."""
    for line in read_lines(file):
        if line.failure:
            journal.count_failure(line.model, line.failure)
        else:
            journal.put(line.replies, line.model, line.plan)
    file.rename(file.with_suffix(".absorbed"))
