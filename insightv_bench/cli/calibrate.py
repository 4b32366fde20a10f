"""The command `build calibrate`: a recipe's judge, or another one, against the oracle."""

from __future__ import annotations

import json
from pathlib import Path

from rich.console import Console

from insightv_bench.errors import RecipeError, SourceError
from insightv_bench.lazy import load_function
from insightv_bench.plan import plan
from insightv_bench.runs import needed, place, run, run_folder
from insightv_bench.settings import OpenAIEngine, Recipe, engine_of, load_recipe
from insightv_bench.storage import sha256

STAGE = "calibrate"


def overrides(recipe: str, judge: str, base_url: str, steps: Path | None) -> list[str]:
    """What the command's options set in the recipe. Raises RecipeError and SourceError."""
    if base_url and not judge:
        raise RecipeError("`--base-url` serves no judge", "name the model with `--judge`")
    changes = [] if load_recipe(recipe).calibrate else ["calibrate={}"]
    if judge:
        engine = OpenAIEngine(model=judge, base_url=base_url) if base_url else engine_of(judge)
        named = {name: getattr(engine, name) for name in ("kind", *engine.model_fields_set)}
        changes += [f"assess.engine={json.dumps(named)}", "assess.judge=engine"]
    if steps:
        changes += [
            "calibrate.step_scores=true",
            f"calibrate.steps={json.dumps(str(steps))}",
            f"calibrate.steps_sha256='{_sha256(steps)}'",
        ]
    return changes


def _sha256(file: Path) -> str:
    try:
        return sha256(file)
    except OSError as error:
        raise SourceError(f"`{file}` cannot be read: {error.strerror}") from error


def calibrate(recipe: Recipe, out: Path, console: Console) -> None:
    """Run the stage and print its figures."""
    run(recipe, out, STAGE)
    folder = run_folder(recipe, out)
    stages = place(recipe, folder, needed(plan(recipe), STAGE))
    load_function("builders.calibration.table:print_calibration")(stages[STAGE], console)
