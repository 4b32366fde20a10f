"""A recipe -> its stages, in order: the walk of one sample, with the rounds laid out.

This is the whole architecture on one page. Rooms are named as strings and imported when a stage runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from insightv_bench.errors import RecipeError
from insightv_bench.settings import (
    BaseSettings,
    ReasoningCorpus,
    Recipe,
    RoundsSettings,
    SummaryCorpus,
    TaskSource,
    WorldSource,
)
from insightv_bench.stages import Stage

from .cluster import told_apart
from .controls import controls
from .evaluation import evaluation
from .names import (
    AGENT,
    HARD,
    SAMPLE,
    TEACHER,
    asked,
    folder_content,
    model_of_round,
    questions_of,
    ranges_for,
    sampled,
    summary_init,
    summary_inputs,
    with_names,
)
from .names import by_model as by_model
from .release import release_stages, with_given

TASK_QUESTIONS = "evals.harness.task_questions:questions"
"""An lm-eval task is loaded where lm-eval is known."""


def plan(recipe: Recipe) -> list[Stage]:
    """Every stage, each after its inputs. Raises RecipeError where a part lacks the questions that it needs."""
    parts = (_questions, _corpora, _agents, _rounds, controls, evaluation, _calibration)
    stages = [stage for part in parts for stage in part(recipe)]
    stages += release_stages(recipe, stages, questions_of(recipe))
    stages = with_given(recipe, stages)
    if recipe.engine == "ray":
        stages = told_apart(stages, recipe.ray)
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
        function = TASK_QUESTIONS if isinstance(source, TaskSource) else "builders.questions:questions"
        yield Stage(f"questions-{name}", function, source, (), "build questions", {"world": world})
    if recipe.lessons:
        options = {"world": recipe.world.model_dump()}
        yield Stage("lessons", "builders.questions:lessons", recipe.lessons, (), "build lessons", options)
    yield from _hard(recipe)


def _hard(recipe: Recipe) -> Iterator[Stage]:
    """The questions that the generator gets wrong when it answers directly."""
    if recipe.hard and recipe.paths:
        settings = recipe.hard.model_copy(update={"engine": recipe.hard.engine or recipe.paths.engine})
        yield Stage(HARD, "builders.hard:hard", settings, (asked(recipe),), "build hard")


def _calibration(recipe: Recipe) -> Iterator[Stage]:
    """The recipe's judge against the oracle, on questions of its own."""
    settings, world = recipe.calibrate, {"world": recipe.world.model_dump()}
    if not settings:
        return
    questions = "calibrate-questions" if settings.questions else ""
    if settings.questions:
        yield Stage(questions, "builders.questions:questions", settings.questions, (), "build questions", world)
    options = {"assess": recipe.assess.model_dump(mode="json")}
    inputs = with_names(questions)
    yield Stage("calibrate", "builders.calibration.stage:calibrate", settings, inputs, "build calibrate", options)


def _corpora(recipe: Recipe) -> Iterator[Stage]:
    if not recipe.paths:
        return
    questions = questions_of(recipe)
    yield from sampled(recipe, TEACHER, questions, recipe.paths)
    named = recipe.model_fields_set  # a recipe that trains nothing names the corpora that it wants
    if recipe.reason or "corpora" in named:
        inputs = (questions, f"paths-{TEACHER}", f"assess-{TEACHER}")
        settings = recipe.corpora.part(ReasoningCorpus)
        yield Stage("corpora-reasoning", "builders.corpora.reasoning:reasoning", settings, inputs, "build corpora")
    if recipe.summary or "flaws" in named:
        yield _flawed(recipe, questions)


def _flawed(recipe: Recipe, questions: str) -> Stage:
    """Exact flaws need the drawn world's questions alone; all others are planted in sampled paths that are right."""
    world = isinstance(recipe.questions[asked(recipe).removeprefix("questions-")], WorldSource)
    exact = recipe.flaws.maker in (("auto", "exact") if world else ("exact",)) and "natural" not in recipe.flaws.flaws
    if exact:
        return Stage("corpora-flawed", "builders.corpora.reasoning:flawed", recipe.flaws, (questions,), "build corpora")
    inputs = (questions, f"paths-{TEACHER}", f"assess-{TEACHER}")
    ranges = ranges_for(recipe, recipe.flaws)
    return Stage("corpora-flawed", "builders.corpora.flawed:flawed", recipe.flaws, inputs, "build corpora", ranges)


def _agents(recipe: Recipe) -> Iterator[Stage]:
    common = {"threads": recipe.threads}
    if recipe.base:
        yield _base(recipe, recipe.base)
    if recipe.reason:
        inputs = ("train-base", "corpora-reasoning")
        options = {**common, "seat": "reason"}
        yield Stage("train-reason", "trainers.sft:sft", recipe.reason, inputs, "train reason", options)
    if recipe.summary and recipe.agent_paths:
        settings = by_model(recipe.agent_paths, "train-reason")
        yield from sampled(recipe, AGENT, SAMPLE, settings, "train-reason")
        chosen_from = summary_inputs(recipe)
        wanted = recipe.corpora.part(SummaryCorpus)
        yield Stage("corpora-summary", "builders.corpora.summary:summary", wanted, chosen_from, "build corpora")
        options = {**common, "seat": "summary"}
        yield Stage(
            "train-summary",
            "trainers.sft:sft",
            recipe.summary,
            (summary_init(recipe), "corpora-summary"),
            "train summary",
            options,
        )


def _base(recipe: Recipe, settings: BaseSettings) -> Stage:
    if not settings.from_nothing:
        found = {"seat": "base", "content": folder_content(settings.model)}
        return Stage("train-base", "trainers.models.pretrained:pretrained", settings, (), "train base", found)
    options: dict[str, Any] = {"threads": recipe.threads, "seat": "base", "model": recipe.shape.model_dump()}
    return Stage("train-base", "trainers.sft:base", settings, ("lessons",), "train base", options)


def _rounds(recipe: Recipe) -> Iterator[Stage]:
    """Sample from the current model, assess, pair, train; then again from the new one."""
    rounds = recipe.rounds
    for number in range(1, rounds.num + 1 if rounds else 1):
        assert rounds is not None
        current = model_of_round(number - 1)
        yield _round_questions(recipe, rounds, number)
        questions, name = f"questions-round-{number}", f"round-{number}"
        yield from sampled(recipe, name, questions, by_model(rounds.paths, current), current)
        inputs = (questions, f"paths-{name}", f"assess-{name}")
        pairs = f"corpora-preference-{number}"
        yield Stage(
            pairs, "builders.corpora.preference:preference", rounds.pairs, inputs, "build corpora", {"round": number}
        )
        options = {"threads": recipe.threads, "seat": "reason", "round": number}
        inputs = (current, pairs, model_of_round(0))
        yield Stage(model_of_round(number), "trainers.dpo:dpo", rounds.dpo, inputs, "train dpo", options)


def _round_questions(recipe: Recipe, rounds: RoundsSettings, number: int) -> Stage:
    source = rounds.questions.model_copy(update={"seed": rounds.questions.seed + number})
    options = {"world": recipe.world.model_dump()}
    return Stage(f"questions-round-{number}", "builders.questions:questions", source, (), "build questions", options)
