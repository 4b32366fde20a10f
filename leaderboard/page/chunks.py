"""The page's data as script files: a page opened from a disk may load scripts, yet may not fetch a file.

Each holds one call, `insightv.add(NAME, VALUE)`, whose value is JSON. Tables travel as columns and rows, and floats in
six digits, so that ten thousand rows stay small.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from insightv_bench.records import Record

from ..tables import visible

DIGITS = 6


def write_chunk(folder: Path, name: str, value: Any) -> None:
    """One script file. `name` is ours, the value may hold anybody's text."""
    (folder / f"{name}.js").write_text(f"insightv.add({json.dumps(name)}, {inert(value)});\n", encoding="utf-8")


def inert(value: Any) -> str:
    """JSON in which no `<`, `>` or `&` stands as such, nor what JavaScript once took for the end of a line."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def as_table(rows: Sequence[Record], left_out: Sequence[str] = ()) -> dict[str, Any]:
    """`columns` and `rows`; whatever columns a row type has or will have."""
    columns = [name for name in type(rows[0]).model_fields if name not in left_out] if rows else []
    return {"columns": columns, "rows": [[_cell(getattr(row, name)) for name in columns] for row in rows]}


def _cell(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, DIGITS) if math.isfinite(value) else None
    if isinstance(value, Record):
        return {name: _cell(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, tuple | list):
        return [_cell(one) for one in value]
    if isinstance(value, dict):  # as pairs: in a script `__proto__` is no key like others
        return [[visible(str(key)), _cell(one)] for key, one in value.items()]
    return visible(value) if isinstance(value, str) else value
