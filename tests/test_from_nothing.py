"""Recipes whose model is made from nothing: base, agent and a round take a few steps with the recipe's own settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from training_stages import QUICK, corpus, first_step, losses, manifest, pairs, train

from insightv_bench.engines.hf import load_model
from insightv_bench.settings import HfEngine, load_recipe
from insightv_bench.world import sample_lessons

STEPS = {**QUICK, "max_steps": 2, "warmup_steps": 0, "lr_scheduler_type": "constant", "lr_scheduler_kwargs": {}}
"""The recipes' schedules are for thousands of steps: of two, the rate would be next to nothing."""
ROWS = 24


def a_few_steps(settings: Any) -> Any:
    """The recipe's own training, but for its length, its schedule and its rows a step."""
    return settings.model_copy(update={"trainer": {**settings.trainer, **STEPS}})


@pytest.mark.parametrize("name, millions", [("tiny", 1.3), pytest.param("small", 13.2, marks=pytest.mark.slow)])
def test_a_recipe_trains_base_agent_and_round_from_nothing(tmp_path: Path, name: str, millions: float) -> None:
    recipe = load_recipe(name)
    assert recipe.base and recipe.reason and recipe.summary and recipe.rounds and recipe.lessons
    rows = list(sample_lessons(recipe.world, recipe.seed, ROWS, recipe.lessons.mix))
    lessons = corpus(tmp_path, "lessons", rows)
    settings = a_few_steps(recipe.base)
    base = train(tmp_path, "base", settings, {"lessons": lessons}, "train-base", recipe.base.model)
    assert manifest(base)["totals"]["num_parameters"] == pytest.approx(millions * 1e6, rel=0.05)
    assert losses(base)[-1] < losses(base)[0]

    inputs = {"train-base": base, "corpora-reasoning": corpus(tmp_path, "corpora-reasoning", rows)}
    reason = train(tmp_path, "sft", a_few_steps(recipe.reason), inputs, base=recipe.base.model)
    assert losses(reason)[0] < losses(base)[0]
    assert manifest(reason)["totals"]["num_frozen"] > 0  # the tower has learnt to see in the base's lessons
    model, processor = load_model(HfEngine(model=str(reason / "model"), device="cpu"))
    assert processor.image_processor.size["height"] == recipe.shape.image_side

    made = corpus(tmp_path, "corpora-preference-1", pairs(rows))
    inputs = {"train-reason": reason, "corpora-preference-1": made, "first": reason}
    settings = a_few_steps(recipe.rounds.dpo)
    dpo = train(tmp_path, "dpo", settings, inputs, "train-dpo-1", recipe.base.model)
    assert first_step(dpo)["rewards/margins"] == pytest.approx(0, abs=4e-3)  # it starts at its reference
    assert manifest(dpo)["totals"]["num_steps"] == 2
