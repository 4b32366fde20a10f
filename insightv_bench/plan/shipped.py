"""A plan with the agents that come with the package in the place of their trainings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from insightv_bench.settings import Recipe, ShippedAgent
from insightv_bench.shipped import agent_names, content_of
from insightv_bench.stages import Stage, TrainOptions

TRAIN, BOARD = "train-", "leaderboard"


def with_shipped(recipe: Recipe, stages: Sequence[Stage]) -> list[Stage]:
    """What the board needs where nothing is trained: systems whose agents are not shipped are left out of it."""
    if recipe.agents != "shipped":
        return list(stages)
    names = agent_names()
    kept: dict[str, Stage] = {}
    for stage in stages:
        agent = stage.name.removeprefix(TRAIN)
        if stage.makes == "model" and agent in names:
            kept[stage.name] = _taken(stage, agent)
        elif stage.name == BOARD:
            inputs = {role: name for role, name in stage.inputs.items() if name in kept}
            kept[stage.name] = replace(stage, inputs=inputs)
        elif stage.makes != "model" and all(name in kept for name in stage.inputs.values()):
            kept[stage.name] = stage
    return _before(kept, BOARD)


def _taken(stage: Stage, agent: str) -> Stage:
    told = stage.options
    options = TrainOptions(seat=told.seat, round=told.round) if isinstance(told, TrainOptions) else TrainOptions()
    settings = ShippedAgent(agent=agent, content=content_of(agent))
    return replace(stage, kind="shipped", settings=settings, inputs={}, options=options)


def _before(stages: dict[str, Stage], last: str) -> list[Stage]:
    """Those that `last` rests on, itself the last."""
    wanted = {last}
    for name in reversed(stages):
        if name in wanted:
            wanted |= set(stages[name].inputs.values())
    return [stage for name, stage in stages.items() if name in wanted]
