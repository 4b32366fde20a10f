"""One interface to any model.

    base.py          what an engine is
    caller.py        asks an engine through the journal: many chains at once, nothing paid twice
    concurrency.py   how many requests at once a server takes, found out while it answers
    control_tokens.py  turns, images and ends of turn in what others wrote, made text
    costs.py         what replies took, and what a run may spend on one model
    hf/              local transformers, in batches from a fixed plan, in one process or several
    openai/          any OpenAI-compatible server
    served/          a model behind a server that the run starts itself
    custom.py        a class of the user's own, in a file or a package
    teacher/         answers for the drawn world, with set error rates

An engine knows no stage and no file of rows. To add one: the engine, its section in `settings`, its row in `ENGINES`.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from insightv_bench.settings import EngineSettings

from .base import BatchEngine, Engine, OneByOneEngine, Sent, is_address, label, public
from .caller import Caller, has_replies, spent_before
from .control_tokens import ControlTokens, cleared_for_server
from .costs import COSTS, Budget, Costs, Limits, costs_from, costs_of, figures_of, total
from .custom import find_class

ENGINES = {
    "teacher": "teacher:Teacher",
    "hf": "hf:local_model",
    "openai": "openai:Server",
    "python": "custom:custom_model",
    "served": "served:ServedModel",
}
"""What opens an engine, `package:name` in this one, by the `kind` of its settings: called with them and the scenes."""


def open_engine(settings: EngineSettings, scenes: Mapping[str, str] | None = None) -> Engine:
    """The engine that these settings name; `scenes` (image hash -> scene as JSON) is for the teacher alone."""
    package, _, name = ENGINES[settings.kind].partition(":")
    scenes = {} if scenes is None else scenes  # an empty table may be filled later
    engine: Engine = getattr(import_module(f".{package}", __name__), name)(settings, scenes)
    return engine
