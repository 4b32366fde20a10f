"""A path of two steps, and its text."""

from __future__ import annotations

from insightv_bench.protocol import render_path
from insightv_bench.records import Step

READ = Step(summary="Read the bars", reasoning="Red is 3, blue is 5.", action="continue")
ADD = Step(summary="Add", reasoning="3 + 5 = 8", action="summary")
STEPS = (READ, ADD)
PATH = render_path(STEPS, "8")
