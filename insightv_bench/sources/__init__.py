"""What rows of known data sets mean: shared by corpora that are built from them and tasks that ask them.

drafts.py    what a row says, and the columns that a table must have to say it
rows.py      a draft -> a Question row, its answer typed; or why it is none
images.py  an image's bytes, checked and where needed mended
rationales.py  the authors' own solution as the steps of a path
benchmarks/  one file a benchmark: its columns, its authors' prompt, an example row

Where the rows come from, a file or the Hub, is the matter of the rooms; it knows no settings, engines or stages.
"""

from __future__ import annotations

from .drafts import Draft, Layout, Row, as_options, cell, gold_of, image_cells, kept_letters, letter_of
from .images import BROKEN, MAX_BYTES, NO_IMAGE, TimedBytes, check_image, inline_image
from .rationales import GOLD, Part, Split, gold_path, rationale_of
from .rows import Origin, as_question, distinct, problem_with, type_answer
