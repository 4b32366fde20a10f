"""What `eval` was asked for -> recipes, one a task; each is run, and scores of several tasks are never averaged.

A task of the drawn world is its fixed test set, or a fresh one; any other is read by lm-eval.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, count
from pathlib import Path
from typing import Any, NamedTuple

import typer
from pydantic import ValidationError
from rich.console import Console

from insightv_bench.errors import RecipeError
from insightv_bench.lazy import load_function
from insightv_bench.plan import plan
from insightv_bench.runs import find_seats, needed, place, run, run_folder, run_name, slug, summary_model, told_apart
from insightv_bench.settings import (
    HfEngine,
    OpenAIEngine,
    PythonEngine,
    Recipe,
    TaskSource,
    WorldSource,
    is_python,
    is_server,
    load_recipe,
)
from insightv_bench.stages import EvalOptions, Stage
from insightv_bench.world import LEVELS, NUM_TEST, SEED, fresh_level

DRAWN = {f"insightv_{level}": level for level in LEVELS}
"""Tasks of the drawn world, by level."""
DEFAULT = "insightv_full"
RECIPE = "eval"
GEN_KWARGS = {
    "temperature": "temperature",
    "top_p": "top_p",
    "repetition_penalty": "repetition_penalty",
    "max_gen_toks": "max_new_tokens",
    "max_new_tokens": "max_new_tokens",
}
"""lm-eval's names, and ours."""
LM_EVAL, BOARD = "lm-eval", "leaderboard"


class Asked(NamedTuple):
    """One command."""

    recipe: str
    tasks: tuple[str, ...]
    models: tuple[str, str, str]
    """For all seats, for the reasoning agent's, for the summary agent's; empty where not named."""
    summaries: tuple[str, ...]
    """More summary agents under test, given the same paths."""
    model_args: Mapping[str, Any]
    gen_kwargs: Mapping[str, Any]
    limit: int | None
    seed: int | None
    fresh_seed: int | None
    batch_size: int | None
    include_path: str
    data: Path | None
    overrides: tuple[str, ...]


def evaluate_all(asked: Asked, out: Path, output_path: Path | None, log_samples: bool, dry_run: bool) -> None:
    """One run a task. Raises RecipeError where a task, a model or an option is wrong, before any of them begins."""
    recipes = [told_apart(recipe, out) if any(asked.models) else recipe for recipe in recipes_of(asked)]
    for recipe in recipes:
        _run(recipe, out, output_path, log_samples, dry_run)
    if len(recipes) > 1 and not dry_run:
        folders = " ".join(str(run_folder(recipe, out)) for recipe in recipes)
        typer.echo(f"\nAll of them on one page: insightv-bench leaderboard build {folders}")


def _run(recipe: Recipe, out: Path, output_path: Path | None, log_samples: bool, dry_run: bool) -> None:
    from .summary import manner_line, print_plan, print_summary

    if recipe.eval:
        named = [seat for seat in recipe.model_seats.values() if not isinstance(seat, PythonEngine)]
        seats = {manner_line(seat, recipe.eval) for seat in named if seat.profile}
        typer.echo("".join(f"{line}\n" for line in sorted(seats)), nl=False)  # told by its name: say so, and how
    stages = needed(plan(recipe), BOARD)  # of a recipe that makes corpora as well only what its evaluation needs
    if dry_run:
        print_plan(recipe, stages, out)
        return
    print_summary(run(recipe, out, BOARD), Console())
    folders = place(recipe, run_folder(recipe, out), stages)
    compare_askings(stages, folders)
    if output_path:
        evaluations = [folders[stage.name] / LM_EVAL for stage in stages if stage.makes == "evaluation"]
        for folder in evaluations:
            copy_results(folder, output_path, log_samples)
        typer.echo(f"lm-eval's result files: {output_path}")


def compare_askings(stages: Sequence[Stage], folders: Mapping[str, Path]) -> None:
    """Each further way of asking one model against the first, paired."""
    from insightv_bench.results import load, parse_name

    from .compare_table import print_comparison
    from .results import console

    told = [(stage, stage.options) for stage in stages if isinstance(stage.options, EvalOptions)]
    by_system = {options.system: folders[stage.name] for stage, options in told}
    for stage, options in told:
        if options.asked_as in by_system:
            first, other = by_system[options.asked_as], folders[stage.name]
            typer.echo("")
            print_comparison(load(parse_name(str(first), None)), load(parse_name(str(other), None)), console())


def copy_results(folder: Path, output_path: Path, log_samples: bool) -> None:
    """lm-eval's files as lm-eval lays them out: a folder a model, results and, where asked for, samples in it."""
    for file in sorted(folder.rglob("*.json*")):
        if log_samples or not file.name.startswith("samples_"):
            target = output_path / file.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)


def recipes_of(asked: Asked) -> Iterator[Recipe]:
    others = [task for task in asked.tasks if task not in DRAWN]
    if others:
        load_function("evals.harness.task_questions:check_tasks")(others, asked.include_path)
    if asked.recipe:
        yield _of_recipe(asked)
        return
    for task in asked.tasks or (DEFAULT,):
        yield _of_task(asked, task)


def _of_recipe(asked: Asked) -> Recipe:
    """A recipe's own questions."""
    task = slug(Path(asked.recipe).stem)
    known = load_recipe(asked.recipe)
    if asked.fresh_seed is not None:
        raise RecipeError("`--fresh-seed` makes questions of its own", "leave the recipe out, or its seed: --set")
    mine = [f"questions.{name}.path={json.dumps(str(asked.data))}" for name in known.questions if asked.data]
    if asked.limit and known.eval:
        source = known.questions[known.eval.questions]
        key = "num" if isinstance(source, WorldSource) else "limit"
        mine.append(f"questions.{known.eval.questions}.{key}={asked.limit}")
    return _loaded(asked, asked.recipe, task, task, mine)


def _of_task(asked: Asked, task: str) -> Recipe:
    mine: dict[str, Any] = {}
    if task in DRAWN:
        if asked.data:
            raise RecipeError(f"the questions of `{task}` are drawn", "leave `--data` out")
        level = fresh_level(DRAWN[task], asked.fresh_seed)
        mine["world"] = {"level": level.level, "name": level.name}
        source: Any = WorldSource(split="test", num=asked.limit or NUM_TEST, seed=SEED, fixed=True)
        name = f"drawn-{level.name}"
    else:
        if asked.fresh_seed is not None:
            raise RecipeError(f"`--fresh-seed` is for the drawn world; `{task}` is a fixed set", "leave it out")
        data = str(asked.data or "")
        source = TaskSource(source="task", task=task, include_path=asked.include_path, data=data, limit=asked.limit)
        name = slug(task)
    mine["questions.test"] = source.model_dump(mode="json")
    return _loaded(asked, RECIPE, name, task, [f"{key}={json.dumps(value)}" for key, value in mine.items()])


def _loaded(asked: Asked, recipe: str, name: str, task: str, mine: list[str]) -> Recipe:
    """The recipe with all that the command says of models, sampling and names."""
    named = [*mine, *_sampling(asked), *_models(asked)]
    if any(asked.models):
        system = _system_name(asked.models)
        named += [f'task="{task}"', f'system="{system}"', f'name="{name}-{system}"']
    if asked.seed is not None:
        named.append(f"seed={asked.seed}")
    loaded = load_recipe(recipe, [*named, *asked.overrides])
    if not (loaded.model_seats or loaded.base):
        raise RecipeError(f"recipe `{recipe}` makes no model to evaluate", "name one with `--model`")
    if loaded.eval and loaded.system in loaded.eval.summaries:
        raise RecipeError(f"two systems are called `{loaded.system}`", "give the one in `eval.summaries` another name")
    return loaded


def _system_name(models: tuple[str, str, str]) -> str:
    return slug("-".join(run_name(model) for model in models if model))


def _sampling(asked: Asked) -> Iterator[str]:
    """`--gen_kwargs` of every arm; `do_sample=false` is temperature 0."""
    given = dict(asked.gen_kwargs)
    if given.pop("do_sample", True) is False:
        given["temperature"] = 0.0
    for key, value in given.items():
        if key not in GEN_KWARGS:
            raise RecipeError(f"`--gen_kwargs` has no key `{key}`", f"it takes do_sample, {', '.join(GEN_KWARGS)}")
        for part in ("path_sampling", "answer_sampling"):
            yield f"eval.{part}.{GEN_KWARGS[key]}={json.dumps(value)}"
    if asked.batch_size:
        yield f"eval.batch_size={asked.batch_size}"


def _models(asked: Asked) -> Iterator[str]:
    """Each seat's model; with `--model_args` its engine, whose options they are."""
    if not any(asked.models):
        if asked.model_args:
            raise RecipeError("`--model_args` are options of the models that are named", "name one with `--model`")
        return
    for seat, model in find_seats(*asked.models).items():
        yield f"model_seats.{seat}={json.dumps(_seat(model, asked))}"
    if asked.summaries:
        yield f"eval.summaries={json.dumps(_summaries(asked))}"


def _summaries(asked: Asked) -> dict[str, Any]:
    """By the name on the board: the other seats' models and its own, and a number where two models go by one name."""
    seats: dict[str, Any] = {}
    taken = {_system_name(asked.models)}
    for model in asked.summaries:
        name = _system_name((*asked.models[:2], model))
        name = next(each for each in chain([name], (f"{name}-{number}" for number in count(2))) if each not in taken)
        taken.add(name)
        seats[name] = _seat(summary_model(model), asked)
    return seats


def text_options() -> frozenset[str]:
    """Options of an engine that are text: a revision may be called `1`."""
    fields = [*HfEngine.model_fields.items(), *OpenAIEngine.model_fields.items()]
    return frozenset(name for name, field in fields if field.annotation in (str, str | None))


def _seat(model: str, asked: Asked) -> str | dict[str, Any]:
    if not asked.model_args and not (is_server(model) or is_python(model)):
        return model
    kind = OpenAIEngine if is_server(model) else PythonEngine if is_python(model) else HfEngine
    from insightv_bench.settings import engine_of

    batch = {"batch_size": asked.batch_size} if asked.batch_size and kind is HfEngine else {}
    own: dict[str, Any] = {"dtype": "auto", **batch} if kind is HfEngine else {}
    try:
        engine = engine_of(model, **{**own, **asked.model_args})
    except (ValidationError, TypeError) as error:
        raise RecipeError(f"`--model_args`: {_words(error)}", f"it takes {', '.join(kind.model_fields)}") from error
    return {name: getattr(engine, name) for name in {"kind", *engine.model_fields_set}}


def _words(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"`{'.'.join(map(str, first['loc']))}`: {first['msg']}"
    return str(error)
