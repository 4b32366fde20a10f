"""Recipes that cannot end well, told before anything is paid for."""

from __future__ import annotations

from insightv_bench.errors import RecipeError
from insightv_bench.settings import GoldPaths, Recipe, WorldSource

from .names import asked, is_drawn


def refuse_hopeless(recipe: Recipe) -> None:
    """Raises RecipeError for a judge that cannot judge these questions, a corpus that must stay empty, a flaw that
    cannot be planted."""
    _refuse_rounds(recipe)
    if not recipe.paths:
        return
    entry = asked(recipe).replace("questions-", "questions.")
    judge, released = recipe.assess.judge, recipe.release.corpora if recipe.release else ()
    chooses = recipe.reason or recipe.summary or released or {"flaws", "corpora", "assess"} & recipe.model_fields_set
    if judge == "oracle" and chooses and not is_drawn(recipe):
        raise RecipeError(
            f"the oracle judges the drawn world alone, and `{entry}` is none of it",
            "write `assess: {judge: engine, engine: ...}` for scores, or `assess: {judge: rule}` for answers alone",
        )
    trained = recipe.reason and not recipe.given.model
    wanted = [name for name, wants in (("reason", trained), ("release", "reasoning" in released)) if wants]
    if judge == "rule" and wanted and not isinstance(recipe.paths, GoldPaths) and not recipe.given.release:
        raise RecipeError(
            f"`assess.judge: rule` scores no path, so the reasoning corpus that `{wanted[0]}` needs would be empty",
            "let a model score (`assess: {judge: engine, engine: ...}`), or name other corpora in `release.corpora`",
        )
    if recipe.flaws.maker == "exact" and not is_drawn(recipe):
        raise RecipeError(
            f"`flaws.maker: exact` plants flaws in the drawn world alone, and `{entry}` is none of it",
            "leave `maker` out, and flaws are planted by rule",
        )
    benchmark = recipe.release.benchmark if recipe.release else ""
    drawn = isinstance(recipe.questions.get(benchmark), WorldSource)
    if benchmark in recipe.questions and not drawn and "flawed" in released:
        raise RecipeError(
            f"`release.benchmark: {benchmark}` is none of the drawn world, whose exact paths the benchmark is made of",
            "leave it out, or name an entry of the drawn world",
        )


def _refuse_rounds(recipe: Recipe) -> None:
    """Of rounds that no judge can settle."""
    rounds = recipe.rounds
    if not rounds or not rounds.num or isinstance(rounds.questions, WorldSource):
        return
    if (rounds.assess or recipe.assess).judge == "oracle":
        raise RecipeError(
            "the oracle judges the drawn world alone, and `rounds.questions` is none of it",
            "write `rounds.assess: {judge: rule}`, by which right paths are chosen over wrong ones, or "
            "`rounds.assess: {judge: engine, engine: ...}` for scores too",
        )
