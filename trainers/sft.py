"""Supervised fine-tuning of either seat, and of the base, with TRL's SFTTrainer.

The loss is on the completion alone; images are never cut (`max_length` is None). It makes no corpus and judges no
model.
"""

from __future__ import annotations

from typing import Any

from insightv_bench.errors import require
from insightv_bench.settings import TrainSettings
from insightv_bench.stage import CHECKPOINTS, MODEL, Context

from .card import write_card
from .corpus import load_corpus
from .options import make_options
from .tiny import make_tiny
from .training import last_checkpoint, load_for_training, prepare, run_trainer

COLUMNS = ["images", "prompt", "completion"]


def base(context: Context) -> None:
    """Input: lessons. A new tiny model, taught to see."""
    prepare(context.recipe.threads, context.seed)
    start = context.folder / CHECKPOINTS / "start"
    make_tiny(context.recipe.model, start, context.seed)
    train(context, start, context.stage.inputs[0])


def sft(context: Context) -> None:
    """Inputs: the stage of the model to start from, and the corpus."""
    prepare(context.recipe.threads, context.seed)
    model, corpus = context.stage.inputs[:2]
    train(context, context.inputs[model] / MODEL, corpus)


def train(context: Context, start: Any, corpus_stage: str) -> None:
    trl = require("trl", "train", "training")
    settings = context.stage.settings
    assert isinstance(settings, TrainSettings)
    options = dict(settings.trainer)
    corpus = load_corpus(context.inputs[corpus_stage], COLUMNS, context.folder / CHECKPOINTS / "cache")
    checkpoint = last_checkpoint(context.folder / CHECKPOINTS)
    model, processor = load_for_training(checkpoint or start, options)
    arguments = make_options(trl.SFTConfig, options, context.folder / CHECKPOINTS, context.seed)
    trainer = trl.SFTTrainer(model=model, args=arguments, train_dataset=corpus, processing_class=processor)
    context.totals.update(run_trainer(trainer, context, checkpoint), num_rows=len(corpus))
    write_card(context)
