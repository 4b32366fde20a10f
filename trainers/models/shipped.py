"""An agent that comes with the package, in the place of the training that made it. Nothing is trained."""

from __future__ import annotations

from insightv_bench.errors import require
from insightv_bench.settings import ShippedAgent
from insightv_bench.shipped import unpack
from insightv_bench.stages import MODEL, Context, TrainOptions


def shipped(context: Context[ShippedAgent, TrainOptions]) -> None:
    require("torch", "train", "a model")
    unpack(context.settings.agent, context.folder / MODEL)
    context.totals["model"] = context.settings.agent
