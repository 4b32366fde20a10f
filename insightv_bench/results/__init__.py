"""TODO face."""

from __future__ import annotations

from .compare import Compared, CurvePairing, FigurePairing, Pairing, compare
from .equal_tokens import equal_tokens
from .load import Results, evaluations, load, parse_name
from .outcomes import OUTCOMES, counted, outcomes, tokens_a_right_answer
from .rescore import NO_VERDICT, Change, by_arm, counts, num_kept_votes, read_again, rescored
from .robustness import MEANINGS, Measure, all_flaws, curve, measured
from .rows import HINT, SEPARATOR, row_files, scan, with_planted

__all__ = [
    "Change",
    "Compared",
    "CurvePairing",
    "FigurePairing",
    "HINT",
    "MEANINGS",
    "Measure",
    "NO_VERDICT",
    "OUTCOMES",
    "Pairing",
    "Results",
    "SEPARATOR",
    "all_flaws",
    "by_arm",
    "compare",
    "counted",
    "counts",
    "curve",
    "equal_tokens",
    "evaluations",
    "load",
    "measured",
    "num_kept_votes",
    "outcomes",
    "parse_name",
    "read_again",
    "rescored",
    "row_files",
    "scan",
    "tokens_a_right_answer",
    "with_planted",
]
