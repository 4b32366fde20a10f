"""Commands that run a recipe, or one of its stages with what it needs: run, build, train."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from typer.core import TyperGroup

from insightv_bench.errors import RecipeError

from .options import AllowKey, BaseUrl, DryRun, EngineName, JudgeName, Out, Set, engine_override

if TYPE_CHECKING:
    from insightv_bench.settings import Recipe


class StageVerbs(TyperGroup):
    """Beside its own commands one for each verb of the kinds of stages, which bring all settings: read when asked."""

    @cached_property
    def _of_kinds(self) -> dict[str, Any]:
        from insightv_bench.stages import KINDS

        verbs = typer.Typer(add_completion=False, rich_markup_mode=None)
        for kind in KINDS.values():
            for verb, about in kind.about.items() if kind.command.startswith(f"{self.name} ") else ():
                verbs.command(verb)(stage_command(f"{self.name} {verb}", about))
        return dict(typer.main.get_group(verbs).commands)

    def list_commands(self, ctx: Any) -> list[str]:
        return [*self._of_kinds, *self.commands]

    def get_command(self, ctx: Any, name: str) -> Any:
        return self.commands.get(name) or self._of_kinds.get(name)


build_app = typer.Typer(cls=StageVerbs, no_args_is_help=True, help="Make corpora: questions, paths, assess, corpora.")
train_app = typer.Typer(cls=StageVerbs, no_args_is_help=True, help="Make agents: base, reason, summary, dpo.")

RecipeName = Annotated[str, typer.Argument(metavar="RECIPE", help="A recipe's name, or a file that ends in .yaml.")]
Seed = Annotated[int | None, typer.Option("--seed", help="In place of the recipe's.")]
StageName = Annotated[str, typer.Option("--stage", help="Which of the recipe's stages, if not the first of this verb.")]
Data = Annotated[Path | None, typer.Option("--data", metavar="FILE", help="Where the recipe's parquet file lies.")]


def recipes() -> None:
    """The recipes that come with the package."""
    from insightv_bench.settings import recipe_names

    for name in recipe_names():
        typer.echo(name)


def run_command(
    recipe: RecipeName,
    out: Out = Path("runs"),
    seed: Seed = None,
    set_: Set = None,
    until: Annotated[str, typer.Option("--until", metavar="STAGE", help="Stop after this stage.")] = "",
    workers: Annotated[int | None, typer.Option("--workers", help="Stages at once; they need ~1 GB each.")] = None,
    engine: EngineName = "",
    allow_key: AllowKey = None,
    dry_run: DryRun = False,
    open_: Annotated[bool, typer.Option("--open", help="Open the page at the end, where there is a desktop.")] = False,
) -> None:
    """All stages of a recipe in order. Stop it at any time: the same command goes on."""
    from insightv_bench.runs import is_sweep

    overrides = [*(set_ or []), *([] if workers is None else [f"workers={workers}"]), *engine_override(engine)]
    loaded = _load(recipe, seed, overrides)
    if is_sweep(loaded, seed):
        sweep_to(recipe, seed, overrides, out, until, dry_run)
    else:
        run_to(loaded, out, until, dry_run, open_)


def sweep_to(name: str, seed: int | None, overrides: list[str], out: Path, until: str, dry_run: bool) -> None:
    """Every seed of every variant; the table over the seeds unless one of them was asked for."""
    from insightv_bench.plan import plan
    from insightv_bench.runs import expand, needed, run_sweep
    from insightv_bench.settings import load_recipe

    from .summary import print_plan

    groups = expand(name, overrides, seed)
    for recipe in [recipe for recipes in groups for recipe in recipes]:
        stages = needed(plan(recipe), until)  # what is wrong with any of them is said before the first begins
        if dry_run:
            print_plan(recipe, stages, out)
    if not dry_run:
        with_table = seed is None and bool(load_recipe(name, overrides).seeds)
        run_sweep(groups, out, until, with_table, typer.echo)


def run_to(recipe: Recipe, out: Path, until: str, dry_run: bool, open_: bool = False) -> None:
    from insightv_bench.plan import plan
    from insightv_bench.runs import needed, place, run, run_folder

    from .summary import open_page, print_plan, print_summary

    stages = needed(plan(recipe), until)
    if dry_run:
        print_plan(recipe, stages, out)
        return
    result = run(recipe, out, until)
    if any(stage.name == "leaderboard" for stage in stages):
        print_summary(result, Console(), recipe.agents)
        if open_:
            open_page(Path(result["page"]))
    else:
        _print_manifest(result)
    if stages[-1].makes == "model":
        folder = place(recipe, run_folder(recipe, out), stages)[until]
        beside = [name for name in ("training.jsonl", "curves.png") if (folder / name).exists()]
        typer.echo(f"\nModel  {folder / 'model'}" + (f"\nBeside it: {', '.join(beside)}" if beside else ""))
    if stages[-1].name == "release":
        from insightv_bench.hub import release_in

        made = release_in(place(recipe, run_folder(recipe, out), stages)["release"])
        typer.echo(f"\nRelease  {made}\nPush it: insightv-bench push {made} ORG/NAME")


def _print_manifest(manifest: dict[str, Any]) -> None:
    from insightv_bench.stages import KINDS, kind_of

    rows = f": {manifest['num_rows']:,} rows, {manifest['num_dropped']:,} dropped"
    is_training = KINDS[kind_of(manifest)].makes == "model"  # its rows stand in the totals
    typer.echo(manifest["stage"] + ("" if is_training else rows))
    for reason, num in sorted(manifest["dropped"].items()):
        typer.echo(f"  dropped, {reason}: {num:,}")
    for name, value in manifest["totals"].items():
        typer.echo(f"  {name}: {value}")


def _load(name: str, seed: int | None, overrides: list[str] | None) -> Recipe:
    from insightv_bench.settings import load_recipe

    more = [] if seed is None else [f"seed={seed}"]
    return load_recipe(name, [*(overrides or []), *more])


def stage_command(verb: str, about: str) -> Callable[..., None]:
    """A command that runs one stage of a recipe, and before it what it needs and is not there yet."""

    def command(
        recipe: RecipeName,
        out: Out = Path("runs"),
        seed: Seed = None,
        set_: Set = None,
        stage: StageName = "",
        data: Data = None,
        model: Annotated[str, typer.Option("--model", help="Who writes the paths: a model's folder or Hub id.")] = "",
        engine: EngineName = "",
        allow_key: AllowKey = None,
        dry_run: DryRun = False,
    ) -> None:
        overrides = [*(set_ or []), *_data(recipe, data), *_generator(model), *engine_override(engine)]
        loaded = _load(recipe, seed, overrides)
        run_to(loaded, out, stage or first_stage(loaded, verb), dry_run)

    command.__doc__ = about
    return command


def _data(recipe: str, data: Path | None) -> list[str]:
    from insightv_bench.settings import load_recipe

    names = load_recipe(recipe).questions if data else {}
    return [f"questions.{name}.path={json.dumps(str(data))}" for name in names]  # JSON is YAML, whatever the name holds


def _generator(model: str) -> list[str]:
    from insightv_bench.runs import reason_model

    if not model:
        return []
    engine = {"kind": "hf", "model": reason_model(model)}
    return [f"paths.engine={json.dumps(engine)}", "paths.mode=one-call"]


def first_stage(recipe: Recipe, verb: str) -> str:
    from insightv_bench.plan import plan

    stages = plan(recipe)
    for stage in stages:
        if stage.command == verb:
            return stage.name
    verbs = ", ".join(dict.fromkeys(f"`{stage.command}`" for stage in stages))
    raise RecipeError(f"recipe `{recipe.name}` has nothing to `{verb}`", f"it has {verbs}")


ATTACK = ["calibrate.attack=true"]


@build_app.command("calibrate")
def calibrate_command(
    recipe: Annotated[str, typer.Argument(metavar="[RECIPE]", help="Whose judge.")] = "calibrate",
    judge: JudgeName = "",
    base_url: BaseUrl = "",
    steps: Annotated[Path | None, typer.Option("--steps", metavar="FILE", help="Traces with labelled steps.")] = None,
    attack: Annotated[bool, typer.Option("--attack", help="Paths that address the judge, and their controls.")] = False,
    out: Out = Path("runs"),
    seed: Seed = None,
    set_: Set = None,
    allow_key: AllowKey = None,
    dry_run: DryRun = False,
) -> None:
    """A judge against the exact oracle: agreement, rank correlation, AUROC by flaw, with intervals."""
    from .calibrate import calibrate, overrides

    loaded = _load(recipe, seed, [*overrides(recipe, judge, base_url, steps), *ATTACK[:attack], *(set_ or [])])
    if dry_run:
        run_to(loaded, out, "calibrate", dry_run)
    else:
        calibrate(loaded, out, Console())
