"""Answers for the drawn world, with set error rates, in every seat.

paths.py   the reasoning and the summary agent
judge.py   the judge
"""

from __future__ import annotations

from .paths import Teacher
