"""DPO on a preference corpus, one round at a time, with TRL's DPOTrainer (Rafailov et al., arXiv 2305.18290).

The reference policy is explicit. `previous` is the model that wrote the pairs, `initial` the one before all rounds. It
is held in memory beside the policy, or is the policy with LoRA's adapter off, or its log-probabilities are computed
before the training and kept (`trl/reference_logps.py`). TRL left to itself would take whatever the config's name points
at.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from insightv_bench.errors import RecipeError, StageError
from insightv_bench.settings import DpoSettings
from insightv_bench.stages import MODEL, Context, TrainOptions

from .data import PAIRS, ImagesInPlaces
from .job import Job, make_job
from .machine import DEEPSPEED, distributed_type
from .methods import Method, Panel
from .options import make_options, takes_bfloat16
from .train import train
from .training import dtype_of, load_for_training
from .trl import (
    KeptLogps,
    compute_logps,
    dpo_trainer,
    every_process_loads,
    hold_as_multiplied,
    missing_pairs,
    pair_ids,
    with_logps,
)

FALL_FROM = 10.0
"""Nats. A chosen path that was nearly certain may lose more than its own log-probability and be well."""
OF_A_FORWARD_PASS = ("bf16", "fp16", "beta", "ld_alpha", "per_device_train_batch_size", "disable_dropout")


class Dpo(Method[DpoSettings]):
    config, columns = "DPOConfig", PAIRS
    figures = {
        "rewards/accuracies": "share of pairs whose chosen path has the higher reward",
        "rewards/margins": "reward of the chosen path over the rejected one, on average",
        "logps/chosen": "log-probability of a chosen path, nats",
        "kl": "estimate of KL(reference || policy) over the pairs, nats",
    }
    panels = (
        Panel("Share of pairs in order", {"rewards/accuracies": "training", "eval_rewards/accuracies": "validation"}),
        Panel("Reward margin", {"rewards/margins": "training", "eval_rewards/margins": "validation"}),
        Panel("Log-probability of a path (nats)", {"logps/chosen": "chosen", "logps/rejected": "rejected"}),
        Panel("KL from the reference (nats)", {"kl": "training", "eval_kl": "validation"}),
    )

    def check(self, settings: DpoSettings, verb: str) -> None:
        if settings.cache_reference and settings.launch and distributed_type(settings.launch.config) == DEEPSPEED:
            raise RecipeError(
                f"`{verb}`: `cache_reference` needs a model that can be used on its own, and DeepSpeed shares it out",
                "leave `cache_reference` out: the reference is then a second model, in shares too; or use `fsdp`",
            )

    def prepare_rows(self, job: Job[DpoSettings], rows: Any, processor: Any, attention: str) -> Any:
        return with_reference(job, rows, processor, attention) if is_cached(job) else rows

    def make_trainer(self, job: Job[DpoSettings], attention: str, **options: Any) -> Any:
        if not is_cached(job) and not is_under_adapter(job):
            options["ref_model"] = load_for_training(_reference(job), dtype_of(job.settings), attention)[0].eval()
        trainer = dpo_trainer(precomputed=is_cached(job))(**options)
        trainer.data_collator = ImagesInPlaces(trainer.data_collator)
        return trainer

    def check_log(self, job: Job[DpoSettings], logs: Mapping[str, Any], step: int, arguments: Any) -> None:
        check_fall(job.name, logs, step, arguments.beta, job.settings.max_fall)

    def card_note(self, job: Job[DpoSettings]) -> str:
        how = "a second model"
        if is_under_adapter(job):
            how = "the adapter off"
        elif is_cached(job):
            how = "its log-probabilities kept"
        return f"Reference policy: `{job.settings.reference}` (`{_reference(job).parent.name}`), {how}."


def dpo(context: Context[DpoSettings, TrainOptions]) -> None:
    """Inputs: `model`, the current one; `initial`, the one before any round; the pairs, by the roles in the options."""
    settings = context.settings
    reference = context.inputs["model" if settings.reference == "previous" else "initial"] / MODEL
    job = make_job(context, context.inputs["model"] / MODEL, reference=reference)
    train(context, job)
    context.totals["reference"] = settings.reference


def is_cached(job: Job[DpoSettings]) -> bool:
    """Whether the reference's log-probabilities are computed before the training."""
    if job.settings.cache_reference is None:
        return not job.from_nothing and not is_under_adapter(job) and not job.in_shares
    return job.settings.cache_reference


def is_under_adapter(job: Job[DpoSettings]) -> bool:
    """Whether the reference is the model itself with its adapter off."""
    return job.settings.lora is not None and job.reference == job.start


def _reference(job: Job[DpoSettings]) -> Path:
    if job.reference is None:
        raise TypeError(f"`{job.name}` has no reference model")
    return job.reference


def with_reference(job: Job[DpoSettings], rows: Any, processor: Any, attention: str) -> Any:
    """The rows with the reference's log-probabilities, computed where they are not kept yet."""
    from accelerate import PartialState

    if job.kept is None:
        raise TypeError(f"`{job.name}` has no folder for log-probabilities")
    kept = KeptLogps(job.kept, _reference(job))
    trainer = job.settings.trainer
    pairs = pair_ids(
        rows, f"{dtype_of(job.settings)}/{trainer.get('bf16') and takes_bfloat16(trainer)}/{trainer.get('ld_alpha')}"
    )
    state, known = PartialState(), kept.read()
    state.wait_for_everyone()  # all have read before one writes, else their shares overlap or miss some
    if missing_pairs(pairs, known, 0, 1):
        mine = missing_pairs(pairs, known, state.process_index, state.num_processes)
        compute_reference(job, rows, processor, pairs, mine, kept, attention)
        state.wait_for_everyone()
    return with_logps(rows, pairs, kept.read())


def compute_reference(
    job: Job[DpoSettings],
    rows: Any,
    processor: Any,
    pairs: list[str],
    places: list[int],
    kept: KeptLogps,
    attention: str,
) -> None:
    """Those at `places`, this process's share, with the reference as the only model in memory."""
    import gc

    import torch
    import trl

    with every_process_loads():
        model, _ = load_for_training(_reference(job), dtype_of(job.settings), attention, at_once=True)
    options = {name: value for name, value in job.settings.trainer.items() if name in OF_A_FORWARD_PASS}
    arguments = make_options(trl.DPOConfig, options, job.checkpoints / "reference", job.seed)
    if arguments.bf16:
        hold_as_multiplied(model)
    trainer = dpo_trainer(precomputed=True)(model=model, args=arguments, train_dataset=rows, processing_class=processor)
    trainer.data_collator = ImagesInPlaces(trainer.data_collator)
    trainer.model.to(trainer.accelerator.device).eval()
    size = job.settings.trainer.get("precompute_ref_batch_size") or arguments.per_device_train_batch_size
    compute_logps(trainer, rows, pairs, places, kept, size)
    del trainer, model
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def check_fall(name: str, logs: Mapping[str, Any], step: int, beta: float, max_fall: float) -> None:
    """Raises StageError where the chosen paths have lost too much of their log-probability under the reference.

    A run that leaves its reference behind is no longer a preference training.
    """
    if "rewards/chosen" not in logs or "logps/chosen" not in logs or not beta:
        return
    change = float(logs["rewards/chosen"]) / beta
    reference = float(logs["logps/chosen"]) - change
    if -change <= max_fall * max(abs(reference), FALL_FROM):
        return
    raise StageError(
        f"`{name}` ran away: at step {step:,} its chosen paths have a log-probability of {logs['logps/chosen']:.1f}, "
        f"{reference:.1f} under the reference (margin {logs['rewards/margins']:.2f}, KL {logs.get('kl', 0):.1f})",
        "lower `trainer.learning_rate`, add the `sft` term (`loss_type: [sigmoid, sft]`), or raise `max_fall`",
    )
