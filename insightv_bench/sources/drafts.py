"""A table's row as a draft of a question: which column holds what, in the table's own forms."""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from insightv_bench.chat import LETTERS
from insightv_bench.errors import SourceError
from insightv_bench.records import AnswerType, Step

MAX_LIST_CHARS = 100_000
Row = Mapping[str, Any]
"""One row of a table."""


class Draft(NamedTuple):
    """What a row says, before images are read and the answer is typed."""

    question: str
    answer: str
    images: tuple[Any, ...]
    """Bytes, structs or paths, in order."""
    options: tuple[str, ...] = ()
    id: str = ""
    kind: str = ""
    answer_type: AnswerType | None = None
    """None: told from the answer."""
    tolerance: float = 0.0
    group: str = ""
    problem: str = ""
    """Why it can be no question, where the row alone shows it."""
    rationale: tuple[Step, ...] = ()
    """Its authors' own solution."""


class Layout(NamedTuple):
    """Which columns a table must have, and how a row of them becomes a draft."""

    needs: tuple[tuple[str, tuple[str, ...]], ...]
    """What for, and the columns of which one must be there: copies of a data set name it differently."""
    draft: Callable[[Row], Draft]
    takes: tuple[str, ...] = ()
    """Columns that are used where they are there."""

    def choose(self, known: Sequence[str], place: str) -> list[str]:
        """The columns to read. Raises SourceError where one is missing."""
        for field, group in self.needs:
            if not set(group) & set(known):
                named = " or ".join(f"`{name}`" for name in group)
                columns = ", ".join(f"`{name}`" for name in known)
                raise SourceError(f"`{place}` has no column {named} for `{field}`", f"its columns are {columns}")
        wanted = {name for _, group in self.needs for name in group} | set(self.takes)
        return [name for name in known if name in wanted]


def cell(value: object) -> str:
    """The text of a cell that can be stored; 0 is a value, None and NaN are not."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return str(value).strip().encode("utf-8", "replace").decode()  # half a surrogate pair, as JSON can carry


def as_options(value: object) -> tuple[tuple[str, ...], str]:
    """The options, and why they cannot be read where they cannot; a list may be written as text."""
    if isinstance(value, str) and value.strip():
        value = parsed_list(value)
        if value is None:
            return (), "options cannot be read"
    if value is None or isinstance(value, str):
        return (), ""
    if not isinstance(value, (list, tuple)) or any(isinstance(item, (list, tuple, dict)) for item in value):
        return (), "options cannot be read"
    options = tuple(cell(item) for item in value)
    return (options, "") if all(options) else ((), "an option is empty")


def parsed_list(text: str) -> list[Any] | None:
    """A list written as JSON or as a Python literal; None for anything else."""
    if len(text) > MAX_LIST_CHARS:
        return None
    for parse in (json.loads, ast.literal_eval):
        try:
            value = parse(text)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
        if isinstance(value, (list, tuple)):
            return list(value)
    return None


def image_cells(values: Iterable[Any]) -> tuple[Any, ...]:
    """Of several columns in order: an empty column holds none, a list as many as it is long."""
    cells: list[Any] = []
    for value in values:
        if isinstance(value, (list, tuple)):
            cells.extend(value)
        elif value is not None:
            cells.append(value)
    return tuple(cells)


def letter_of(text: str, options: Sequence[str]) -> str:
    """The letter of the one option with this text; empty where none or several have it."""
    held = [letter for letter, option in zip(LETTERS, options, strict=False) if option == text]
    return held[0] if len(held) == 1 else ""
