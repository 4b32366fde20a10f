"""What models were asked and what came back, kept as it comes and found again by key.

    calls.py        a request, its reply, and the key that a kept reply is found by
    sqlite.py       the journal of a run on one machine
    recover.py      what can be read of a damaged journal
    append_only.py  the journal of a run over a cluster, and what all journals of a run hold together

It knows no engine and no stage.
"""

from __future__ import annotations

from .append_only import (
    JOURNALS,
    SQLITE,
    Appended,
    FileJournal,
    Line,
    beneath,
    block_lines,
    has_replied,
    open_journal,
    read_lines,
    run_stats,
    spent_of,
    to_line,
    to_text,
)
from .calls import MAX_TOKENS, Entry, Reply, Request, Spent, plan_id, request_key
from .recover import Recovered, recover
from .sqlite import Journal
