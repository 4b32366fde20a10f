"""TODO face."""

from __future__ import annotations

from .cluster import goes_over
from .stages import plan

__all__ = ["goes_over", "plan"]
