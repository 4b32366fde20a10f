"""A recipe -> its stages, in order: the walk of one sample, with the rounds laid out.

This is the whole architecture on one page. Rooms are named as strings and imported when a stage runs.
"""

from __future__ import annotations

from collections.abc import Iterator

from insightv_bench.errors import RecipeError
from insightv_bench.settings import (
    BaseSettings,
    PathsSettings,
    ReasoningCorpus,
    Recipe,
    SummaryCorpus,
)
from insightv_bench.stages import CalibrateOptions, Stage, TrainOptions, WorldOptions

from .cluster import told_apart
from .controls import controls, needs_reasoning
from .evaluation import evaluation
from .hopeless import refuse_hopeless
from .names import (
    HARD,
    TEACHER,
    agent_paths,
    asked,
    assessed,
    flawed,
    pretrained,
    questions_of,
    questions_stage,
    round_questions,
    sampled,
    summary_init,
    summary_inputs,
)
from .release import release_stages, with_given
from .rounds import rounds_of
from .shipped import with_shipped
from .watched import with_watched

QUESTIONS = "questions-"


def plan(recipe: Recipe) -> list[Stage]:
    """Every stage, each after its inputs. Raises RecipeError where a part lacks the questions that it needs."""
    refuse_hopeless(recipe)
    parts = (_questions, _corpora, _agents, _rounds, controls, evaluation, _calibration)
    stages = [stage for part in parts for stage in part(recipe)]
    stages += release_stages(recipe, stages)
    stages = with_watched(recipe, stages)
    stages = with_shipped(recipe, with_given(recipe, stages))
    if recipe.engine == "ray":
        stages = told_apart(stages, recipe.ray)
    known: set[str] = set()
    for stage in stages:
        for role, name in stage.inputs.items():
            if name not in known:
                is_entry = role.endswith("questions") and name.startswith(QUESTIONS)
                needed = f"`questions.{name.removeprefix(QUESTIONS)}`" if is_entry else f"stage `{name}`"
                words = f"stage `{stage.name}` of recipe `{recipe.name}` needs {needed}"
                raise RecipeError(f"{words}, which it does not have")
        known.add(stage.name)
    return stages


def _questions(recipe: Recipe) -> Iterator[Stage]:
    for name, source in recipe.questions.items():
        yield questions_stage(recipe, QUESTIONS + name, source)
    if recipe.lessons:
        yield Stage("lessons", "lessons", recipe.lessons, {}, WorldOptions(world=recipe.world.told()))
    if recipe.hard and recipe.paths:  # the questions that the generator gets wrong when it answers directly
        settings = recipe.hard
        if isinstance(recipe.paths, PathsSettings):
            settings = settings.model_copy(update={"engine": settings.engine or recipe.paths.engine})
        yield Stage(HARD, "hard", settings, {"questions": asked(recipe)})


def _calibration(recipe: Recipe) -> Iterator[Stage]:
    """The recipe's judge against the oracle, on questions of its own."""
    settings = recipe.calibrate
    if not settings:
        return
    inputs = {}
    if settings.questions:
        inputs = {"questions": "calibrate-questions"}
        yield questions_stage(recipe, inputs["questions"], settings.questions)
    yield Stage("calibrate", "calibrate", settings, inputs, CalibrateOptions(assess=recipe.assess))


def _corpora(recipe: Recipe) -> Iterator[Stage]:
    if not recipe.paths:
        return
    questions = questions_of(recipe)
    yield from sampled(recipe, TEACHER, questions, recipe.paths)
    named = recipe.model_fields_set  # a recipe that trains nothing names the corpora that it wants
    wanted = not recipe.given.model if recipe.reason else "corpora" in named
    if wanted or needs_reasoning(recipe):
        settings = recipe.corpora.part(ReasoningCorpus)
        yield Stage("corpora-reasoning", "reasoning", settings, assessed(questions, TEACHER))
    if recipe.summary or "flaws" in named or _is_stored(recipe):
        yield flawed(recipe, questions)


def _is_stored(recipe: Recipe) -> bool:
    """Whether the agent's own paths are there already: then a summary corpus needs no training before it."""
    return recipe.agent_paths is not None and not isinstance(recipe.agent_paths, PathsSettings)


def _agents(recipe: Recipe) -> Iterator[Stage]:
    if recipe.base:
        yield _base(recipe, recipe.base)
    if recipe.given.model:
        given = recipe.given
        there = BaseSettings(model=given.model, revision=given.revision, processor=given.processor)
        yield pretrained("train-reason", "reason", there)
    elif recipe.reason:
        inputs = {"model": "train-base", "reasoning": "corpora-reasoning"}
        options = TrainOptions(threads=recipe.threads, seat="reason", corpora=("reasoning",))
        yield Stage("train-reason", "sft", recipe.reason, inputs, options)
    if recipe.agent_paths and (recipe.summary or _is_stored(recipe)):
        yield from agent_paths(recipe, recipe.agent_paths)
        yield Stage("corpora-summary", "summary", recipe.corpora.part(SummaryCorpus), summary_inputs(recipe))
    if recipe.summary and recipe.agent_paths:
        inputs = {"model": summary_init(recipe), "summary": "corpora-summary"}
        options = TrainOptions(threads=recipe.threads, seat="summary", corpora=("summary",))
        yield Stage("train-summary", "sft", recipe.summary, inputs, options)


def _base(recipe: Recipe, settings: BaseSettings) -> Stage:
    if not settings.from_nothing:
        return pretrained("train-base", "base", settings)
    options = TrainOptions(threads=recipe.threads, seat="base", model=recipe.shape.model_dump(), corpora=("lessons",))
    return Stage("train-base", "base", settings, {"lessons": "lessons"}, options)


def _rounds(recipe: Recipe) -> Iterator[Stage]:
    """Each from the model of the one before, on questions of its own (see `rounds`)."""
    rounds = recipe.rounds
    if not rounds:
        return
    yield from round_questions(recipe)
    for number in range(1, rounds.num + 1):
        yield from rounds_of(recipe, rounds, number)
