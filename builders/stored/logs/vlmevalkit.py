"""VLMEvalKit: `<model>_<dataset>.xlsx`, `.tsv` or `.json`, and beside it a judge's `<stem>_<judge>_result.xlsx`.

Sets whose options are rotated repeat a question at index + 1,000,000 k: such a row's options stand in another order,
which is told by its own columns. A cell of a workbook holds at most 32,767 characters: a reply of that length was cut.
Pickles, which it writes where a table cannot be written, are never loaded.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from insightv_bench.chat import LETTERS
from insightv_bench.errors import SourceError, require
from insightv_bench.sources import cell
from insightv_bench.stages import Dropped
from insightv_bench.storage import first_line

from .shared import MAX_BYTES, Logged, Row, ids_in, recorded, unlike

FAILED = "Failed to obtain answer"
ROTATION = 1_000_000
CELL_CHARS = 32_767
RESULTS = "_result"
ENDINGS = (".xlsx", ".tsv", ".json")
MAX_ROWS = 5_000_000


def read_vlmevalkit(file: Path) -> Iterator[Logged | Dropped]:
    verdicts = _verdicts(file)
    for number, row in enumerate(table_rows(file), 1):
        place = f"{file.name}, row {number}"
        if "prediction" not in row:
            raise unlike(place, "VLMEvalKit", "prediction")
        yield _logged(place, row, file, verdicts)


def _logged(place: str, row: Row, file: Path, verdicts: dict[str, bool | None]) -> Logged | Dropped:
    reply, thought, index = cell(row.get("prediction")), cell(row.get("thinking")), _index(row.get("index"))
    if len(reply) >= CELL_CHARS:
        return Dropped(index or place, "reply cut off at the length of a workbook's cell")
    question, options = filled(row.get("question")), [filled(row.get(letter)) for letter in LETTERS]
    shown = tuple(option for option in options if option)
    ids = dict.fromkeys(filter(None, (index, str(int(index) % ROTATION) if index.isdigit() else "", *ids_in(row))))
    return Logged(
        place,
        "" if reply.startswith(FAILED) else reply,
        thought,
        ids=tuple(ids),
        text="\n".join(filter(None, (filled(row.get("hint")), question, *shown))),
        options=shown or None,
        recorded_right=verdicts.get(index, recorded(row, ("hit",))),
        model=_model(file, row),
    )


def _index(value: Any) -> str:
    """A workbook writes 3 as 3.0."""
    text = cell(value)
    return text.removesuffix(".0") if text.removesuffix(".0").isdigit() else text


def filled(value: Any) -> str:
    text = cell(value)
    return "" if text.casefold() == "nan" else text


def _model(file: Path, row: Row) -> str:
    """The folder above that of the run, or the one that the file stands in, where the file's name begins with it."""
    names = [parent.name for parent in islice(file.parents, 2) if parent.name and file.stem.startswith(parent.name)]
    return names[0] if names else file.stem.partition("_")[0]


def _verdicts(file: Path) -> dict[str, bool | None]:
    """By index, what a judge's table beside it says."""
    for ending in ENDINGS:
        for beside in sorted(file.parent.glob(f"*{RESULTS}{ending}")):
            if beside.name.startswith(f"{file.stem}_"):
                return {_index(row.get("index")): recorded(row, ("hit",)) for row in table_rows(beside)}
    return {}


def table_rows(file: Path) -> Iterator[dict[str, Any]]:
    """Raises SourceError for a table that cannot be read."""
    try:
        if file.suffix == ".xlsx":
            yield from _workbook(file)
        elif file.suffix == ".json":
            yield from _records(file)
        else:
            csv.field_size_limit(64 * 1024 * 1024)
            with file.open(encoding="utf-8", newline="") as handle:
                yield from islice(csv.DictReader(handle, delimiter="\t"), MAX_ROWS)
    except (OSError, ValueError, csv.Error, RecursionError) as error:
        raise SourceError(f"`{file}` cannot be read: {first_line(error)}") from error


def _records(file: Path) -> list[dict[str, Any]]:
    if file.stat().st_size > MAX_BYTES:
        raise SourceError(f"`{file}` is larger than {MAX_BYTES:,} bytes")
    content = json.loads(file.read_text(encoding="utf-8"))
    if not isinstance(content, list) or not all(isinstance(row, dict) for row in content):
        raise SourceError(f"`{file}` is no list of rows")
    return content


def _workbook(file: Path) -> Iterator[dict[str, Any]]:
    openpyxl = require("openpyxl", "logs", "a workbook (.xlsx)")
    from zipfile import BadZipFile

    try:
        book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
        rows = book.worksheets[0].iter_rows(values_only=True, max_row=MAX_ROWS)
        names = [cell(name) for name in next(rows, ())]
        for row in rows:
            yield dict(zip(names, row, strict=False))
    except (BadZipFile, KeyError, openpyxl.utils.exceptions.InvalidFileException) as error:
        raise SourceError(f"`{file}` is no workbook: {first_line(error)}") from error
