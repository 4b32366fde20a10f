"""The page's data as script files: a page opened from a disk may load scripts, yet may not fetch a file.

Each holds one call, `insightv.add(NAME, VALUE)`, whose value is JSON. Tables travel as columns and rows, and floats in
six digits, so that ten thousand rows stay small; right or wrong, question by question, travels as strings.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from insightv_bench.escape import visible
from insightv_bench.records import Record

from ..board import ComparableSet, counted

DIGITS = 6
ZERO = ord("0")


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


def outcomes(comparable: ComparableSet, rows: pl.DataFrame) -> dict[str, Any]:
    """What the page's paired tests read: `num_questions`, and for each system and arm: place of the system, arm, right,
    replies.

    The last two are strings, cluster by cluster (a question, or those of one group or image): of each the number of
    right replies, and of all, as a character from `0` on. One character of replies: every question has as many.
    """
    cells = counted(rows).group_by("label", "arm", "cluster").agg(right=pl.col("correct").sum(), num=pl.len())
    order = sorted(cells["cluster"].unique().to_list())
    place = pl.col("cluster").replace_strict(order, list(range(len(order))), return_dtype=pl.Int64)
    strings = []
    for (label, arm), cell in cells.with_columns(place=place).partition_by(["label", "arm"], as_dict=True).items():
        codes = np.full((2, len(order)), ZERO, dtype="<u4")
        codes[:, cell["place"].to_numpy()] += cell.select("right", "num").to_numpy().T.astype("<u4")
        right, num = (row.tobytes().decode("utf-32-le") for row in codes)
        strings.append([comparable.systems.index(str(label)), arm, right, num[0] if len(set(num)) == 1 else num])
    return {"num_questions": len(order), "systems": [visible(s) for s in comparable.systems], "cells": sorted(strings)}
