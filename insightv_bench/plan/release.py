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
from insightv_bench.stages import Stage
from insightv_bench.storage import parquet_files

FOOTER_BYTES = 2**16
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+@[\w./-]+")
"""A release on the Hub, at a revision."""
GIVEN = {"corpora-reasoning": "reasoning", "corpora-summary": "summary"}
"""Stage -> the config that can stand in for it; `corpora-preference-N` is stood in for by `preference`."""


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
    verb, triple = "build corpora", (questions, "paths-teacher", "assess-teacher")
    drawn = isinstance(recipe.questions[questions.removeprefix("questions-")], WorldSource)
    flawed = ("corpora-flawed",) if drawn else ()
    if "reasoning" in settings.corpora:
        yield Stage(
            "corpora-reasoning",
            "builders.corpora.reasoning:reasoning",
            recipe.corpora.part(ReasoningCorpus),
            triple,
            verb,
        )
    if flawed and {"flawed", "summary"} & set(settings.corpora):
        yield Stage("corpora-flawed", "builders.corpora.reasoning:flawed", recipe.flaws, (questions,), verb)
    if "summary" in settings.corpora:
        wanted = recipe.corpora.part(SummaryCorpus)
        yield Stage("corpora-summary", "builders.corpora.summary:summary", wanted, triple + flawed, verb)
    if "preference" in settings.corpora and not any(name.startswith("corpora-preference") for name in made):
        options = {"round": 0}
        yield Stage(
            "corpora-preference", "builders.corpora.preference:preference", settings.pairs, triple, verb, options
        )
    benchmark = _benchmark(recipe, settings)
    if benchmark and "flawed" in settings.corpora:
        flaws: FlawsSettings = recipe.eval.flaws if recipe.eval else recipe.flaws
        yield Stage("corpora-benchmark", "builders.corpora.reasoning:flawed", flaws, (f"questions-{benchmark}",), verb)


def _benchmark(recipe: Recipe, settings: ReleaseSettings) -> str:
    name = settings.benchmark or (recipe.eval.questions if recipe.eval else "")
    return name if name and isinstance(recipe.questions[name], WorldSource) else ""


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
        before |= dict.fromkeys(made[name].inputs)
    inputs = dict.fromkeys([*before, *wanted, *(f"questions-{name}" for name in sets)])
    options = {"splits": splits, "against": list(sets), "recipe": recipe.name}
    return Stage("release", "builders.release.stage:release", settings, tuple(inputs), "build release", options)


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
    if not folder.is_dir() and HUB_ID.fullmatch(recipe.given):
        return [_from_hub(stage, recipe.given) for stage in stages]
    configs = {path.parent.name: path for path in folder.glob("*/train") if any(path.glob("data-*.parquet"))}
    if not configs:
        hint = (
            "name a folder that `insightv-bench pull` made, or a release on the Hub as `ORG/NAME@REVISION`; a "
            "corpus lies in `FOLDER/reasoning/train/data-*.parquet`, and so for `summary` and `preference`"
        )
        raise RecipeError(f"`given: {recipe.given}` holds no corpus", hint)
    return [_given(stage, configs) for stage in stages]


def _from_hub(stage: Stage, given: str) -> Stage:
    """The release is pulled when the stage runs; its revision stands for its content."""
    config = _config_of(stage)
    if not config:
        return stage
    settings = GivenSettings(path=given.partition("@")[0], content=given.partition("@")[2])
    return replace(
        stage, function="builders.corpora.imported:pulled", settings=settings, inputs=(), options={"corpus": config}
    )


def _config_of(stage: Stage) -> str:
    return "preference" if stage.name.startswith("corpora-preference") else GIVEN.get(stage.name, "")


def _given(stage: Stage, configs: dict[str, Path]) -> Stage:
    config = _config_of(stage)
    if config not in configs:
        return stage
    settings = GivenSettings(path=str(configs[config]), content=content_of(configs[config]))
    return replace(stage, function="builders.corpora.imported:given", settings=settings, inputs=(), options={})


def content_of(folder: Path) -> str:
    """Names, sizes and footers of its parquet files: the footer holds the size and the range of every column."""
    ends = []
    for file in parquet_files(folder):
        with file.open("rb") as handle:
            handle.seek(-min(FOOTER_BYTES, file.stat().st_size), 2)
            ends.append((file.name, file.stat().st_size, handle.read().hex()))
    return content_id(ends)
