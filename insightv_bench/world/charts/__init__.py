"""TODO face."""

from __future__ import annotations

from .draw import draw_chart

__all__ = ["draw_chart"]
