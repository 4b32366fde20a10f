"""Which trainings of a plan are watched, and on what: validation questions, and for a summary agent paths of them.

Watched are the agents and their rounds. A control is trained as long as the plan says, so nothing may stop it early.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from insightv_bench.errors import RecipeError
from insightv_bench.settings import (
    HfEngine,
    HubSource,
    PathsSettings,
    Recipe,
    Source,
    TrainSettings,
    WatchSettings,
    WorldSource,
)
from insightv_bench.stages import Stage, TrainOptions

from .names import by_model, model_of_round, paths_stage, questions_stage, summary_of_round

QUESTIONS, PATHS = "questions-validation", "paths-validation"


def with_watched(recipe: Recipe, stages: Sequence[Stage]) -> list[Stage]:
    """Raises RecipeError where there is nothing to watch on."""
    names = {stage.name for stage in stages}
    agents = names & _agents(recipe)
    watched = {stage.name: watch for stage in stages if stage.name in agents and (watch := _watch(stage))}
    made: list[Stage] = []
    for stage in stages:
        if stage.name in watched:
            known = names | {one.name for one in made}
            made += [one for one in _needed(recipe, stage, list(watched.values())) if one.name not in known]
            made.append(replace(stage, inputs={**stage.inputs, **_inputs(stage)}))
        elif _watch(stage):
            made.append(replace(stage, settings=stage.settings.model_copy(update={"watch": None})))
        else:
            made.append(stage)
    return made


def _agents(recipe: Recipe) -> set[str]:
    rounds = recipe.rounds
    numbers = range(1, rounds.num + 1) if rounds else ()
    trained = {model_of_round(recipe, number, rounds.kind) for number in numbers} if rounds else set()
    return {"train-reason", "train-summary", *trained, *(summary_of_round(recipe, number) for number in numbers)}


def _watch(stage: Stage) -> WatchSettings | None:
    return stage.settings.watch if isinstance(stage.settings, TrainSettings) else None


def _of_summary(stage: Stage) -> bool:
    return isinstance(stage.options, TrainOptions) and stage.options.seat == "summary"


def _inputs(stage: Stage) -> dict[str, str]:
    return {"watched-questions": QUESTIONS, **({"watched-paths": PATHS} if _of_summary(stage) else {})}


def _needed(recipe: Recipe, stage: Stage, every: Sequence[WatchSettings]) -> Iterator[Stage]:
    """What this training is watched on; a stage of the same name may be there already."""
    num = max(watch.questions for watch in every)
    if "validation" in recipe.questions:
        _check_validation(recipe)
    else:
        known = [*recipe.questions.values(), *([recipe.rounds.questions] if recipe.rounds else [])]
        drawn = next((source for source in known if isinstance(source, WorldSource)), None)
        if drawn is None:
            raise RecipeError(
                f"`watch` of `{stage.name}` has no questions to be measured on",
                "name some that nothing is trained on or tested with, under `questions.validation`",
            )
        yield questions_stage(recipe, QUESTIONS, WorldSource(split="validation", num=num))
    if _of_summary(stage):
        yield _paths(recipe, stage)


def _check_validation(recipe: Recipe) -> None:
    """Raises RecipeError for validation questions that are others of the recipe by another name."""
    own = recipe.questions["validation"]
    split = own.split if isinstance(own, WorldSource | HubSource) else "validation"
    if (isinstance(own, WorldSource) and split != "validation") or split.partition("[")[0] == "test":
        raise RecipeError(
            f"`watch` asks `questions.validation`, and its split is `{split}`", "a split that nothing is tested with"
        )
    others = {f"questions.{name}": other for name, other in recipe.questions.items() if name != "validation"}
    others |= {"rounds.questions": recipe.rounds.questions} if recipe.rounds else {}
    for name, other in others.items():
        if _is_same(own, other):
            raise RecipeError(
                f"`watch` asks `questions.validation`, the same rows as `{name}`",
                "name rows that nothing is trained on or tested with",
            )


def _is_same(own: Source, other: Source) -> bool:
    """Whether both read one table, however many of its rows."""
    table = {"limit", "columns", "reader", "images", "name", "license", "max_pixels"}
    return not isinstance(own, WorldSource) and own.model_dump(exclude=table) == other.model_dump(exclude=table)


def _paths(recipe: Recipe, stage: Stage) -> Stage:
    if not isinstance(recipe.agent_paths, PathsSettings):
        raise RecipeError(
            f"`watch` of `{stage.name}` needs the reasoning agent's paths of the validation questions",
            "say in `agent_paths` how it is sampled, or leave `summary.watch` out",
        )
    agent = model_of_round(recipe, 0)
    settings = by_model(recipe.agent_paths, agent, "agent_paths")
    assert isinstance(settings.engine, HfEngine)
    return paths_stage(PATHS, QUESTIONS, settings.model_copy(update={"num_paths": 1}), agent)
