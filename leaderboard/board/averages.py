"""Accuracy over all tasks: every task counts the same, whatever its number of questions.

Only shares of right answers are averaged, which are all of one scale. The interval is MOVER (Zou and Donner 2008, Stat.
Med. 27, 1693-1702), as the tasks' questions are other ones; two systems are compared by the sum of their differences
over that sum's standard deviation if each question's sign were a coin.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import numpy as np
import polars as pl

from .arms import counted
from .ranks import Pairs, Place, apart, better, normal_p, pairs, places_of
from .records import ArmRow, AverageRow, ComparableSet

Found = Sequence[tuple[ComparableSet, pl.DataFrame]]


def average_rows(sets: Found, arms: Sequence[ArmRow]) -> list[AverageRow]:
    """Of each arm the systems that have every task of it; none where there is one task, or a task has several sets."""
    tasks = [comparable.task for comparable, _ in sets]
    if len(tasks) < 2 or len(set(tasks)) < len(tasks):
        return []
    replies = {comparable.name: counted(rows) for comparable, rows in sets}
    return [row for arm in dict.fromkeys(row.arm for row in arms) for row in _of_arm(arm, arms, replies)]


def _of_arm(arm: str, arms: Sequence[ArmRow], replies: dict[str, pl.DataFrame]) -> list[AverageRow]:
    cells: dict[str, dict[str, ArmRow]] = {}
    for row in arms:
        if row.arm == arm:
            cells.setdefault(row.system, {})[row.set] = row
    sets = [name for name in replies if any(name in own for own in cells.values())]
    whole = {system: own for system, own in cells.items() if len(own) == len(sets)}
    if len(sets) < 2 or not whole:
        return []
    answers = [replies[name].filter(pl.col("arm") == arm) for name in sets]
    placed: dict[str, Place] = {}
    for systems in apart(list(whole), {row.system: row.twin_of for row in arms}):
        tested = [pairs(cell.filter(pl.col("label").is_in(systems)), systems) for cell in answers]
        difference, variance = (
            np.sum([getattr(one, name) for one in tested], axis=0) for name in ("difference", "variance")
        )
        summed = Pairs(difference, variance, normal_p(difference, variance))
        places = places_of([_mean(whole[system].values()) for system in systems], better(summed))
        placed.update(zip(systems, places, strict=True))
    return [_row(list(own.values()), placed[system]) for system, own in whole.items()]


def _mean(rows: Collection[ArmRow]) -> float:
    return sum(row.accuracy for row in rows) / len(rows)


def _row(rows: Sequence[ArmRow], place: Place) -> AverageRow:
    accuracy = _mean(rows)
    below = math.hypot(*(row.accuracy - row.low for row in rows)) / len(rows)
    above = math.hypot(*(row.high - row.accuracy for row in rows)) / len(rows)
    return AverageRow(
        **{name: getattr(rows[0], name) for name in ("system", "base", "round", "role", "twin_of", "arm")},
        sets=tuple(row.set for row in rows),
        accuracy=accuracy,
        low=max(0.0, accuracy - below),
        high=min(1.0, accuracy + above),
        n=sum(row.n for row in rows),
        **place._asdict(),
    )
