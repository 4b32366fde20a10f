"""What each arm shows and asks, as documents: plain dicts that `harness` makes a task of. Knows nothing of lm-eval.

documents.py   the documents of every arm, and blank images
columns.py     what a document says of the path that it shows
changed.py     paths that are shown changed
cut.py         beginnings of paths, right ones and with a flawed step at their end
best_of.py     the best of several paths, by a judge
"""

from __future__ import annotations

from .best_of import best_of
from .changed import change
from .columns import TURNS, asked_columns, exact_text
from .documents import Given, blanks, docs, prepare
