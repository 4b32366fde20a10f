"""Functions of the rooms by name, imported when they are used."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any


def load_function(name: str) -> Callable[..., Any]:
    """`room.module:function`; rooms are named as strings, so that nothing of them is loaded before it is used."""
    module, _, attribute = name.partition(":")
    found: Any = import_module(f"insightv_bench.{module}")
    for part in attribute.split("."):
        found = getattr(found, part)
    return found
