"""TODO face."""

from __future__ import annotations

from .export import write_files
from .terminal import NAME_WIDTH, print_board
from .text import percent, questions, short, visible
from .views import without_twins

__all__ = ["NAME_WIDTH", "print_board", "percent", "questions", "short", "visible", "without_twins", "write_files"]
