"""Which rows of a corpus are trained on, and how they reach TRL's trainers.

corpus.py     the rows of corpora as a data set with TRL's columns
lengths.py    how long each row is to the model, and which cannot be trained on
selection.py  the rows that are kept, decided once for every process; rows held out for validation
collator.py   no loss on what the user says between two turns of a completion

It knows of a method which columns it learns from, and nothing of its options.
"""

from __future__ import annotations

from ..trl import LENGTH
from .collator import AssistantTurns, ImagesInPlaces
from .corpus import COMPLETIONS, PAIRS, PROMPTS, columns_of, load_corpus
from .lengths import chat_text
from .selection import keep_rows, load_rows, mix_of, split
