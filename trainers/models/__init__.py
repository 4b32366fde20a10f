"""The base that both agents start from.

tiny.py        a standard architecture from a config, with a tokenizer made here
pretrained.py  a folder or a Hub id, as the stage `train-base`
phrases.py     one from nothing with more of the drawn world's phrases, for an agent that starts from it
processor.py   its processor, left beside trained weights
shipped.py     an agent that comes with the package, in the place of a training

It trains nothing.
"""

from __future__ import annotations

from .phrases import with_new_phrases
from .processor import save_processor
from .tiny import make_tiny
