"""One DPO round on a preference corpus, with TRL's DPOTrainer (Rafailov et al., arXiv 2305.18290).

The reference policy is loaded from a folder and given to TRL, which would otherwise take whatever the config's name
points at. `reference: previous` is the model that wrote the pairs, `initial` the one before all rounds.
"""

from __future__ import annotations

from insightv_bench.errors import require
from insightv_bench.settings import DpoSettings
from insightv_bench.stage import CHECKPOINTS, MODEL, Context

from .card import write_card
from .corpus import PAIRS, load_corpus
from .options import make_options
from .training import last_checkpoint, load_for_training, prepare, run_trainer


def dpo(context: Context) -> None:
    """Inputs: the current model's stage, the round's pairs, the initial model's stage."""
    trl = require("trl", "train", "training")
    settings = context.stage.settings
    assert isinstance(settings, DpoSettings)
    prepare(context.recipe.threads, context.seed)
    current, pairs, initial = context.stage.inputs
    options = dict(settings.trainer)
    corpus = load_corpus([context.inputs[pairs]], PAIRS, context.folder / CHECKPOINTS / "cache")
    checkpoint = last_checkpoint(context.folder / CHECKPOINTS)
    model, processor = load_for_training(checkpoint or context.inputs[current] / MODEL, options)
    reference = context.inputs[current if settings.reference == "previous" else initial] / MODEL
    arguments = make_options(trl.DPOConfig, options, context.folder / CHECKPOINTS, context.seed)
    trainer = trl.DPOTrainer(
        model=model,
        ref_model=load_for_training(reference, {})[0].eval(),
        args=arguments,
        train_dataset=corpus,
        processing_class=processor,
    )
    context.totals.update(run_trainer(trainer, context, checkpoint), num_rows=len(corpus), reference=settings.reference)
    write_card(context)
