"""Where questions come from.

world.py  the drawn world
table.py  rows of a table -> questions, or rows left out with a reason
files.py  parquet and JSON lines on disk, and pictures beside them
hub.py    data sets on the Hub, at a commit that the run keeps

What a row means is told by `insightv_bench.sources`.
"""

from __future__ import annotations

from .hub import read_hub
from .table import Table, read_local
from .world import read_world

__all__ = ["Table", "read_hub", "read_local", "read_world"]
