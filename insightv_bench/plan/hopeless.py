"""Recipes that cannot end well, told before anything is paid for."""

from __future__ import annotations

from insightv_bench.errors import RecipeError
from insightv_bench.settings import GoldPaths, PathsSettings, Recipe, WorldSource

from .names import asked, is_drawn


def refuse_hopeless(recipe: Recipe) -> None:
    """Raises RecipeError for a judge that cannot judge these questions, a corpus that must stay empty, a flaw that
    cannot be planted, several paths to be shown where there are fewer."""
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
    _refuse_too_few_paths(recipe)
    benchmark = recipe.release.benchmark if recipe.release else ""
    drawn = isinstance(recipe.questions.get(benchmark), WorldSource)
    if benchmark in recipe.questions and not drawn and "flawed" in released:
        raise RecipeError(
            f"`release.benchmark: {benchmark}` is none of the drawn world, whose exact paths the benchmark is made of",
            "leave it out, or name an entry of the drawn world",
        )


def _refuse_rounds(recipe: Recipe) -> None:
    """Of rounds that no judge can settle, or that would serve a model beside a training."""
    rounds = recipe.rounds
    if not rounds or not rounds.num:
        return
    if rounds.sample.serve and rounds.kind == "grpo":
        raise RecipeError(
            "`rounds.sample.serve` is of paths that are sampled before a training, and a round of `kind: grpo` samples "
            "while it trains",
            "leave it out",
        )
    busy = "engine: ray" if recipe.engine == "ray" else f"workers: {recipe.workers}" if recipe.workers > 1 else ""
    if rounds.sample.serve and busy:
        raise RecipeError(
            f"`rounds.sample.serve` starts a server on the devices that training leaves, and `{busy}` may train there",
            "set `workers: 1`" if recipe.workers > 1 else "leave `serve` out; `ray.hf: vllm` is for clusters",
        )
    if isinstance(rounds.questions, WorldSource) or rounds.kind == "grpo":
        return
    if (rounds.assess or recipe.assess).judge == "oracle":
        raise RecipeError(
            "the oracle judges the drawn world alone, and `rounds.questions` is none of it",
            "write `rounds.assess: {judge: rule}`, by which right paths are chosen over wrong ones, or "
            "`rounds.assess: {judge: engine, engine: ...}` for scores too",
        )


def _refuse_too_few_paths(recipe: Recipe) -> None:
    """A corpus or a test of several paths at once, of questions that have fewer each."""
    of_k, written = "summary-of-k" in recipe.controls, recipe.agent_paths
    wanted = {"corpora.several.k": recipe.corpora.several.k} if recipe.corpora.summary_shares.get("several") else {}
    if of_k:
        own = recipe.summary_of_k
        wanted |= {"summary_of_k.several.k": own.several.k} if own else {"corpora.several.k": recipe.corpora.several.k}
    for key, k in wanted.items():
        if isinstance(written, PathsSettings) and written.num_paths < k:
            raise RecipeError(
                f"`{key}` is {k}, and of each question there are `agent_paths.num_paths`: {written.num_paths}",
                f"raise `agent_paths.num_paths` to {k}, or lower `{key}`",
            )
    if of_k and recipe.eval and recipe.eval.num_paths < 2:
        raise RecipeError(
            "control `summary-of-k` needs `eval.num_paths` of at least 2", "it shows several paths at once"
        )
