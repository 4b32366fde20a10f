"""TODO face."""

from __future__ import annotations

from .draw import Figure, draw_figures

__all__ = ["Figure", "draw_figures"]
