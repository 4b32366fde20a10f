"""TODO face."""

from __future__ import annotations

from .paths import Teacher

__all__ = ["Teacher"]
