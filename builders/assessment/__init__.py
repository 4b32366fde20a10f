"""TODO face."""

from __future__ import annotations

from .groups import Assessed, assessed_by_question, judge_flawed, range_of, right_ones
from .judges import Judges
from .scores import Scored

__all__ = ["Assessed", "Judges", "Scored", "assessed_by_question", "judge_flawed", "range_of", "right_ones"]
