"""Supervised fine-tuning of either seat, and of the base, with TRL's SFTTrainer.

The loss is on the completion alone, and in a completion of several turns on the assistant's; images are never cut
(`max_length` is None). It makes no corpus and judges no model.
"""

from __future__ import annotations

from typing import Any

from insightv_bench.engines.hf import load_processor
from insightv_bench.settings import BaseSettings, TrainSettings
from insightv_bench.stages import CHECKPOINTS, MODEL, Context, TrainOptions

from .compute import options_of, spent_by_others, steps_for
from .data import COMPLETIONS, AssistantTurns, ImagesInPlaces, keep_rows, load_rows
from .job import Job, make_job
from .methods import Method
from .models import make_tiny, with_new_phrases
from .train import train
from .training import prepare
from .trl import sft_trainer


class Sft(Method[TrainSettings]):
    config, columns, by_length = "SFTConfig", COMPLETIONS, True

    def make_trainer(self, job: Job[TrainSettings], attention: str, **options: Any) -> Any:
        trainer = sft_trainer()(**options)
        trainer.data_collator = ImagesInPlaces(AssistantTurns(trainer.data_collator, options["processing_class"]))
        return trainer


def base(context: Context[BaseSettings, TrainOptions]) -> None:
    """Input: `lessons`. A new tiny model, taught to see."""
    prepare(context.recipe.threads, context.seed)
    start = context.folder / CHECKPOINTS / "start"
    make_tiny(context.recipe.shape, start, context.seed)
    train(context, make_job(context, start))


def sft(context: Context[TrainSettings, TrainOptions]) -> None:
    """Inputs: `model`, to start from; the corpora and those whose training it is to equal, by the options' roles."""
    prepare(context.recipe.threads, context.seed)
    start = context.inputs["model"] / MODEL
    if context.settings.new_phrases:
        start = with_new_phrases(start, context.folder / CHECKPOINTS / "start")
    job = make_job(context, start)
    train(context, make_job(context, job.start, more=_equal_compute(context, job)))


def _equal_compute(context: Context, job: Job[TrainSettings]) -> dict[str, int]:
    """The steps that compute as much as other trainings do, the sampling of their paths included."""
    if not context.options.equal_compute:
        return {}
    processor = load_processor(str(job.start))
    spent = spent_by_others(context, job, processor)
    keep_rows(job, context)
    steps = steps_for(spent["num_tokens"], load_rows(job, processor), processor, options_of(job.settings))
    context.totals["equal_compute"] = {**spent, "num_steps": steps}
    return {"max_steps": steps}
