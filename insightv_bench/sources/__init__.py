"""What rows of known data sets mean: shared by corpora that are built from them and tasks that ask them.

drafts.py    which column holds what
readers.py   data sets that need no telling
rows.py      a draft -> a Question row
pictures.py  a picture's bytes, checked and where needed mended

Where the rows come from, a file or the Hub, is the matter of the rooms.
"""

from __future__ import annotations

from .drafts import Draft, Layout, by_columns, cell
from .pictures import BROKEN, MAX_BYTES, check_picture
from .rows import Origin, as_question, distinct, type_answer

__all__ = [
    "BROKEN",
    "Draft",
    "Layout",
    "MAX_BYTES",
    "Origin",
    "as_question",
    "by_columns",
    "cell",
    "check_picture",
    "distinct",
    "type_answer",
]
