"""What can be read of a damaged journal: SQLite's recovery, on the pages themselves.

SQLite's own reading begins at the first page and follows references, so that one bad page hides all behind it. Here
every page is looked at for itself, those of the write-ahead log too, and each row on it that is whole and is a kept
reply is taken; a long row goes on over pages that it names. The format is https://sqlite.org/fileformat2.html.
The damaged files stay where they are, under another name: nothing is deleted.
"""

from __future__ import annotations

import re
import sqlite3
import struct
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from insightv_bench.errors import RunError

from .append_only import SQLITE, journal_files, to_line
from .calls import Reply
from .sqlite import Journal

DAMAGED = ".damaged"
INTERIOR_INDEX, INTERIOR_TABLE, LEAF_INDEX, LEAF_TABLE = 2, 5, 10, 13
PAGE_SIZE = 4096
"""SQLite's own, where the header that says it is gone."""
FILE_HEADER = 100
KEY = re.compile(r"[0-9a-f]{40}")
MAX_ROW = 256 * 2**20


class Recovered(NamedTuple):
    num_replies: int
    num_lost: int
    """Rows that could not be read, as far as their page says that they were there."""
    num_lost_pages: int
    """Pages, and lines of append-only files, of which nothing could be read; how many rows they held is not known."""
    kept_as: tuple[Path, ...]
    """The damaged files; none where nothing was damaged."""


class Row(NamedTuple):
    key: str
    plan: str
    model: str
    reply: Reply


def recover(run: Path) -> Recovered:
    """Put a run's journal in order. Raises RunError where there is none, or its folder cannot be written."""
    files = [file for file in journal_files(run) if _lines(file)[1]]
    if not (run / SQLITE).exists() and not journal_files(run):
        raise RunError(f"no journal in `{run}`", "name a run's folder")
    try:
        found = _recover_sqlite(run / SQLITE) if (run / SQLITE).exists() else Recovered(0, 0, 0, ())
        for file in files:
            lines, num_broken = _lines(file)
            kept_as = _set_aside(file)
            file.write_text("".join(lines), encoding="utf-8")
            num = sum(len(to_line(line).replies) for line in lines)
            found = Recovered(
                found.num_replies + num, found.num_lost, found.num_lost_pages + num_broken, (*found.kept_as, kept_as)
            )
    except OSError as error:
        raise RunError(f"`{run}` cannot be written: {error.strerror or error}", "free some space") from error
    return found


def _lines(file: Path) -> tuple[list[str], int]:
    """The whole lines of an append-only file, and how many others there are but for one that was cut off at the end."""
    whole, num_broken = [], 0
    text = file.read_bytes().decode("utf-8", "replace")
    for line in text.split("\n")[:-1]:
        try:
            to_line(line)
            whole.append(line + "\n")
        except (ValueError, KeyError, TypeError):
            num_broken += 1
    return whole, num_broken


def _recover_sqlite(file: Path) -> Recovered:
    if is_sound(file):
        with closing(Journal(file)) as journal:
            return Recovered(sum(int(str(row["num_calls"])) for row in journal.stats()), 0, 0, ())
    pages = Pages.of(file)
    rows = {row.key: row for row in pages.rows()}
    fresh = file.with_suffix(".recovered")
    fresh.unlink(missing_ok=True)
    with closing(Journal(fresh)) as journal:
        for row in rows.values():
            journal.put([(row.key, row.reply)], row.model, row.plan)
        for model, kind, num in pages.failures():
            for _ in range(min(num, 10_000)):
                journal.count_failure(model, kind)
    beside = [Path(f"{file}{end}") for end in ("-wal", "-shm")]
    kept_as = tuple(_set_aside(each) for each in (file, *beside) if each.exists())
    fresh.replace(file)
    return Recovered(len(rows), pages.num_lost, pages.num_lost_pages, kept_as)


def is_sound(file: Path) -> bool:
    try:
        with closing(sqlite3.connect(file)) as connection:
            return bool(connection.execute("PRAGMA integrity_check").fetchone() == ("ok",))
    except sqlite3.Error:
        return False


def _set_aside(file: Path) -> Path:
    number, target = 1, file.with_name(file.name + DAMAGED)
    while target.exists():
        number += 1
        target = file.with_name(f"{file.name}{DAMAGED}-{number}")
    return file.rename(target)


class Pages:
    """A database's pages by number, the newest of each."""

    def __init__(self, pages: Mapping[int, bytes], usable: int) -> None:
        self._pages, self._usable = pages, usable
        self._used: set[int] = set()
        self.num_lost = self.num_lost_pages = 0

    @classmethod
    def of(cls, file: Path) -> Pages:
        content = file.read_bytes()
        size, reserved = PAGE_SIZE, 0
        if content[:16] == b"SQLite format 3\0":
            told = int.from_bytes(content[16:18], "big")
            told = 65536 if told == 1 else told
            if told >= 512 and told & (told - 1) == 0:
                size, reserved = told, content[20] if content[20] < 64 else 0
        pages = {n + 1: content[n * size : (n + 1) * size] for n in range(-(-len(content) // size))}
        return cls(pages | _of_log(Path(f"{file}-wal"), size), size - reserved)

    def rows(self) -> Iterator[Row]:
        self.num_lost = self.num_lost_pages = 0
        odd = []
        for number, page in self._pages.items():
            if self._kind(number) not in (INTERIOR_INDEX, INTERIOR_TABLE, LEAF_INDEX, LEAF_TABLE):
                odd.append((number, page))
            for values in self._cells(number, (INTERIOR_INDEX, LEAF_INDEX)):
                if values is None:
                    self.num_lost += 1
                elif len(values) == 8 and (row := _row(values)):
                    yield row
        unused = [page for number, page in odd if number not in self._used]
        self.num_lost_pages = sum(any(page) for page in unused)

    def failures(self) -> Iterator[tuple[str, str, int]]:
        for number in self._pages:
            for values in self._cells(number, (LEAF_TABLE,)):
                if values and len(values) == 3 and [type(each) for each in values] == [str, str, int]:
                    yield values[0], values[1], values[2]

    def _start(self, number: int) -> int:
        return FILE_HEADER if number == 1 else 0

    def _kind(self, number: int) -> int:
        page, start = self._pages[number], self._start(number)
        return page[start] if len(page) > start else 0

    def _cells(self, number: int, kinds: tuple[int, ...]) -> Iterator[list[Any] | None]:
        """The values of each cell; None for one that cannot be read."""
        page, start, kind = self._pages[number], self._start(number), self._kind(number)
        if kind not in kinds or len(page) < start + 12:
            return
        num = int.from_bytes(page[start + 3 : start + 5], "big")
        first = start + (12 if kind == INTERIOR_INDEX else 8)
        for place in range(min(num, (len(page) - first) // 2)):
            offset = int.from_bytes(page[first + 2 * place : first + 2 * place + 2], "big")
            try:
                yield self._values(page, offset + (4 if kind == INTERIOR_INDEX else 0), kind)
            except (IndexError, ValueError, struct.error, KeyError):
                yield None

    def _values(self, page: bytes, offset: int, kind: int) -> list[Any]:
        size, offset = _number(page, offset)
        if kind == LEAF_TABLE:
            _, offset = _number(page, offset)  # the row's own number
        if not 0 < size <= MAX_ROW:
            raise ValueError("no size of a row")
        usable = self._usable
        most = usable - 35 if kind == LEAF_TABLE else (usable - 12) * 64 // 255 - 23
        here = size
        if size > most:
            least = (usable - 12) * 32 // 255 - 23
            fits = least + (size - least) % (usable - 4)
            here = fits if fits <= most else least
        content = page[offset : offset + here]
        if here < size:
            content += self._rest(int.from_bytes(page[offset + here : offset + here + 4], "big"), size - here)
        if len(content) != size:
            raise ValueError("cut off")
        return _record(content)

    def _rest(self, number: int, size: int) -> bytes:
        """What stands on the pages that a long row goes on over."""
        content, seen = bytearray(), set[int]()
        while len(content) < size:
            if number in seen:
                raise ValueError("a circle")
            seen.add(number)
            page = self._pages[number]
            content += page[4 : min(self._usable, 4 + size - len(content))]
            number = int.from_bytes(page[:4], "big")
        self._used |= seen
        return bytes(content)


def _of_log(file: Path, size: int) -> dict[int, bytes]:
    """Pages in the write-ahead log: of its last round, the later over the earlier."""
    content = file.read_bytes() if file.exists() else b""
    salt, pages = content[16:24], {}
    for start in range(32, len(content) - 24 - size + 1, 24 + size):
        if content[start + 8 : start + 16] == salt:
            pages[int.from_bytes(content[start : start + 4], "big")] = content[start + 24 : start + 24 + size]
    return pages


def _number(content: bytes, offset: int) -> tuple[int, int]:
    """A number of 1 to 9 bytes, and where it ends."""
    value = 0
    for place in range(9):
        byte = content[offset + place]
        if place == 8:
            return value << 8 | byte, offset + 9
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, offset + place + 1
    raise AssertionError("nine bytes end it")


def _record(content: bytes) -> list[Any]:
    """The columns of a row. Raises ValueError for what is no row."""
    header, offset = _number(content, 0)
    kinds = []
    while offset < header:
        kind, offset = _number(content, offset)
        kinds.append(kind)
    values: list[Any] = []
    for kind in kinds:
        size = (kind - 12) // 2 if kind >= 12 else (0, 1, 2, 3, 4, 6, 8, 8, 0, 0)[kind]
        piece, offset = content[offset : offset + size], offset + size
        if len(piece) < size:
            raise ValueError("cut off")
        values.append(_value(kind, piece))
    return values


def _value(kind: int, piece: bytes) -> Any:
    if kind >= 12:
        return piece.decode("utf-8") if kind % 2 else piece
    if kind == 7:
        return struct.unpack(">d", piece)[0]
    return None if kind == 0 else kind - 8 if kind >= 8 else int.from_bytes(piece, "big", signed=True)


def _row(values: list[Any]) -> Row | None:
    key, plan, model, reply, *_ = values
    if not (isinstance(key, str) and KEY.fullmatch(key) and isinstance(plan, str) and isinstance(model, str)):
        return None
    try:
        return Row(key, plan, model, Reply.model_validate_json(reply))
    except ValidationError:
        return None
