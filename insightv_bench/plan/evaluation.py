"""Which systems a recipe evaluates, in which arms, and on whose paths.

A system is a model for each seat. Systems with the same reasoning agent share its paths.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from insightv_bench.arms import ARMS, Arm
from insightv_bench.settings import (
    AssessSettings,
    EvalSettings,
    GoldPaths,
    ModelEngine,
    PathsSettings,
    Recipe,
    Sampling,
    Source,
    WorldSource,
    made_by,
    maker_of,
    with_defaults,
)
from insightv_bench.stages import AskingOptions, EvalOptions, FlawOptions, Stage, StoredOptions
from insightv_bench.world import VERSION as WORLD_VERSION
from insightv_bench.world import fixed_version

from .controls import control_systems
from .names import (
    System,
    assessed,
    contents,
    model_of_round,
    paths_stage,
    ranges_for,
    summary_of_round,
)

PATH_ARMS = [arm for arm, spec in ARMS.items() if spec.needs == "paths"]
"""Arms over the reasoning agent's own paths; the others are the same whoever reasons."""
EXACT_ARMS = [arm for arm, spec in ARMS.items() if spec.needs == "exact path or paths"]
"""Arms that change the exact path; where questions have none, they change sampled ones."""
BENCHMARK = "corpora-benchmark"
GREEDY = "-greedy"
GREEDY_ARMS = [arm for arm, spec in ARMS.items() if spec.greedy_twin]


class Paths(NamedTuple):
    """The paths that one reasoning agent writes for the test questions."""

    name: str
    model: ModelEngine
    num: int
    sampling: Sampling


def evaluation(recipe: Recipe) -> Iterator[Stage]:
    settings = recipe.eval
    if not settings or not (recipe.base or recipe.model_seats or recipe.given.model):
        return
    questions = f"questions-{settings.questions}"
    stages: dict[str, Stage] = {}
    tested = list(systems(recipe, settings))
    if "flawed" in settings.arms:
        stages.update((stage.name, stage) for stage in _benchmark(recipe, settings, tested, questions))
    for system in tested:
        stages.update((stage.name, stage) for stage in _stages(recipe, settings, system, questions))
    yield from stages.values()
    evaluations = {name: name for name, stage in stages.items() if stage.makes == "evaluation"}
    yield Stage("leaderboard", "leaderboard", settings, evaluations)


def _benchmark(recipe: Recipe, settings: EvalSettings, tested: Sequence[System], questions: str) -> Iterator[Stage]:
    """The flawed paths, the same for every system: from exact ones, or the authors' own; where questions have neither,
    from the right paths of the first system that reasons."""
    source = recipe.questions[settings.questions]
    if isinstance(source, WorldSource):
        options = FlawOptions(fixed=bool(source.fixed))
        yield Stage(BENCHMARK, "exact-flaws", settings.flaws, {"questions": questions}, options)
        return
    if stored := _stored(recipe, settings):  # the same for every system, whoever reasons
        yield from _spoilt(recipe, settings, questions, stored)
        return
    written = (stage for system in tested if (stage := _paths_stage(recipe, settings, system, questions)))
    paths = next(written, None)
    if paths is not None:
        yield from _spoilt(recipe, settings, questions, paths)


def _spoilt(recipe: Recipe, settings: EvalSettings, questions: str, paths: Stage) -> Iterator[Stage]:
    yield paths
    own = paths.name.removeprefix("paths-")
    inputs = {"questions": questions, "paths": paths.name}
    yield Stage(f"assess-{own}", "assess", AssessSettings(judge="rule"), inputs)
    options = ranges_for(recipe, settings.flaws)
    if paths.kind != "paths":
        options = options.model_copy(update={"fixed": True})
    yield Stage(BENCHMARK, "sampled-flaws", settings.flaws, assessed(questions, own), options)


def _stored(recipe: Recipe, settings: EvalSettings) -> Stage | None:
    """The stored paths that the flawed benchmark is made of."""
    gold = GoldPaths(source="gold") if _has_gold(recipe, settings) else None
    chosen = settings.flawed_paths or gold
    if chosen is None:
        return None
    name = "paths-gold" if isinstance(chosen, GoldPaths) else "paths-benchmark"
    stage = paths_stage(name, f"questions-{settings.questions}", chosen)
    if not isinstance(chosen, GoldPaths) or settings.flawed_paths is not None:
        return stage
    return replace(stage, options=StoredOptions(may_be_none=True))  # nobody asked for them: there may be none


def _has_gold(recipe: Recipe, settings: EvalSettings) -> bool:
    """Whether the questions come with their authors' own solutions."""
    return getattr(recipe.questions[settings.questions], "has_rationale", False)


def _is_world(recipe: Recipe, settings: EvalSettings) -> bool:
    return isinstance(recipe.questions[settings.questions], WorldSource)


def systems(recipe: Recipe, settings: EvalSettings) -> Iterator[System]:
    for system in [each for one in _sampled_systems(recipe, settings) for each in _askings(recipe, settings, one)]:
        arms = tuple(arm for arm in system.arms if _is_filled(arm, system, settings))
        if arms or recipe.model_seats:  # of a round, none may be left that it could change
            yield system._replace(arms=arms)
        greedy = tuple(arm for arm in arms if arm in GREEDY_ARMS)
        if greedy and settings.greedy and settings.paths is None:
            yield system._replace(name=system.name + GREEDY, arms=greedy, greedy=True, twin_of=system.name)


def _askings(recipe: Recipe, settings: EvalSettings, system: System) -> Iterator[System]:
    """The system, and where paths are asked for in further ways, once more in each: in the arms that show them."""
    yield system
    showing = _showing_paths(recipe, settings)
    arms = tuple(arm for arm in system.arms if arm in showing)
    is_asked = "reason" in system.seats and not system.paths and settings.paths is None
    for ask in settings.ask[1:] if is_asked else ():
        yield system._replace(name=f"{system.name}-{ask}", arms=arms, ask=ask, asked_as=system.name)


def _showing_paths(recipe: Recipe, settings: EvalSettings) -> list[Arm]:
    """Arms that rest on the reasoning agent's paths."""
    known = _is_world(recipe, settings) or _has_gold(recipe, settings)
    return PATH_ARMS if known else [*PATH_ARMS, *EXACT_ARMS]


def _sampled_systems(recipe: Recipe, settings: EvalSettings) -> Iterator[System]:
    if recipe.model_seats:
        seats: dict[str, ModelEngine] = {str(seat): engine for seat, engine in recipe.model_seats.items()}
        yield System(recipe.system, 0, seats, settings.arms)
        for name, place in settings.summaries.items():
            others = {**seats, "summary": place}
            arms = [arm for arm in settings.arms if _seat(arm, settings) == "summary"]
            yield System(name, 0, others, tuple(arms), paths=recipe.system)
        return
    first = "train-base" if recipe.base else model_of_round(recipe, 0)
    yield System("base", 0, {"base": made_by(first)}, ("base",), role="base")
    if not (recipe.reason or recipe.given.model or recipe.rounds):
        return
    summary = {"summary": made_by("train-summary")} if recipe.summary else {}
    kind = recipe.rounds.kind if recipe.rounds else "dpo"
    for number in range(recipe.rounds.num + 1 if recipe.rounds else 1):
        seats = {"reason": made_by(model_of_round(recipe, number, kind)), **summary}
        if recipe.summary:
            seats["summary"] = made_by(summary_of_round(recipe, number))
        arms = [arm for arm in settings.arms if arm != "base" and (number == 0 or arm in GREEDY_ARMS)]
        name = f"{kind}-{number}" if number else "sft"
        yield System(name, number, seats, tuple(arms), role="round" if number else "agent")
    yield from control_systems(recipe, settings)


def _stages(recipe: Recipe, settings: EvalSettings, system: System, questions: str) -> Iterator[Stage]:
    """The paths that a system's reasoning agent writes for the test questions, and its evaluation."""
    paths = _paths_stage(recipe, settings, system, questions)
    if paths:
        yield paths
    world = _is_world(recipe, settings)
    # Of any system with a reasoning agent the right paths can be spoilt.
    has_flawed = (
        world
        or _has_gold(recipe, settings)
        or any(_paths(recipe, settings, other) for other in systems(recipe, settings))
    )
    flawed = BENCHMARK if "flawed" in system.arms and has_flawed else ""
    task = f"drawn_{recipe.world.name}" if world else (recipe.task or recipe.name).replace("-", "_")
    options = EvalOptions(
        system=system.name,
        base=recipe.base_name,
        round=system.round,
        arms=system.arms,
        seats=dict(system.seats),
        task=task,
        task_version=task_version(recipe.questions[settings.questions], recipe.world.name),
        greedy=system.greedy,
        role=system.role,
        twin_of=system.twin_of,
        contents=contents(system.seats),
        asked_as=system.asked_as,
    )
    inputs = {"questions": questions, "paths": paths.name if paths else "", "flawed": flawed}
    inputs |= {seat: maker_of(model) for seat, model in system.seats.items()}
    given = {role: name for role, name in inputs.items() if name}
    asked = settings.model_copy(update={"ask": (system.ask or settings.ask[0],)})
    yield Stage(f"eval-{system.name}", "evaluate", asked, given, options)


def _paths_stage(recipe: Recipe, settings: EvalSettings, system: System, questions: str) -> Stage | None:
    if settings.paths is not None:
        return paths_stage("paths-eval-logged", questions, settings.paths)
    paths = _paths(recipe, settings, system)
    if not paths:
        return None
    engine = seat_engine(paths.model, settings)
    sampled = PathsSettings(
        engine=engine,
        num_paths=paths.num,
        mode="one-call",
        sampling=paths.sampling,
        ask=system.ask or settings.ask[0],
        prompts=settings.prompts,
    )
    maker = maker_of(paths.model)
    inputs = {"questions": questions, **({"model": maker} if maker else {})}
    return Stage(paths.name, "paths", sampled, inputs, AskingOptions(contents=contents({"reason": paths.model})))


def _paths(recipe: Recipe, settings: EvalSettings, system: System) -> Paths | None:
    showing = _showing_paths(recipe, settings)
    if "reason" not in system.seats or not any(arm in showing for arm in system.arms):
        return None
    name = f"paths-eval-{system.paths or system.name}" + (GREEDY if system.greedy and system.paths else "")
    model = system.seats["reason"]
    if system.greedy:
        return Paths(name, model, 1, settings.path_sampling.model_copy(update={"temperature": 0.0}))
    return Paths(name, model, settings.num_paths, settings.path_sampling)


def seat_engine(seat: ModelEngine, settings: EvalSettings) -> ModelEngine:
    return with_defaults(seat, batch_size=settings.batch_size, dtype=settings.dtype)


FRESH = re.compile(r"-fresh-(\d{1,18})$")


def task_version(source: Source, world: str) -> str:
    """Scores compare only over the same version of the same questions. `world`: its level's name. Empty: the rows' own
    revision, once read."""
    if not isinstance(source, WorldSource):
        return source.revision or ""
    fresh = FRESH.search(world) if source.fixed else None
    return fixed_version(int(fresh[1])) if fresh else WORLD_VERSION


def _is_filled(arm: Arm, system: System, settings: EvalSettings) -> bool:
    """Whether somebody sits in the seat without which the arm cannot be run; a log's paths need nobody who reasons."""
    logged = settings.paths is not None and ARMS[arm].shows == "own" and ARMS[arm].verdict != "stated"
    seat = _seat(arm, settings)
    return seat in system.seats or (seat == "reason" and logged)


def _seat(arm: Arm, settings: EvalSettings) -> str:
    """The seat without which the arm cannot be run."""
    seat = ARMS[arm].without
    if seat == "judge":
        return "summary" if settings.best_of_judge == "summary" else "reason"
    return seat
