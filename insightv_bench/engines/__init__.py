"""One interface to any model.

    base.py      what an engine is
    caller.py    asks an engine through the journal: many chains at once, nothing paid twice
    teacher.py   answers for the drawn world, with set error rates
    hf.py        local transformers, in batches from a fixed plan
    openai.py    any OpenAI-compatible server; troubles.py what may go wrong there, and what is tried again
    pace.py      how many requests at once a server takes, found out while it answers
    wire.py      one server through the `openai` client; transport.py its HTTP, over aiohttp
    bodies.py    a request's JSON with its pictures, sent in slices
    images.py    pictures as data URLs, each encoded once
    parallel.py  a local model in several processes, as `accelerate launch` starts them
    budget.py    what a run may spend on one model

An engine knows no stage and no file of rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from insightv_bench.settings import EngineSettings, HfEngine, OpenAIEngine, TeacherEngine

from .base import BatchEngine, Engine, OneByOneEngine, label, public
from .budget import Budget, Limits
from .caller import Caller
from .costs import COSTS, Costs, costs_from, costs_of, figures_of, total

__all__ = [
    "BatchEngine",
    "Budget",
    "COSTS",
    "Caller",
    "Costs",
    "Engine",
    "Limits",
    "OneByOneEngine",
    "costs_from",
    "costs_of",
    "figures_of",
    "label",
    "open_engine",
    "public",
    "total",
]


def open_engine(settings: EngineSettings, scenes: Mapping[str, str] | None = None) -> Engine:
    """The engine that these settings name; `scenes` (image hash -> scene as JSON) is for the teacher alone."""
    engine: Any
    match settings:
        case TeacherEngine():
            from .teacher import Teacher

            engine = Teacher(settings, {} if scenes is None else scenes)
        case HfEngine():
            from .hf import LocalModel, Shared, is_team, on_own_device

            engine = LocalModel(on_own_device(settings) if is_team() else settings)
            engine = Shared(engine, settings) if is_team() else engine
        case OpenAIEngine():
            from .openai import Server

            engine = Server(settings)
    return engine
