"""One DPO round on a preference corpus, with TRL's DPOTrainer (Rafailov et al., arXiv 2305.18290).

The reference policy is explicit. `previous` is the model that wrote the pairs, `initial` the one before all rounds. It
is held in memory beside the policy, or is the policy with LoRA's adapter off, or its log-probabilities are computed
before the training and kept (`reference.py`). TRL left to itself would take whatever the config's name points at.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from insightv_bench.errors import require
from insightv_bench.settings import DpoSettings
from insightv_bench.stages import MODEL, Context, TrainOptions

from .data import LENGTH, PAIRS, load_rows, split
from .errors import explained_refusal
from .job import Job, make_job
from .launch import train
from .options import chosen_options, make_options
from .training import (
    adapter_of,
    dtype_of,
    last_checkpoint,
    load_for_training,
    load_policy,
    prepare,
    processor_of,
    run_trainer,
    write_history,
)
from .trl import Kept, Show, cached, compute, estimated_kl, missing_pairs, muon_of, pair_ids, watch, with_logps


def dpo(context: Context[DpoSettings, TrainOptions]) -> None:
    """Inputs: `model`, the current one; `initial`, the one before any round; the pairs, by the roles in the options."""
    settings = context.settings
    reference = context.inputs["model" if settings.reference == "previous" else "initial"] / MODEL
    job = make_job(context, context.inputs["model"] / MODEL, reference=reference)
    train(context, job)
    context.totals["reference"] = settings.reference


def train_dpo(job: Job, show: Show) -> dict[str, Any]:
    """In this process, or in this one of several. Returns the figures for the manifest."""
    trl = require("trl", "train", "training")
    prepare(job.threads, job.seed)
    checkpoint = last_checkpoint(job.checkpoints, job.name)
    processor = processor_of(job.start)
    corpus = load_rows(job, PAIRS, processor)
    corpus = corpus.remove_columns(LENGTH) if LENGTH in corpus.column_names else corpus
    parts, num_rows = split(job, corpus), len(corpus)
    table = chosen_options(job)
    attention = {key: table.pop(key) for key in ("attn_implementation",) if key in table}
    arguments = make_options(trl.DPOConfig, table, job.checkpoints, job.seed)
    if job.cached:
        parts = tuple(_with_reference(job, part, processor, dict(attention)) for part in parts)
    model, frozen = load_policy(job, checkpoint, dict(attention))
    with explained_refusal(job):
        trainer = _class_of(job)(
            model=model,
            args=arguments,
            train_dataset=parts[0],
            eval_dataset=parts[1],
            processing_class=processor,
            callbacks=[watch(job, show), *_stopper(job)],
            **_reference_of(job, attention),
            **adapter_of(job, model),
            **muon_of(job.settings.muon, arguments),
        )
    found = run_trainer(trainer, job, checkpoint)
    if trainer.accelerator.is_main_process:
        write_history(trainer, job.model.parent)
    return {**found, **frozen, "num_rows": num_rows}


def _class_of(job: Job) -> Any:
    import trl

    return watched(cached(trl.DPOTrainer) if job.cached else trl.DPOTrainer)


def watched(trainer_class: Any) -> Any:
    """A subclass that logs an estimate of the KL divergence beside TRL's rewards."""

    class Watched(trainer_class):
        def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
            metrics = self._metrics["train" if self.model.training else "eval"]
            kl = estimated_kl(metrics, self.beta)
            if kl is not None:
                metrics["kl"].append(kl)
            super().log(logs, start_time)

    return Watched


def _stopper(job: Job) -> list[Any]:
    from transformers import EarlyStoppingCallback

    return [EarlyStoppingCallback(job.settings.patience)] if job.settings.patience else []


def _reference_of(job: Job, attention: dict[str, Any]) -> dict[str, Any]:
    """The reference as a model beside the policy, where it is neither cached nor under the adapter."""
    if job.cached or job.under_adapter:
        return {}
    assert job.reference is not None
    return {"ref_model": load_for_training(job.reference, dict(attention), dtype_of(job.settings))[0].eval()}


def _with_reference(job: Job, corpus: Any, processor: Any, attention: dict[str, Any]) -> Any:
    """The rows with the reference's log-probabilities, computed where they are not kept yet."""
    if corpus is None:
        return None
    from accelerate import PartialState

    assert job.reference is not None and job.kept is not None
    kept = Kept(job.kept, job.reference)
    settings = job.settings.trainer
    pairs = pair_ids(corpus, f"{dtype_of(job.settings)}/{settings.get('bf16')}/{settings.get('ld_alpha')}")
    state, known = PartialState(), kept.read()
    state.wait_for_everyone()  # all have read before one writes, else their shares overlap or miss some
    if missing_pairs(pairs, known, 0, 1):
        mine = missing_pairs(pairs, known, state.process_index, state.num_processes)
        _compute(job, corpus, processor, pairs, mine, kept, attention)
        state.wait_for_everyone()
    return with_logps(corpus, pairs, kept.read())


def _compute(
    job: Job, corpus: Any, processor: Any, pairs: list[str], places: list[int], kept: Kept, attention: dict[str, Any]
) -> None:
    """Those at `places`, this process's share, with the reference as the only model in memory."""
    import gc

    import torch
    import trl

    assert job.reference is not None
    with every_process_loads():
        model, _ = load_for_training(job.reference, attention, dtype_of(job.settings))
    arguments = make_options(trl.DPOConfig, _plain(job.settings.trainer), job.checkpoints / "reference", job.seed)
    trainer = cached(trl.DPOTrainer)(model=model, args=arguments, train_dataset=corpus, processing_class=processor)
    trainer.model.to(trainer.accelerator.device).eval()
    size = job.settings.trainer.get("precompute_ref_batch_size") or arguments.per_device_train_batch_size
    compute(trainer, corpus, pairs, places, kept, size)
    del trainer, model
    gc.collect()
    torch.cuda.empty_cache() if torch.cuda.is_available() else None


@contextmanager
def every_process_loads() -> Iterator[None]:
    """Under FSDP transformers gives weights to the first process alone, and shares them out when training begins."""
    before = os.environ.get(LOADS_ALONE)
    os.environ[LOADS_ALONE] = "false"
    try:
        yield
    finally:
        os.environ.pop(LOADS_ALONE)
        if before is not None:
            os.environ[LOADS_ALONE] = before


LOADS_ALONE = "FSDP_CPU_RAM_EFFICIENT_LOADING"


def _plain(trainer: dict[str, Any]) -> dict[str, Any]:
    """What matters for a forward pass."""
    matters = ("bf16", "fp16", "beta", "ld_alpha", "per_device_train_batch_size", "disable_dropout")
    return {key: trainer[key] for key in matters if key in trainer}
