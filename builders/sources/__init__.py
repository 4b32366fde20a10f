"""Tables of questions, wherever they lie.

table.py  rows of a table -> questions, or rows left out with a reason
files.py  parquet and JSON lines on disk, and images beside them
hub.py    data sets on the Hub, at a commit that the run keeps

What a row of a known data set means is told by `insightv_bench.sources`.
"""

from __future__ import annotations

from .files import Folder, jsonl_rows
from .hub import read_hub
from .table import Table, read_local
