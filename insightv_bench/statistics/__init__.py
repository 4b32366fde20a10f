"""TODO face."""

from __future__ import annotations

from .column_sums import Sums, compare_sums, estimate_sums, excess, ratio, share_sums, sums_of
from .paired import CONFIDENCE, Comparison, Floats, Interval, accuracy, bootstrap, detectable_in, holm, paired, sentence
from .ranking import auroc, first_wrong_f1, spearman

__all__ = [
    "CONFIDENCE",
    "Comparison",
    "Floats",
    "Interval",
    "Sums",
    "accuracy",
    "auroc",
    "bootstrap",
    "compare_sums",
    "detectable_in",
    "estimate_sums",
    "excess",
    "first_wrong_f1",
    "holm",
    "paired",
    "ratio",
    "sentence",
    "share_sums",
    "spearman",
    "sums_of",
]
