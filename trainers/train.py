"""One training, whatever its method: decide on the rows, train here or in several processes, leave model and card."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from insightv_bench.engines.hf import load_processor
from insightv_bench.errors import require
from insightv_bench.stages import Context

from .data import LENGTH, keep_rows, load_rows, mix_of, split
from .errors import explained_images, explained_memory, explained_refusal
from .job import Job
from .launch import StepBar, train_launched
from .methods import method_of
from .options import chosen_options, make_options, on_device
from .report import draw_curves, write_card
from .training import adapter_of, last_checkpoint, load_policy, prepare, run_trainer, write_history
from .trl import ShowStep, muon_of, progress_callback
from .watch import PANEL, keep_watched, watch_callback, watched_figures


def train(context: Context, job: Job[Any]) -> None:
    """Leaves model, card and curves in the stage's folder, and the figures in its totals."""
    with on_device(job.settings.device):
        keep_rows(job, context)
        if job.settings.launch:
            figures = train_launched(context, job)
        else:
            with closing(StepBar(context)) as bar:
                figures = train_job(job, bar)
    context.totals.update(figures)
    draw_curves(context.folder, (*method_of(job.settings).panels, PANEL))
    write_card(context, job)


def train_job(job: Job[Any], show: ShowStep) -> dict[str, Any]:
    """In this process, or in this one of several. Returns the figures for the manifest.

    Raises StageError where memory does not suffice, an image cannot be read or TRL refuses the options.
    """
    with explained_memory(job), explained_images(job):
        return _train(job, show)


def _train(job: Job[Any], show: ShowStep) -> dict[str, Any]:
    trl = require("trl", "train", "training")
    from transformers import EarlyStoppingCallback

    prepare(job.threads, job.seed)
    method, settings = method_of(job.settings), job.settings
    checkpoint = last_checkpoint(job.checkpoints, job.name)
    processor = load_processor(str(job.start))
    rows = load_rows(job, processor)
    options = chosen_options(job, method)
    attention = options.pop("attn_implementation", "")
    arguments = make_options(getattr(trl, method.config), options, job.checkpoints, job.seed)
    learnt, validation = (
        part if part is None else method.prepare_rows(job, part, processor, attention) for part in split(job, rows)
    )
    model, frozen = load_policy(job, checkpoint, attention)
    callbacks = [progress_callback(job.name, show, lambda *log: method.check_log(job, *log))]
    callbacks += watch_callback(job, processor)
    with explained_refusal(job):
        trainer = method.make_trainer(
            job,
            attention,
            model=model,
            args=arguments,
            train_dataset=learnt,
            eval_dataset=validation,
            processing_class=processor,
            callbacks=callbacks + ([EarlyStoppingCallback(settings.patience)] if settings.patience else []),
            **adapter_of(job, model),
            **muon_of(settings.muon, arguments),
        )
    figures = run_trainer(trainer, job, checkpoint)
    if trainer.accelerator.is_main_process:
        write_history(trainer, job.model.parent)
        keep_watched(job, trainer.state.log_history)
    mix = {"mix": mix_of(job, rows)} if LENGTH in rows.column_names else {}
    watched = watched_figures(job, trainer.state.log_history)
    return {**figures, **frozen, "num_rows": len(rows), **mix, **watched}
