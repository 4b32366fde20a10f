"""Paths judged: an answer filter, then scores 1-100 for the paths whose answer is right.

stage.py            the stage, and the rule for one path
judges.py           the models that assess
groups.py           paths with their questions and verdicts, by question; a score as high, mid or low
position_effect.py  whether a judge of several paths favours a place

It knows no corpus.
"""

from __future__ import annotations

from .groups import Assessed, assessed_by_question, judge_flawed, range_of, right_ones, score_range
from .judges import Judges, Scored
