"""A system's answers to a fixed set beside its answers to fresh questions of the same make: a gap is what memory gives.

The questions are other ones, so that the difference is of two independent shares: its interval is MOVER's of theirs
(Zou and Donner 2008, Stat. Med. 27, 1693-1702). One a system and fresh set, in the first main arm that it has in both.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Literal

from .records import ArmRow, ComparableSet, GapRow
from .systems import MAIN_ARMS

Outcome = Literal["higher", "lower", "tie"]
FRESH = re.compile(r"-fresh-\d{1,18}")


def gap_rows(sets: Sequence[ComparableSet], arms: Sequence[ArmRow]) -> list[GapRow]:
    """Empty where no fresh set stands beside its fixed one."""
    rows: dict[tuple[str, str, str], ArmRow] = {(row.set, row.system, row.arm): row for row in arms}
    pairs = [(fixed, fresh) for fresh in sets for fixed in sets if _is_fresh_of(fresh, fixed)]
    return [
        gap
        for fixed, fresh in pairs
        for system in fresh.systems
        if (gap := _gap(fixed.name, fresh.name, system, rows)) is not None
    ]


def _is_fresh_of(fresh: ComparableSet, fixed: ComparableSet) -> bool:
    """Whether one is a fresh draw of the other: task and version are alike but for the seed, and so is the reader."""
    if not FRESH.search(fresh.task_version) or FRESH.search(fixed.task_version) or fresh.parser != fixed.parser:
        return False
    return FRESH.sub("", fresh.task) == fixed.task and FRESH.sub("", fresh.task_version) == fixed.task_version


def _gap(fixed: str, fresh: str, system: str, rows: Mapping[tuple[str, str, str], ArmRow]) -> GapRow | None:
    for arm in MAIN_ARMS:
        one, other = rows.get((fixed, system, arm)), rows.get((fresh, system, arm))
        if one and other:
            difference = one.accuracy - other.accuracy
            low = difference - math.hypot(one.accuracy - one.low, other.high - other.accuracy)
            high = difference + math.hypot(one.high - one.accuracy, other.accuracy - other.low)
            outcome: Outcome = "tie" if low <= 0 <= high else "higher" if difference > 0 else "lower"
            return GapRow(
                set=fixed,
                fresh_set=fresh,
                system=system,
                arm=one.arm,
                fixed=one.accuracy,
                fresh=other.accuracy,
                difference=difference,
                low=low,
                high=high,
                n_fixed=one.num_questions,
                n_fresh=other.num_questions,
                outcome=outcome,
            )
    return None
