"""One recipe several times: once for each of its seeds, in each of its variants, and the table over all of them.

Each is a run like any other, in a folder of its own; those that are finished are passed over at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from insightv_bench.lazy import load_function
from insightv_bench.plan import plan
from insightv_bench.settings import Recipe, load_recipe

from .run import needed, run, run_folder

TABLE = "leaderboard.ablations:write_ablations"
"""`write(runs, out) -> file`: what the run folders hold together, written into the folder `out`."""


def is_sweep(recipe: Recipe, seed: int | None) -> bool:
    """Whether the recipe asks for more than one run. `seed` is the one that was asked for in place of all."""
    return bool(recipe.variants or (recipe.seeds and seed is None))


def expand(name: str, overrides: Sequence[str] = (), seed: int | None = None) -> list[list[Recipe]]:
    """The runs of each variant (or of the recipe, if it has none), by seed. Raises RecipeError."""
    recipe = load_recipe(name, list(overrides))
    seeds = recipe.seeds if seed is None and recipe.seeds else (recipe.seed if seed is None else seed,)
    return [
        [load_recipe(name, [*overrides, f"seed={seed}"], variant) for seed in seeds]
        for variant in recipe.variants or [""]
    ]


def run_sweep(
    groups: Sequence[Sequence[Recipe]], out: Path, until: str, with_table: bool, say: Callable[[str], None]
) -> None:
    """One run after another; `with_table`: then the table over the seeds of each variant."""
    for recipes in groups:
        for recipe in recipes:
            result = run(recipe, out, until)
            what = f"page {result['page']}" if "page" in result else f"{result['stage']} is done"
            say(f"{run_folder(recipe, out)}: {what}")
        if with_table and needed(plan(recipes[0]), until)[-1].name == "leaderboard":
            folders = [run_folder(recipe, out) for recipe in recipes]
            say(f"Table    {load_function(TABLE)(folders, out / recipes[0].name)}")
