"""Every figure that a submission states against the same figure of its rows."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from ..board import Board

KEYS = {
    "sets": ("name",),
    "arms": ("set", "system", "arm"),
    "comparisons": ("set", "family", "a", "b"),
    "robustness": ("set", "system", "flaw", "severity"),
    "measures": ("set", "system", "measure"),
    "averages": ("system", "arm"),
    "rounds": ("set", "system", "arm"),
    "flaws": ("set", "system", "flaw"),
    "lineage": ("system", "kind", "name", "fingerprint"),
}
"""Table of the board -> the columns that name a row; the others are figures."""
CLOSE = 1e-9
"""Figures are made of the same rows by the same code: only the last bits may differ from machine to machine."""


def problems(stated: Board, found: Board) -> Iterator[str]:
    """What does not match, a line each."""
    for table, keys in KEYS.items():
        said, made = _by_key(stated, table, keys), _by_key(found, table, keys)
        for key in said.keys() - made.keys():
            yield f"{table}: {_name(keys, key)} is stated, and no row of the samples makes it"
        for key in made.keys() - said.keys():
            yield f"{table}: {_name(keys, key)} is missing, and the samples make it"
        for key in [key for key in said if key in made]:
            yield from (f"{table}: {_name(keys, key)}: {line}" for line in _differences(said[key], made[key]))
    if stated.notes != found.notes:
        yield "notes: what was left out or renamed is told otherwise"


def _by_key(board: Board, table: str, keys: tuple[str, ...]) -> dict[tuple[Any, ...], dict[str, Any]]:
    rows = [row.model_dump() for row in getattr(board, table)]
    return {tuple(row[key] for key in keys): row for row in rows}


def _name(keys: tuple[str, ...], key: tuple[Any, ...]) -> str:
    return ", ".join(f"{name} `{value}`" for name, value in zip(keys, key, strict=True) if name != "set")


def _differences(said: dict[str, Any], made: dict[str, Any]) -> Iterator[str]:
    for column, value in made.items():
        if not _same(said[column], value):
            yield f"`{column}` says {_told(said[column])}, and the samples give {_told(value)}"


def _same(said: Any, made: Any) -> bool:
    if isinstance(said, float) and isinstance(made, float):
        return math.isclose(said, made, rel_tol=CLOSE, abs_tol=CLOSE) or (math.isnan(said) and math.isnan(made))
    if isinstance(said, dict) and isinstance(made, dict):
        return said.keys() == made.keys() and all(_same(said[name], made[name]) for name in said)
    return bool(said == made)


def _told(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else f"{str(value)[:60]}"
