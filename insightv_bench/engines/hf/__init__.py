"""TODO face."""

from __future__ import annotations

from .model import LocalModel, hash_folder, identity, load_model
from .processes import Shared, follow, is_first, is_team, num_processes, on_own_device, team
from .processors import load_processor

__all__ = [
    "LocalModel",
    "Shared",
    "follow",
    "hash_folder",
    "identity",
    "is_first",
    "is_team",
    "load_model",
    "load_processor",
    "num_processes",
    "on_own_device",
    "team",
]
