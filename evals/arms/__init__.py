"""TODO face."""

from __future__ import annotations

from .best_of import best_of
from .blank import blanks
from .changed import change
from .columns import TURNS
from .documents import Given, docs, exact_text

__all__ = ["Given", "TURNS", "best_of", "blanks", "change", "docs", "exact_text"]
