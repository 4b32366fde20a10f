"""Right or wrong, question by question, of every system and arm: what the page's paired tests read.

A system's arm is one string: the number of right replies to each question as a character from `0` on, in the order of
the questions' ids; and the same of replies in all. A question without a reply has `0` of both.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from ..board import ComparableSet, counted
from ..tables import visible

ZERO = ord("0")


def outcomes(found: ComparableSet, rows: pl.DataFrame) -> dict[str, Any]:
    """`num_questions`, and for each system and arm: place of the system, arm, right, replies.

    The last is one character where every question has as many replies.
    """
    cells = counted(rows).group_by("label", "arm", "question_id").agg(right=pl.col("correct").sum(), num=pl.len())
    order = sorted(cells["question_id"].unique().to_list())
    place = pl.col("question_id").replace_strict(order, list(range(len(order))), return_dtype=pl.Int64)
    told = cells.with_columns(place=place)
    made = []
    for (label, arm), cell in told.partition_by(["label", "arm"], as_dict=True).items():
        right, num = (_string(cell["place"], cell[name], len(order)) for name in ("right", "num"))
        made.append([found.systems.index(str(label)), arm, right, num[0] if len(set(num)) == 1 else num])
    return {"num_questions": len(order), "systems": [visible(s) for s in found.systems], "cells": sorted(made)}


def _string(places: pl.Series, counts: pl.Series, length: int) -> str:
    codes = np.full(length, ZERO, dtype="<u4")
    codes[places.to_numpy()] = ZERO + counts.to_numpy().astype("<u4")
    return codes.tobytes().decode("utf-32-le")
