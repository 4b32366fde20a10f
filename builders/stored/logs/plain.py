"""JSON lines that no known tool wrote, by a map of their columns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from insightv_bench.errors import SourceError
from insightv_bench.settings import LogColumns
from insightv_bench.sources import as_options, cell
from insightv_bench.stages import Dropped

from .shared import Logged, Row, lines_of, verdict_of, words_of


def read_plain(file: Path, columns: LogColumns) -> Iterator[Logged | Dropped]:
    """Raises SourceError where the first row lacks one of the columns."""
    checked = False
    for place, row in lines_of(file):
        if isinstance(row, Dropped):
            yield row
            continue
        if not checked:
            _check(place, row, columns)
            checked = True
        yield _logged(place, row, columns)


def _check(place: str, row: Row, columns: LogColumns) -> None:
    for field, name in columns.model_dump(exclude_none=True).items():
        if not _has(row, name):
            known = ", ".join(f"`{key}`" for key in row)
            raise SourceError(f"{place}: no column `{name}` for `{field}`", f"its columns are {known}")


def _logged(place: str, row: Row, columns: LogColumns) -> Logged:
    def at(name: str | None) -> Any:
        return _under(row, name) if name else None

    options, _ = as_options(at(columns.options))
    name = cell(at(columns.id))
    return Logged(
        place,
        cell(at(columns.reply)),
        cell(at(columns.reasoning)),
        ids=(name,) if name else (),
        text="\n".join([*words_of(at(columns.question)), *words_of(at(columns.options))]) if columns.question else "",
        options=options or None,
        recorded_right=verdict_of(at(columns.correct)),
        model=cell(at(columns.model)),
    )


def _under(row: Row, name: str) -> Any:
    """A column, or what a dotted name leads to."""
    value: Any = row
    for part in [name] if name in row else name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _has(row: Row, name: str) -> bool:
    value: Any = row
    for part in [name] if name in row else name.split("."):
        if not isinstance(value, dict) or part not in value:
            return False
        value = value[part]
    return True
