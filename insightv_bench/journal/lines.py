"""Lines of a journal of append-only files: one a transaction, a reply or all replies of a batch (see `journal_files`).

A line that was cut off by a kill counts as never written.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from insightv_bench.errors import RunError

from .calls import Reply

JOURNALS = "journal"
"""Their folder in a run's."""
SQLITE = "journal.sqlite"


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
    found = json.loads(text)
    replies = [(key, Reply(**reply)) for key, reply in found.get("replies", ())]
    return Line(found["model"], found.get("plan", ""), replies, found.get("failure", ""))


def read_lines(file: Path) -> Iterator[Line]:
    """Without a last line that was cut off. Raises RunError where another one is broken."""
    try:
        with file.open(encoding="utf-8", newline="\n") as handle:
            for text in handle:
                if text.endswith("\n"):
                    yield to_line(text)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(
            f"the journal `{file}` cannot be read: {error}", f"remove it and run again: rm {file}"
        ) from error


def journal_files(run: Path) -> list[Path]:
    return sorted((run / JOURNALS).rglob("*.jsonl"))


def block_lines(folder: Path, block: str) -> Iterator[Line]:
    """What all tries of a block have kept."""
    for file in sorted(folder.glob(f"{block}-*.jsonl")):
        yield from read_lines(file)


def all_lines(run: Path) -> Iterator[Line]:
    """Of the append-only files of a run."""
    for file in journal_files(run):
        yield from read_lines(file)
