"""TODO face."""

from __future__ import annotations

from .append_only import Appended, FileJournal, beneath, open_journal
from .calls import Entry, Reply, Request, Spent, plan_id, request_key
from .lines import JOURNALS, SQLITE, block_lines, read_lines, to_line, to_text
from .sqlite import Journal
from .totals import has_replied, run_stats, spent_of

__all__ = [
    "Appended",
    "Entry",
    "FileJournal",
    "JOURNALS",
    "Journal",
    "Reply",
    "Request",
    "SQLITE",
    "Spent",
    "beneath",
    "block_lines",
    "has_replied",
    "open_journal",
    "plan_id",
    "read_lines",
    "request_key",
    "run_stats",
    "spent_of",
    "to_line",
    "to_text",
]
