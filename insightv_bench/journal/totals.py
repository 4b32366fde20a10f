"""What all journals of a run hold together: the append-only files of its writers, and SQLite's of one machine."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any

from .calls import Reply, Spent
from .lines import SQLITE, all_lines, journal_files, read_lines
from .sqlite import Journal

LINES_LOOKED_AT = 20


def spent_in(run: Path, model: str) -> Spent:
    """Of the append-only files; each reply once, though it may stand in an actor's file and in the command's."""
    found: dict[str, tuple[int, float]] = {}
    for line in all_lines(run):
        if line.model == model:
            found |= {key: (reply.num_prompt_tokens + reply.num_tokens, reply.cost_usd) for key, reply in line.replies}
    return Spent(len(found), sum(tokens for tokens, _ in found.values()), sum(cost for _, cost in found.values()))


def spent_of(run: Path, model: str) -> Spent:
    """Over the whole run: all writers' files, and the SQLite journal of a run on one machine before."""
    file = run / SQLITE
    before = Journal(file).spent(model) if file.exists() else Spent(0, 0, 0.0)
    return before.plus(spent_in(run, model))


def stats_of(run: Path) -> list[dict[str, object]]:
    """As `Journal.stats`, of the append-only files."""
    replies: dict[str, dict[str, Reply]] = {}
    failures: Counter[tuple[str, str]] = Counter()
    for line in all_lines(run):
        replies.setdefault(line.model, {}).update(line.replies)
        failures.update([(line.model, line.failure)] if line.failure else ())
    return [_stats(model, kept, failures) for model, kept in sorted(replies.items())]


def _stats(model: str, kept: dict[str, Reply], failures: Counter[tuple[str, str]]) -> dict[str, object]:
    made = kept.values()
    figures: dict[str, object] = {"model": model, "num_calls": len(made), "num_hits": 0}
    for name in ("num_prompt_tokens", "num_tokens", "seconds", "cost_usd"):
        figures[name] = sum(getattr(reply, name) for reply in made)
    return figures | {f"failures: {kind}": num for (of, kind), num in failures.items() if of == model}


def has_replied(run: Path, model: str) -> bool:
    """In this run, here or there; of a file its beginning is read: who answers a block has answered its first lines."""
    if (run / SQLITE).exists() and Journal(run / SQLITE).has_replies(model):
        return True
    heads = (islice(read_lines(file), LINES_LOOKED_AT) for file in journal_files(run))
    return any(line.replies and line.model == model for lines in heads for line in lines)


def run_stats(run: Path) -> list[dict[str, object]] | None:
    """Of all its journals; None where there are none."""
    if not (run / SQLITE).exists() and not journal_files(run):
        return None
    total: dict[str, dict[str, Any]] = {}
    for row in (*(Journal(run / SQLITE).stats() if (run / SQLITE).exists() else ()), *stats_of(run)):
        mine = total.setdefault(str(row["model"]), {"model": row["model"]})
        mine.update({name: mine.get(name, 0) + value for name, value in row.items() if name != "model"})
    return list(total.values())
