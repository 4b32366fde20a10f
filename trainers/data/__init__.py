"""TODO face."""

from __future__ import annotations

from .collator import AssistantTurns
from .corpus import COMPLETIONS, LENGTH, PAIRS, columns_of, load_corpus
from .sampler import LikeLengths
from .selection import keep_rows, load_rows, mix_of, split

__all__ = [
    "AssistantTurns",
    "COMPLETIONS",
    "LENGTH",
    "LikeLengths",
    "PAIRS",
    "columns_of",
    "keep_rows",
    "load_corpus",
    "load_rows",
    "mix_of",
    "split",
]
