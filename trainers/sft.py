"""Supervised fine-tuning of either seat, and of the base, with TRL's SFTTrainer.

The loss is on the completion alone; images are never cut (`max_length` is None). It makes no corpus and judges no
model.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from insightv_bench.errors import require
from insightv_bench.settings import TrainSettings
from insightv_bench.stage import CHECKPOINTS, MODEL, Context

from .card import write_card
from .compute import num_tokens, steps_for
from .corpus import COMPLETIONS, columns_of, load_corpus, with_lengths
from .lean import lean
from .options import make_options
from .tiny import make_tiny
from .training import last_checkpoint, load_for_training, prepare, run_trainer


def base(context: Context) -> None:
    """Input: lessons. A new tiny model, taught to see."""
    prepare(context.recipe.threads, context.seed)
    start = context.folder / CHECKPOINTS / "start"
    make_tiny(context.recipe.model, start, context.seed)
    train(context, start, [context.stage.inputs[0]])


def sft(context: Context) -> None:
    """Inputs: the stage of the model to start from, the corpora, and those whose training it is to equal.

    Option `corpora` names the corpora to train on where there are several.
    """
    prepare(context.recipe.threads, context.seed)
    model, corpus = context.stage.inputs[:2]
    train(context, context.inputs[model] / MODEL, context.stage.options.get("corpora", [corpus]))


def train(context: Context, start: Path, corpora: Sequence[str]) -> None:
    trl = require("trl", "train", "training")
    settings = context.stage.settings
    assert isinstance(settings, TrainSettings)
    options = dict(settings.trainer)
    checkpoint = last_checkpoint(context.folder / CHECKPOINTS)
    model, processor = load_for_training(checkpoint or start, options)
    corpus = _corpus(context, corpora, processor)
    options = {"train_sampling_strategy": "group_by_length", **options}
    options |= _equal_compute(context, corpus, processor, options)
    arguments = make_options(trl.SFTConfig, options, context.folder / CHECKPOINTS, context.seed)
    trainer = lean(trl.SFTTrainer)(model=model, args=arguments, train_dataset=corpus, processing_class=processor)
    context.totals.update(run_trainer(trainer, context, checkpoint), num_rows=len(corpus))
    write_card(context)


def _corpus(context: Context, stages: Sequence[str], processor: Any) -> Any:
    cache = context.folder / CHECKPOINTS / "cache"
    return with_lengths(load_corpus([context.inputs[stage] for stage in stages], COMPLETIONS, cache), processor)


def _equal_compute(context: Context, corpus: Any, processor: Any, trainer: dict[str, Any]) -> dict[str, int]:
    """The steps that compute as much as other trainings do: `equal_compute` names their corpora and trainer tables."""
    matched = context.stage.options.get("equal_compute", {})
    if not matched:
        return {}
    tokens = sum(num_tokens(_matched(context, name), processor, table) for name, table in matched.items())
    steps = steps_for(tokens, corpus, processor, trainer)
    context.totals["equal_compute"] = {"of": list(matched), "num_tokens": round(tokens), "num_steps": steps}
    return {"max_steps": steps}


def _matched(context: Context, name: str) -> Any:
    folder = context.inputs[name]
    return load_corpus([folder], columns_of(folder), context.folder / CHECKPOINTS / "cache")
