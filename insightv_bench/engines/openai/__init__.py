"""TODO face."""

from __future__ import annotations

from .payload import encode
from .retries import Trouble
from .server import Server, revision_of

__all__ = ["Server", "Trouble", "encode", "revision_of"]
