"""TODO face."""

from __future__ import annotations

from .faults import Faults
from .server import ChatServer, Manners

__all__ = ["ChatServer", "Faults", "Manners"]
