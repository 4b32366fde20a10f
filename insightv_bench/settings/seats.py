"""Who sits in a seat: a local model (a folder, a Hub id, one that a stage of the run makes) or one at a server.

A user writes a place, `openai:URL#NAME` for a server's, or an engine; from there on a seat is the engine.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from insightv_bench.errors import ModelError

from .engines import EngineSettings, HfEngine, ModelEngine, OpenAIEngine, PythonEngine, ServedEngine

SERVER, PYTHON = "openai:", "python:"
PLACE = re.compile(r"openai:(?P<url>https?://[^#\s]+)#(?P<name>\S+)")
STAGE_MODEL = "stage:"
"""Before the name of the stage that makes the model."""


def engine_of(place: Any, **options: Any) -> Any:
    """The engine behind a place; `options` are those of its kind. What is no text is returned as it is.

    Raises ModelError for a server that is misspelt.
    """
    if not isinstance(place, str):
        return place
    if place.startswith(PYTHON):
        return PythonEngine(kind="python", model=place.removeprefix(PYTHON), **options)
    if not place.startswith(SERVER):
        return HfEngine(kind="hf", model=place, **options)
    server = PLACE.fullmatch(place)
    if not server:
        raise ModelError(f"`{place}` names no model at a server", "write openai:http://HOST:PORT/v1#NAME")
    return OpenAIEngine(kind="openai", model=server["name"], base_url=server["url"], **options)


Seat = Annotated[ModelEngine, Field(discriminator="kind"), BeforeValidator(engine_of)]


def made_by(stage: str) -> HfEngine:
    """The model that a stage of the same run makes."""
    return HfEngine(kind="hf", model=STAGE_MODEL + stage)


def maker_of(seat: EngineSettings) -> str:
    """The stage that makes the model; empty for one from elsewhere."""
    if not isinstance(seat, HfEngine | ServedEngine) or not seat.model.startswith(STAGE_MODEL):
        return ""
    return seat.model.removeprefix(STAGE_MODEL)


def with_defaults(seat: ModelEngine, **defaults: Any) -> ModelEngine:
    """The seat with these options where it is a local model that says nothing of them itself."""
    if not seat.is_local:
        return seat
    return seat.model_copy(update={k: value for k, value in defaults.items() if k not in seat.model_fields_set})


def seat_name(seat: ModelEngine | str) -> str:
    """The model, as a board names it: no path of this machine stands on a page that others read."""
    model: str = engine_of(seat).model
    if isinstance(engine_of(seat), PythonEngine):
        return model.rpartition(":")[2]
    return folder_name(Path(model)) if Path(model).is_dir() else model


def folder_name(folder: Path) -> str:
    """A run keeps each model in `<stage>/model`; the stage's name says more."""
    whole = folder.resolve()
    return whole.parent.name if whole.name == "model" else whole.name


def is_server(place: str) -> bool:
    return place.startswith(SERVER)


def is_python(place: str) -> bool:
    return place.startswith(PYTHON)
