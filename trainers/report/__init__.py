"""What a training leaves for a reader.

model_card.py  the card beside the weights: on what, how and from what it was trained
curves.py      a figure of what was logged

It computes no figure of its own.
"""

from __future__ import annotations

from .curves import draw_curves
from .model_card import write_card
