"""The logs of evaluations that others ran, one tool a file, as replies that say which question they answer.

shared.py       what a reply of a log is, and what several readers use
lm_eval.py      lm-eval's `samples_*.jsonl`
lmms_eval.py    lmms-eval's `*_samples_*.jsonl`
vlmevalkit.py   VLMEvalKit's tables, `.xlsx`, `.tsv` or `.json`
inspect_ai.py   inspect's logs, `.json` and `.eval`
every_eval.py   Every Eval Ever's `*_samples.jsonl`
plain.py        JSON lines by a map of their columns
files.py        which files of a place are logs, and of which tool

A log is data: nothing in it is run, and what it holds that is too large is an error. Formats were read in November
2026; a tool's later version that writes otherwise is told by the keys that are missing.
"""

from __future__ import annotations

from .files import read_log
from .shared import Logged
