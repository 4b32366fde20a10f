"""The end of a plan: the corpora that a release needs beside those that are trained on, and corpora from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from insightv_bench.errors import RecipeError
from insightv_bench.records import content_id
from insightv_bench.settings import (
    FlawsSettings,
    GivenSettings,
    ReasoningCorpus,
    Recipe,
    ReleaseSettings,
    SummaryCorpus,
    WorldSource,
)
from insightv_bench.stages import ImportedOptions, ReleaseOptions, Stage
from insightv_bench.storage import parquet_files

from .names import TEACHER, assessed, flawed

FOOTER_BYTES = 2**16
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+@[\w./-]+")
"""A release on the Hub, at a revision."""
GIVEN = ("corpora-reasoning", "corpora-summary")
"""Stages whose corpus a release can stand in for, beside those of pairs."""


def release_stages(recipe: Recipe, stages: Sequence[Stage], questions: str) -> list[Stage]:
    """What is missing for the release, and the release itself. Raises RecipeError where no paths are sampled."""
    settings = recipe.release
    if not settings:
        return []
    if not recipe.paths:
        raise RecipeError(f"recipe `{recipe.name}` has nothing to release: it samples no paths", "give it `paths`")
    made = {stage.name: stage for stage in stages}
    added = [stage for stage in _corpora(recipe, settings, questions, made) if stage.name not in made]
    made |= {stage.name: stage for stage in added}
    return [*added, _release(recipe, settings, made)]


def _corpora(recipe: Recipe, settings: ReleaseSettings, questions: str, made: dict[str, Stage]) -> Iterator[Stage]:
    """Every corpus from the sampled paths; those that the recipe plans already are left as they are."""
    given = assessed(questions, TEACHER)
    if "reasoning" in settings.corpora:
        yield Stage("corpora-reasoning", "reasoning", recipe.corpora.part(ReasoningCorpus), given)
    if {"flawed", "summary"} & set(settings.corpora):
        yield flawed(recipe, questions)
    if "summary" in settings.corpora:
        inputs = {**given, "flawed": "corpora-flawed"}
        yield Stage("corpora-summary", "summary", recipe.corpora.part(SummaryCorpus), inputs)
    if "preference" in settings.corpora and not any(stage.kind == "preference" for stage in made.values()):
        yield Stage("corpora-preference", "preference", settings.pairs, given)
    benchmark = settings.benchmark or (recipe.eval.questions if recipe.eval else "")
    is_world = bool(benchmark) and isinstance(recipe.questions[benchmark], WorldSource)
    if is_world and "flawed" in settings.corpora:
        flaws: FlawsSettings = recipe.eval.flaws if recipe.eval else recipe.flaws
        inputs = {"questions": f"questions-{benchmark}"}
        yield Stage("corpora-benchmark", "exact-flaws", flaws, inputs)


def _release(recipe: Recipe, settings: ReleaseSettings, made: dict[str, Stage]) -> Stage:
    """Its inputs are the corpora, the evaluation sets, and the stages before them, whose yields the card tells."""
    evaluation = [recipe.eval.questions] if recipe.eval else []
    sets = dict.fromkeys(filter(None, [*settings.against, settings.benchmark, *evaluation]))
    splits = {
        corpus: {split: names for split, names in _splits(corpus, made).items() if names} for corpus in settings.corpora
    }
    splits = {corpus: found for corpus, found in splits.items() if found}
    if not splits:
        wanted_ones = ", ".join(f"`{corpus}`" for corpus in settings.corpora)
        raise RecipeError(f"recipe `{recipe.name}` makes none of {wanted_ones}", "name others in `release.corpora`")
    wanted = [name for found in splits.values() for names in found.values() for name in names]
    before: dict[str, None] = {}
    for name in wanted:
        before |= dict.fromkeys(made[name].inputs.values())
    inputs = dict.fromkeys([*before, *wanted, *(f"questions-{name}" for name in sets)])
    options = ReleaseOptions(splits=splits, against=tuple(sets), recipe=recipe.name)
    return Stage("release", "release", settings, dict(zip(inputs, inputs, strict=True)), options)


def _splits(corpus: str, made: dict[str, Stage]) -> dict[str, list[str]]:
    """Split -> the stages whose rows it holds."""
    if corpus == "flawed":
        names = {"train": "corpora-flawed", "test": "corpora-benchmark"}
        return {split: [name] for split, name in names.items() if name in made}
    prefix = f"corpora-{corpus}"
    return {"train": [name for name in made if name == prefix or name.startswith(f"{prefix}-")]}


def with_given(recipe: Recipe, stages: Sequence[Stage]) -> list[Stage]:
    """The plan with the corpora of `recipe.given` in the place of its own. Raises RecipeError for a folder without."""
    if not recipe.given:
        return list(stages)
    folder = Path(recipe.given)
    path, _, revision = recipe.given.partition("@")
    is_on_hub = not folder.is_dir() and bool(HUB_ID.fullmatch(recipe.given))
    configs = {path.parent.name: path for path in folder.glob("*/train") if any(path.glob("data-*.parquet"))}
    if not configs and not is_on_hub:
        hint = (
            "name a folder that `insightv-bench pull` made, or a release on the Hub as `ORG/NAME@REVISION`; a "
            "corpus lies in `FOLDER/reasoning/train/data-*.parquet`, and so for `summary` and `preference`"
        )
        raise RecipeError(f"`given: {recipe.given}` holds no corpus", hint)
    planned: list[Stage] = []
    for stage in stages:
        config = _config_of(stage)
        if is_on_hub and config:  # pulled when the stage runs; its revision stands for its content
            settings, options = GivenSettings(path=path, content=revision), ImportedOptions(corpus=config)
            stage = replace(stage, kind="pulled", settings=settings, inputs={}, options=options)
        elif config in configs:
            settings = GivenSettings(path=str(configs[config]), content=content_of(configs[config]))
            stage = replace(stage, kind="imported", settings=settings, inputs={}, options=ImportedOptions())
        planned.append(stage)
    return planned


def _config_of(stage: Stage) -> str:
    """The config that can stand in for the stage's corpus; that of `optimal-only` is the run's own."""
    return stage.kind if stage.name in GIVEN or stage.kind == "preference" else ""


def content_of(folder: Path) -> str:
    """Names, sizes and footers of its parquet files: the footer holds the size and the range of every column."""
    ends = []
    for file in parquet_files(folder):
        with file.open("rb") as handle:
            handle.seek(-min(FOOTER_BYTES, file.stat().st_size), 2)
            ends.append((file.name, file.stat().st_size, handle.read().hex()))
    return content_id(ends)
