"""TODO face."""

from __future__ import annotations

from .commits import Additions, Change, Made, Seen, commit, snapshot
from .errors import explained
from .transfer import files_of, pull, push, resolve

__all__ = [
    "Additions",
    "Change",
    "Made",
    "Seen",
    "commit",
    "explained",
    "files_of",
    "pull",
    "push",
    "resolve",
    "snapshot",
]
