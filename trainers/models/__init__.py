"""The base that both agents start from.

tiny.py        a standard architecture from a config, with a tokenizer made here
pretrained.py  a folder or a Hub id, as the stage `train-base`

It trains nothing.
"""

from __future__ import annotations

from .tiny import make_tiny
