"""Supervised fine-tuning of either seat, and of the base, with TRL's SFTTrainer.

The loss is on the completion alone, and in a completion of several turns on the assistant's; images are never cut
(`max_length` is None). It makes no corpus and judges no model.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from insightv_bench.engines import costs_from
from insightv_bench.engines.hf import load_processor
from insightv_bench.settings import BaseSettings, TrainSettings
from insightv_bench.stages import CHECKPOINTS, MODEL, Context, TrainOptions, read_manifest

from .compute import FLOPS_A_TOKEN, FORWARD_SHARE, num_tokens, steps_for
from .data import COMPLETIONS, AssistantTurns, ImagesInPlaces, columns_of, keep_rows, load_corpus, load_rows
from .job import Job, make_job
from .methods import Method
from .models import make_tiny
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
    job = make_job(context, context.inputs["model"] / MODEL)
    train(context, make_job(context, job.start, more=_equal_compute(context, job)))


def _equal_compute(context: Context, job: Job[TrainSettings]) -> dict[str, int]:
    """The steps that compute as much as other trainings do, the sampling of their paths included.

    `equal_compute` names their corpora and trainer tables, `equal_sampling` their paths."""
    matched = context.options.equal_compute
    if not matched:
        return {}
    processor = load_processor(str(job.start))

    def corpus_of(folder: Path) -> Any:
        return load_corpus([folder], columns_of(folder), job.checkpoints / "cache")

    tokens = sum(num_tokens(corpus_of(context.inputs[name]), processor, table) for name, table in matched.items())
    spent = [costs_from(read_manifest(context.inputs[role])) for role in context.options.equal_sampling]
    read_and_written = sum(costs.num_prompt_tokens + costs.num_tokens for costs in spent if costs)
    tokens += read_and_written * FORWARD_SHARE
    keep_rows(job, context)
    processes = {"num_processes": job.settings.launch.num_processes} if job.settings.launch else {}
    steps = steps_for(tokens, load_rows(job, processor), processor, {**job.settings.trainer, **processes})
    context.totals["equal_compute"] = {
        "of": [context.stage.inputs[role] for role in matched],
        "num_tokens": round(tokens),
        "num_sampled_tokens": round(read_and_written),
        "sampling_seconds": round(sum(costs.seconds for costs in spent if costs), 1),
        "flops_a_weight": round(FLOPS_A_TOKEN * tokens),
        "num_steps": steps,
    }
    return {"max_steps": steps}
