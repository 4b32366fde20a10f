"""The end of a plan: the corpora that a release needs beside those that are trained on, and corpora from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

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

from .names import TEACHER, assessed, flawed, questions_of

FOOTER_BYTES = 2**16
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+@[\w./-]+")
"""A release on the Hub, at a revision."""
GIVEN = ("corpora-reasoning", "corpora-summary")
"""Stages whose corpus a release can stand in for."""


def release_stages(recipe: Recipe, stages: Sequence[Stage]) -> list[Stage]:
    """What is missing for the release, and the release itself. Raises RecipeError where no paths are sampled."""
    settings = recipe.release
    if not settings:
        return []
    if not recipe.paths:
        raise RecipeError(f"recipe `{recipe.name}` has nothing to release: it samples no paths", "give it `paths`")
    questions, made = questions_of(recipe), {stage.name: stage for stage in stages}
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


class GivenRelease(NamedTuple):
    """A release whose corpora stand in for a run's own."""

    place: str
    configs: dict[str, Path]
    """The folder of each corpus that it holds; empty on the Hub, where it is pulled when a stage runs."""
    revision: str = ""

    def stage(self, name: str, config: str) -> Stage | None:
        """The corpus as a stage; None where it is known not to be there. On the Hub its revision stands for content."""
        if self.revision:
            settings = GivenSettings(path=self.place, content=self.revision)
            return Stage(name, "pulled", settings, {}, ImportedOptions(corpus=config))
        if config not in self.configs:
            return None
        folder = self.configs[config]
        settings = GivenSettings(path=str(folder), content=content_of(folder))
        return Stage(name, "imported", settings, {}, ImportedOptions())


def given_release(recipe: Recipe) -> GivenRelease | None:
    """What `given.release` names. Raises RecipeError for a folder without a corpus."""
    place = recipe.given.release
    if not place:
        return None
    folder = Path(place)
    path, _, revision = place.partition("@")
    if not folder.is_dir() and HUB_ID.fullmatch(place):
        return GivenRelease(path, {}, revision)
    configs = {path.parent.name: path for path in folder.glob("*/train") if any(path.glob("data-*.parquet"))}
    if not configs:
        hint = (
            "name a folder that `insightv-bench pull` made, or a release on the Hub as `ORG/NAME@REVISION`; a "
            "corpus lies in `FOLDER/reasoning/train/data-*.parquet`, and so for `summary` and `preference`"
        )
        raise RecipeError(f"`given: {place}` holds no corpus", hint)
    return GivenRelease(place, configs)


def with_given(recipe: Recipe, stages: Sequence[Stage]) -> list[Stage]:
    """The plan with the corpora of a given release in the place of its own, and without what is then needed by nobody.

    Pairs are not replaced: each round's are those of its own model. A given preference corpus is for the control
    `off-policy-dpo`. Raises RecipeError for a release that this plan has no use for.
    """
    release = given_release(recipe)
    planned = [stage if release is None else _in_place_of(stage, release) for stage in stages]
    if release and release.configs and not any(stage.kind == "imported" for stage in planned):
        held = ", ".join(f"`{config}`" for config in release.configs)
        hint = "pairs of other models are for the control of that name: `controls: [off-policy-dpo]`"
        raise RecipeError(
            f"`given: {release.place}` holds {held}, and `{recipe.name}` has no place for it",
            hint if "preference" in release.configs and recipe.rounds else "leave `given` out",
        )
    if release is None and not recipe.given.model:
        return planned
    needed_before = {name for stage in stages for name in stage.inputs.values()}
    while idle := [stage for stage in planned if _is_idle(stage, planned, needed_before)]:
        planned = [stage for stage in planned if stage not in idle]
    return planned


def _in_place_of(stage: Stage, release: GivenRelease) -> Stage:
    given = release.stage(stage.name, stage.kind) if stage.name in GIVEN else None
    return given or stage


def _is_idle(stage: Stage, planned: Sequence[Stage], needed_before: set[str]) -> bool:
    """Whether it was made for others, and no stage needs it any more."""
    if any(stage.name in other.inputs.values() for other in planned):
        return False
    return stage.makes in ("questions", "paths", "verdicts") or stage.name in needed_before


def content_of(folder: Path) -> str:
    """Names, sizes and footers of its parquet files: the footer holds the size and the range of every column."""
    ends = []
    for file in parquet_files(folder):
        with file.open("rb") as handle:
            handle.seek(-min(FOOTER_BYTES, file.stat().st_size), 2)
            ends.append((file.name, file.stat().st_size, handle.read().hex()))
    return content_id(ends)
