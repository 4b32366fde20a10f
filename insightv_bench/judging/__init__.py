"""TODO face."""

from __future__ import annotations

from .answer_filter import RULE, AnswerFilter, Settled, is_right
from .ask import REPAIR, Asked, ask_strictly

__all__ = ["AnswerFilter", "Asked", "REPAIR", "RULE", "Settled", "ask_strictly", "is_right"]
