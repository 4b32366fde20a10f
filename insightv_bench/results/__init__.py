"""TODO face."""

from __future__ import annotations

from .compare_table import as_json, print_comparison
from .load import evaluations, load, parse_name
from .outcomes import counted
from .rescore import NO_VERDICT, Change, by_arm, counts, num_kept_votes, read_again, rescored
from .robustness import MEANINGS, Measure, all_flaws, curve, measured
from .rows import HINT, SEPARATOR, row_files, scan, with_planted

__all__ = [
    "Change",
    "HINT",
    "MEANINGS",
    "Measure",
    "NO_VERDICT",
    "SEPARATOR",
    "all_flaws",
    "as_json",
    "by_arm",
    "counted",
    "counts",
    "curve",
    "evaluations",
    "load",
    "measured",
    "num_kept_votes",
    "parse_name",
    "print_comparison",
    "read_again",
    "rescored",
    "row_files",
    "scan",
    "with_planted",
]
