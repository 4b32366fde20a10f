"""TODO face."""

from __future__ import annotations

from .curves import draw_curves
from .model_card import write_card

__all__ = ["draw_curves", "write_card"]
