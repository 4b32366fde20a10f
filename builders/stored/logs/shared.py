"""What a reply of a log is, and what several readers use."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from insightv_bench.errors import SourceError
from insightv_bench.sources import cell
from insightv_bench.stages import Dropped

from ...sources import jsonl_rows

ID_KEYS = ("question_id", "id", "ID", "pid", "qid", "index", "idx", "sample_id", "problem_id")
"""What data sets call a row's own id."""
VERDICTS = ("acc", "exact_match", "accuracy", "correct", "is_correct", "hit", "score", "relaxed_overall")
"""What logs call their own verdict, the surest first."""
MAX_BYTES = 1024 * 1024 * 1024
"""Of a log that is one JSON value, and so read whole."""
Row = Mapping[str, Any]


class Logged(NamedTuple):
    """One reply of a log."""

    place: str
    """For a reader: the file and where in it."""
    reply: str
    """As it came; empty where the call failed."""
    reasoning: str = ""
    """A thought that stands apart from the reply."""
    ids: tuple[str, ...] = ()
    """What the log calls the question."""
    number: int | None = None
    """0-based place of the question's row in its source, where the log counts."""
    text: str = ""
    """All that the log has of the question: its text, its options, the prompt."""
    options: tuple[str, ...] | None = None
    """In the order in which they were shown; None: the log has them in its text alone."""
    recorded_right: bool | None = None
    """The log's own verdict; None where it has none that is right or wrong."""
    model: str = ""
    num_tokens: int = 0


def lines_of(file: Path) -> Iterator[tuple[str, Row | Dropped]]:
    """Each JSON line with its place; one that is no object is left out, and counted."""
    for number, row in enumerate(jsonl_rows(file), 1):
        yield f"{file.name}, row {number}", row


def verdict_of(value: Any) -> bool | None:
    """1, true, `C` and the like are right, 0, false, `I` and `N` wrong; anything between is neither."""
    if isinstance(value, str):
        word = value.strip().casefold()
        named = {"c": 1, "correct": 1, "true": 1, "yes": 1, "1": 1, "i": 0, "n": 0, "incorrect": 0, "false": 0, "no": 0}
        value = named.get(word, 0 if word in ("0", "0.0") else 1 if word == "1.0" else None)
    if isinstance(value, bool | int | float) and not (isinstance(value, float) and math.isnan(value)):
        return True if value == 1 else False if value == 0 else None
    return None


def recorded(row: Row, names: Sequence[str] = VERDICTS) -> bool | None:
    """The first verdict among these keys, or in an object that one of them holds."""
    for name in names:
        value = row.get(name)
        found = recorded(value) if isinstance(value, dict) else verdict_of(value)
        if found is not None:
            return found
    return None


def ids_in(row: Row) -> tuple[str, ...]:
    texts = (cell(row.get(key)) for key in ID_KEYS if not isinstance(row.get(key), dict | list))
    return tuple(dict.fromkeys(filter(None, texts)))


def words_of(value: Any, depth: int = 4) -> Iterator[str]:
    """Every text and number in a value, however it is nested; a long one that can be no question is passed over."""
    if isinstance(value, str):
        if len(value) < 100_000 and not value.startswith("data:"):
            yield value
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield cell(value)
    elif isinstance(value, dict) and depth:
        for part in value.values():
            yield from words_of(part, depth - 1)
    elif isinstance(value, list | tuple) and depth:
        for part in value:
            yield from words_of(part, depth - 1)


def listed(value: Any) -> tuple[str, ...] | None:
    """Options where a log has them as a list of texts; None for anything else."""
    if isinstance(value, list | tuple) and value and not any(isinstance(part, list | tuple | dict) for part in value):
        return tuple(map(cell, value))
    return None


def first_text(value: Any) -> str:
    """The first text of lists in lists; empty where there is none."""
    while isinstance(value, list | tuple) and value:
        value = value[0]
    return value if isinstance(value, str) else ""


def unlike(place: str, tool: str, missing: str) -> SourceError:
    return SourceError(
        f"{place}: no sample of {tool}: `{missing}` is missing",
        "name its tool with `format`, or its columns with `format: jsonl` and `columns`",
    )
