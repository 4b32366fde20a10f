"""A model as judge: whether an answer is the gold one, and replies in a strict format.

    answer_filter.py   by rule, and by a model where the rule cannot settle it
    ask.py             ask, read, say what was wrong, ask again

It knows no stage; what a judge is asked and how its reply is read is `protocol`'s matter.
"""

from __future__ import annotations

from .answer_filter import RULE, AnswerFilter, Found, Settled, is_right
from .ask import REPAIR, Asked, ask_strictly
