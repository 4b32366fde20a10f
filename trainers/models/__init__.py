"""TODO face."""

from __future__ import annotations

from .tiny import make_tiny

__all__ = ["make_tiny"]
