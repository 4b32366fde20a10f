"""Who sits in a seat: a model's folder or Hub id, or a name at a server, `openai:URL#NAME`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from insightv_bench.errors import ModelError

from .engines import HfEngine, OpenAIEngine

SERVER = "openai:"
PLACE = re.compile(r"openai:(?P<url>https?://[^#\s]+)#(?P<name>\S+)")
Seat = str | HfEngine | OpenAIEngine
"""A model's place, or its engine where more is said of it."""


def engine_of(seat: Seat, **options: Any) -> HfEngine | OpenAIEngine:
    """The engine behind a seat; `options` are those of its kind. Raises ModelError for a server that is misspelt."""
    if not isinstance(seat, str):
        return seat
    if not seat.startswith(SERVER):
        return HfEngine(model=seat, **options)
    found = PLACE.fullmatch(seat)
    if not found:
        raise ModelError(f"`{seat}` names no model at a server", "write openai:http://HOST:PORT/v1#NAME")
    return OpenAIEngine(model=found["name"], base_url=found["url"], **options)


def plain(seat: Seat) -> Any:
    """As a stage's options hold it: what tells one model from another, without how fast or how dear it is."""
    return seat if isinstance(seat, str) else seat.model_dump(mode="json")


def seat_name(seat: Seat) -> str:
    """The model, as a board names it: no path of this machine stands on a page that others read."""
    named = seat if isinstance(seat, str) and not seat.startswith(SERVER) else engine_of(seat).model
    return folder_name(Path(named)) if Path(named).is_dir() else named


def folder_name(folder: Path) -> str:
    """A run keeps each model in `<stage>/model`; the stage's name says more."""
    whole = folder.resolve()
    return whole.parent.name if whole.name == "model" else whole.name


def is_server(seat: Seat) -> bool:
    return isinstance(seat, OpenAIEngine) or (isinstance(seat, str) and seat.startswith(SERVER))
