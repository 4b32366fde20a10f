"""A recipe -> its stages, in order: the walk of one sample, with the rounds laid out.

This is the whole architecture on one page. Rooms are named as strings and imported when a stage runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from .errors import RecipeError
from .recipe import Recipe
from .records import Arm
from .settings import EvalSettings, HfEngine, PathsSettings, RoundsSettings, Source, WorldSource
from .stage import STAGE_MODEL, Stage
from .world.questions import VERSION as WORLD_VERSION

TEACHER, AGENT = "teacher", "sft"
SAMPLE = "questions-sample"
SUMMARY_ARMS: tuple[Arm, ...] = ("direct", "oracle", "flawed")
"""Arms in which the summary agent answers without the reasoning agent's paths: the same for every DPO round."""


def plan(recipe: Recipe) -> list[Stage]:
    """Every stage, each after its inputs. Raises RecipeError where a part lacks the questions that it needs."""
    stages = [*_questions(recipe), *_corpora(recipe), *_agents(recipe), *_rounds(recipe), *_evaluation(recipe)]
    stages += _calibration(recipe)
    known: set[str] = set()
    for stage in stages:
        missing = [name for name in stage.inputs if name not in known]
        if missing:
            part, _, entry = missing[0].partition("-")
            needed = f"`questions.{entry}`" if part == "questions" else f"stage `{missing[0]}`"
            raise RecipeError(f"stage `{stage.name}` of recipe `{recipe.name}` needs {needed}, which it does not have")
        known.add(stage.name)
    return stages


def _questions(recipe: Recipe) -> Iterator[Stage]:
    for name, source in recipe.questions.items():
        world = recipe.world.model_dump() if isinstance(source, WorldSource) else {}
        yield Stage(
            f"questions-{name}", "builders.questions:questions", source, (), "build questions", {"world": world}
        )
    if recipe.lessons:
        options = {"world": recipe.world.model_dump()}
        yield Stage("lessons", "builders.questions:lessons", recipe.lessons, (), "build lessons", options)


def _calibration(recipe: Recipe) -> Iterator[Stage]:
    """The recipe's judge against the oracle, on questions of its own."""
    settings, world = recipe.calibrate, {"world": recipe.world.model_dump()}
    if not settings:
        return
    questions = "calibrate-questions" if settings.questions else ""
    if settings.questions:
        yield Stage(questions, "builders.questions:questions", settings.questions, (), "build questions", world)
    options = {"assess": recipe.assess.model_dump(mode="json")}
    yield Stage("calibrate", "builders.calibrate:calibrate", settings, _with(questions), "build calibrate", options)


def questions_of(recipe: Recipe) -> str:
    """The questions that paths are built for: `train`, or the only ones there are."""
    return f"questions-{'train' if 'train' in recipe.questions else next(iter(recipe.questions))}"


def _sampled(recipe: Recipe, name: str, questions: str, settings: PathsSettings, model: str = "") -> Iterator[Stage]:
    """Paths of `questions` and what the judge says of them."""
    yield Stage(f"paths-{name}", "builders.paths:paths", settings, _with(questions, model), "build paths")
    inputs = (questions, f"paths-{name}")
    yield Stage(f"assess-{name}", "builders.assess:assess", recipe.assess, inputs, "build assess")


def _with(*names: str) -> tuple[str, ...]:
    return tuple(name for name in names if name)


def _corpora(recipe: Recipe) -> Iterator[Stage]:
    if not recipe.paths:
        return
    questions = questions_of(recipe)
    yield from _sampled(recipe, TEACHER, questions, recipe.paths)
    if recipe.reason:
        inputs = (questions, f"paths-{TEACHER}", f"assess-{TEACHER}")
        yield Stage("corpora-reasoning", "builders.corpora:reasoning", recipe.corpora, inputs, "build corpora")
    if recipe.summary or "flaws" in recipe.model_fields_set:
        yield _flawed(recipe, questions)


def _flawed(recipe: Recipe, questions: str) -> Stage:
    """Exact flaws need the drawn world's questions alone; all others are planted in sampled paths that are right."""
    world = isinstance(recipe.questions[questions.removeprefix("questions-")], WorldSource)
    exact = recipe.flaws.maker in (("auto", "exact") if world else ("exact",)) and "natural" not in recipe.flaws.flaws
    if exact:
        return Stage("corpora-flawed", "builders.corpora:flawed", recipe.flaws, (questions,), "build corpora")
    inputs = (questions, f"paths-{TEACHER}", f"assess-{TEACHER}")
    return Stage("corpora-flawed", "builders.flawed:flawed", recipe.flaws, inputs, "build corpora")


def by_model(settings: PathsSettings, stage: str) -> PathsSettings:
    """The same sampling, by the model that `stage` makes."""
    batch = settings.engine.batch_size if isinstance(settings.engine, HfEngine) else 128
    return settings.model_copy(
        update={"engine": HfEngine(model=STAGE_MODEL + stage, batch_size=batch), "mode": "one-call"}
    )


def _agents(recipe: Recipe) -> Iterator[Stage]:
    common = {"threads": recipe.threads}
    if recipe.base:
        options = {**common, "seat": "base", "model": recipe.model.model_dump()}
        yield Stage("train-base", "trainers.sft:base", recipe.base, ("lessons",), "train base", options)
    if recipe.reason:
        inputs = ("train-base", "corpora-reasoning")
        options = {**common, "seat": "reason"}
        yield Stage("train-reason", "trainers.sft:sft", recipe.reason, inputs, "train reason", options)
    if recipe.summary and recipe.agent_paths:
        settings = by_model(recipe.agent_paths, "train-reason")
        yield from _sampled(recipe, AGENT, SAMPLE, settings, "train-reason")
        teacher = (questions_of(recipe), f"paths-{TEACHER}", f"assess-{TEACHER}", "corpora-flawed")
        agent = (SAMPLE, f"paths-{AGENT}", f"assess-{AGENT}")
        yield Stage("corpora-summary", "builders.summary:summary", recipe.corpora, teacher + agent, "build corpora")
        options = {**common, "seat": "summary"}
        yield Stage(
            "train-summary",
            "trainers.sft:sft",
            recipe.summary,
            ("train-base", "corpora-summary"),
            "train summary",
            options,
        )


def _rounds(recipe: Recipe) -> Iterator[Stage]:
    """Sample from the current model, assess, pair, train; then again from the new one."""
    rounds = recipe.rounds
    for number in range(1, rounds.num + 1 if rounds else 1):
        assert rounds is not None
        current = model_of_round(number - 1)
        yield _round_questions(recipe, rounds, number)
        questions, name = f"questions-round-{number}", f"round-{number}"
        yield from _sampled(recipe, name, questions, by_model(rounds.paths, current), current)
        inputs = (questions, f"paths-{name}", f"assess-{name}")
        pairs = f"corpora-preference-{number}"
        yield Stage(pairs, "builders.preference:preference", rounds.pairs, inputs, "build corpora", {"round": number})
        options = {"threads": recipe.threads, "seat": "reason", "round": number}
        inputs = (current, pairs, model_of_round(0))
        yield Stage(model_of_round(number), "trainers.dpo:dpo", rounds.dpo, inputs, "train dpo", options)


def model_of_round(number: int) -> str:
    return f"train-dpo-{number}" if number else "train-reason"


def _round_questions(recipe: Recipe, rounds: RoundsSettings, number: int) -> Stage:
    source = rounds.questions.model_copy(update={"seed": rounds.questions.seed + number})
    options = {"world": recipe.world.model_dump()}
    return Stage(f"questions-round-{number}", "builders.questions:questions", source, (), "build questions", options)


def _evaluation(recipe: Recipe) -> Iterator[Stage]:
    settings = recipe.eval
    if not settings:
        return
    questions = f"questions-{settings.questions}"
    systems: list[str] = []
    if recipe.base or recipe.model_seats:
        if "flawed" in settings.arms and isinstance(recipe.questions[settings.questions], WorldSource):
            yield Stage("corpora-benchmark", "builders.corpora:flawed", settings.flaws, (questions,), "build corpora")
        for stage in _systems(recipe, settings, questions):
            systems += [stage.name] if stage.verb == "eval" else []
            yield stage
        yield Stage("leaderboard", "leaderboard.stage:leaderboard", settings, tuple(systems), "leaderboard build")


def _systems(recipe: Recipe, settings: EvalSettings, questions: str) -> Iterator[Stage]:
    if recipe.model_seats:
        yield from _system(
            recipe,
            settings,
            recipe.system,
            0,
            {str(seat): place for seat, place in recipe.model_seats.items()},
            settings.arms,
            questions,
        )
        return
    yield from _system(recipe, settings, "base", 0, {"base": STAGE_MODEL + "train-base"}, ("base",), questions)
    if not recipe.reason:
        return
    summary = {"summary": STAGE_MODEL + "train-summary"} if recipe.summary else {}
    for number in range(recipe.rounds.num + 1 if recipe.rounds else 1):
        seats = {"reason": STAGE_MODEL + model_of_round(number), **summary}
        arms = [arm for arm in settings.arms if arm != "base" and (number == 0 or arm not in SUMMARY_ARMS)]
        yield from _system(recipe, settings, f"dpo-{number}" if number else "sft", number, seats, arms, questions)


def _system(
    recipe: Recipe,
    settings: EvalSettings,
    system: str,
    number: int,
    seats: dict[str, str],
    arms: Sequence[Arm],
    questions: str,
) -> Iterator[Stage]:
    """The paths that a system's reasoning agent writes for the test questions, and its evaluation."""
    arms = [arm for arm in arms if _seat(arm) in seats]
    models = _with(*(m.removeprefix(STAGE_MODEL) for m in seats.values() if m.startswith(STAGE_MODEL)))
    paths = ""
    if any(arm.startswith("reason") for arm in arms):
        engine = HfEngine(model=seats["reason"], batch_size=settings.batch_size)
        sampled = PathsSettings(engine=engine, num_paths=1, mode="one-call", sampling=settings.path_sampling)
        paths = f"paths-eval-{system}"
        reason = seats["reason"].removeprefix(STAGE_MODEL) if seats["reason"].startswith(STAGE_MODEL) else ""
        yield Stage(paths, "builders.paths:paths", sampled, _with(questions, reason), "build paths")
    world = isinstance(recipe.questions[settings.questions], WorldSource)
    flawed = "corpora-benchmark" if "flawed" in arms and world else ""
    task = f"drawn_{recipe.world.name}" if world else (recipe.task or recipe.name).replace("-", "_")
    options: dict[str, Any] = {
        "system": system,
        "base": recipe.base_name,
        "round": number,
        "arms": arms,
        "seats": seats,
    }
    options |= {"task_version": task_version(recipe.questions[settings.questions]), "questions": questions}
    options |= {"paths": paths, "flawed": flawed, "task": task}
    inputs = dict.fromkeys(_with(questions, paths, flawed, *models))
    yield Stage(f"eval-{system}", "evals.evaluate:evaluate", settings, tuple(inputs), "eval", options)


def task_version(source: Source) -> str:
    """Scores compare only over the same version of the same questions."""
    return WORLD_VERSION if isinstance(source, WorldSource) else source.revision


def _seat(arm: Arm) -> str:
    return "base" if arm == "base" else "reason" if arm == "reason" else "summary"
