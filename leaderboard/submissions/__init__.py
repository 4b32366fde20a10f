"""TODO face."""

from __future__ import annotations

from .verify import Verdict

__all__ = ["Verdict"]
