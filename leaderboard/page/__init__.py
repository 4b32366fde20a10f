"""TODO face."""

from __future__ import annotations

from .build import write_page

__all__ = ["write_page"]
