"""Supervised fine-tuning of either seat, and of the base, with TRL's SFTTrainer.

The loss is on the completion alone, and in a completion of several turns on the assistant's; images are never cut
(`max_length` is None). It makes no corpus and judges no model.
"""

from __future__ import annotations

from typing import Any

from insightv_bench.errors import require
from insightv_bench.settings import BaseSettings, TrainSettings
from insightv_bench.stages import CHECKPOINTS, MODEL, Context, TrainOptions

from .compute import num_tokens, steps_for
from .data import COMPLETIONS, AssistantTurns, columns_of, keep_rows, load_corpus, load_rows, mix_of, split
from .errors import explained_refusal
from .job import Job, make_job
from .launch import train
from .models import make_tiny
from .options import chosen_options, make_options
from .training import adapter_of, last_checkpoint, load_policy, prepare, processor_of, run_trainer, write_history
from .trl import Show, lean, muon_of, watch


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


def train_sft(job: Job, show: Show) -> dict[str, Any]:
    """In this process, or in this one of several. Returns the figures for the manifest."""
    trl = require("trl", "train", "training")
    prepare(job.threads, job.seed)
    checkpoint = last_checkpoint(job.checkpoints, job.name)
    processor = processor_of(job.start)
    rows = load_rows(job, COMPLETIONS, processor)
    corpus, validation = split(job, rows)
    trainer_table = {"train_sampling_strategy": "group_by_length", **chosen_options(job)}
    trainer_table |= job.more
    attention = {key: trainer_table.pop(key) for key in ("attn_implementation",) if key in trainer_table}
    arguments = make_options(trl.SFTConfig, trainer_table, job.checkpoints, job.seed)
    model, frozen = load_policy(job, checkpoint, attention)
    with explained_refusal(job):
        trainer = lean(trl.SFTTrainer)(
            model=model,
            args=arguments,
            train_dataset=corpus,
            eval_dataset=validation,
            processing_class=processor,
            callbacks=[watch(job, show), *_stopper(job)],
            **adapter_of(job, model),
            **muon_of(job.settings.muon, arguments),
        )
    trainer.data_collator = AssistantTurns(trainer.data_collator, processor)
    found = run_trainer(trainer, job, checkpoint)
    if trainer.accelerator.is_main_process:
        write_history(trainer, job.model.parent)
    return {**found, **frozen, "num_rows": len(rows), "mix": mix_of(job, rows)}


def _stopper(job: Job) -> list[Any]:
    from transformers import EarlyStoppingCallback

    return [EarlyStoppingCallback(job.settings.patience)] if job.settings.patience else []


def _equal_compute(context: Context, job: Job) -> dict[str, int]:
    """The steps that compute as much as other trainings do: `equal_compute` names their corpora and trainer tables."""
    matched = context.options.equal_compute
    if not matched:
        return {}
    processor = processor_of(job.start)
    tokens = sum(num_tokens(_matched(context, name), processor, table) for name, table in matched.items())
    keep_rows(job, context)
    corpus = load_rows(job, COMPLETIONS, processor)
    processes = {"num_processes": job.settings.launch.num_processes} if job.settings.launch else {}
    steps = steps_for(tokens, corpus, processor, {**job.settings.trainer, **processes})
    context.totals["equal_compute"] = {
        "of": [context.stage.inputs[role] for role in matched],
        "num_tokens": round(tokens),
        "num_steps": steps,
    }
    return {"max_steps": steps}


def _matched(context: Context, name: str) -> Any:
    folder = context.inputs[name]
    return load_corpus([folder], columns_of(folder), context.folder / CHECKPOINTS / "cache")
