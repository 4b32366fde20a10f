"""Folders and files to the Hub and back, each at a pinned revision.

    commits.py    a commit on top of what is there; what the Hub says, as one clear line each
    scan.py       keys of the environment in what would be sent
    transfer.py   push and pull of a whole folder: a release, a model, results

It knows files and their checksums, and nothing of stages and rows.
"""

from __future__ import annotations

from .commits import Additions, Change, Made, Seen, commit, explained, snapshot
from .scan import as_files, guard_secrets
from .transfer import files_of, pull, push, release_in, resolve
