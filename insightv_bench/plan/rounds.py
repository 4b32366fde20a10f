"""One round of each kind: what is made of a round's questions and the current model, the next model last.

A round that is a control has the compute of the DPO round beside it; where it is the method, that of its own settings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from insightv_bench.errors import RecipeError
from insightv_bench.settings import Recipe, RoundKind, RoundsSettings, Section, TrainSettings
from insightv_bench.stages import RoundOptions, Stage, TrainOptions

from .names import assessed_round, model_of_round, questions_of_round, round_paths, summary_of_round

Round = Callable[[Recipe, RoundsSettings, int], Iterator[Stage]]


def rounds_of(recipe: Recipe, rounds: RoundsSettings, number: int) -> Iterator[Stage]:
    """The round of this number, of the recipe's kind; its questions are there."""
    return ROUNDS[rounds.kind](recipe, rounds, number)


def _dpo(recipe: Recipe, rounds: RoundsSettings, number: int) -> Iterator[Stage]:
    """Sample from the current model, assess, pair, train."""
    current, name, pairs = model_of_round(recipe, number - 1), f"round-{number}", f"corpora-preference-{number}"
    yield from round_paths(recipe, name, number, current)
    found = assessed_round(recipe, name, number)
    yield Stage(pairs, "preference", rounds.pairs, found, RoundOptions(round=number))
    options = TrainOptions(threads=recipe.threads, seat="reason", round=number, corpora=("pairs",))
    inputs = {"model": current, "pairs": pairs, "initial": model_of_round(recipe, 0)}
    yield Stage(model_of_round(recipe, number), "dpo", rounds.dpo, inputs, options)


def _grpo(recipe: Recipe, rounds: RoundsSettings, number: int) -> Iterator[Stage]:
    """Ask, sample, reward and train in one; where the recipe says so the summary agent too, on the summary corpus."""
    yield from grpo_stages(recipe, rounds, number)
    if rounds.summary is not None:
        inputs = {"model": summary_of_round(recipe, number - 1), "summary": "corpora-summary"}
        inputs["initial"] = "train-summary"
        options = TrainOptions(threads=recipe.threads, seat="summary", round=number, corpora=("summary",))
        yield Stage(summary_of_round(recipe, number), "grpo", rounds.summary, inputs, options)


def grpo_stages(
    recipe: Recipe, rounds: RoundsSettings, number: int, matched: Mapping[str, dict[str, Any]] | None = None
) -> Iterator[Stage]:
    """`matched`: role of the DPO round's pairs -> its trainer's options, whose compute this round is to equal."""
    current, prompts = model_of_round(recipe, number - 1, "grpo"), f"corpora-prompts-{number}"
    yield Stage(prompts, "prompts", Section(), {"questions": questions_of_round(recipe, number)})
    inputs = {"model": current, "prompts": prompts, "initial": model_of_round(recipe, 0)}
    if matched:
        inputs |= {"pairs": f"corpora-preference-{number}", "paths": f"paths-round-{number}"}
    options = TrainOptions(
        threads=recipe.threads, seat="reason", round=number, corpora=("prompts",), equal_compute=dict(matched or {})
    )
    options = options.model_copy(update={"equal_sampling": ("paths",) if matched else ()})
    yield Stage(model_of_round(recipe, number, "grpo"), "grpo", rounds.grpo, inputs, options)


def _rejection(recipe: Recipe, rounds: RoundsSettings, number: int) -> Iterator[Stage]:
    """Sample from the current model, assess, and train on the right paths as the first training did."""
    how = rounds.rejection or recipe.reason
    if how is None:
        raise RecipeError("rounds of `kind: rejection` have no training", "say how in `rounds.rejection`")
    current, name, chosen = (
        model_of_round(recipe, number - 1, "rejection"),
        f"round-{number}",
        f"corpora-chosen-{number}",
    )
    yield from round_paths(recipe, name, number, current)
    yield Stage(chosen, "chosen", rounds.pairs, assessed_round(recipe, name, number))
    options = TrainOptions(threads=recipe.threads, seat="reason", round=number, corpora=("chosen",))
    settings = TrainSettings.model_validate(how.model_dump())
    inputs = {"model": current, "chosen": chosen}
    yield Stage(model_of_round(recipe, number, "rejection"), "sft", settings, inputs, options)


ROUNDS: Mapping[RoundKind, Round] = {"dpo": _dpo, "grpo": _grpo, "rejection": _rejection}
