"""What both trainings share: quiet libraries, loading, checkpoints, and a model folder that is whole or absent."""

from __future__ import annotations

import json
import logging
import os
import shutil
import time
import warnings
from pathlib import Path
from typing import Any

from insightv_bench.engines.hf import load_model
from insightv_bench.environment import keep_from_accelerate, keep_from_datasets
from insightv_bench.errors import StageError
from insightv_bench.settings import HfEngine, TrainSettings
from insightv_bench.storage import write_text

from .job import Job
from .methods import method_of
from .models import save_processor
from .options import ADAPTER, freeze_vision, lora_config, merge_adapter, name_base, on_cpu, quantization
from .trl import WHOLE, count_on, load_adapter, share_out_by_layers, tell_nobody, tokens_seen
from .watch import best_weights, is_over

TRAINER_STATE = "trainer_state.json"
"""transformers' name of what a checkpoint knows beside weights: steps, losses."""
HISTORY = "training.jsonl"
"""What was logged, in the stage's folder."""


def prepare(threads: int, seed: int) -> None:
    """Fixed threads and seeds: the same recipe gives the same weights."""
    import torch
    import transformers

    tell_nobody()
    keep_from_accelerate()
    keep_from_datasets()
    torch.set_num_threads(threads)
    transformers.set_seed(seed)
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    logging.getLogger("trl").setLevel(logging.ERROR)


def load_for_training(
    folder: Path, dtype: str = "float32", attention: str = "", quantization: Any = None, at_once: bool = False
) -> tuple[Any, Any]:
    """Model and processor. On a CPU eager attention is the faster one for short sequences (measured).

    `at_once`: onto this process's device straight from the file, which all processes of a machine share, so that none
    holds a copy beside it. A quantized model is always loaded so.
    """
    options: dict[str, Any] = {"model": str(folder), "device": "cpu", "dtype": dtype}
    if quantization or (at_once and not on_cpu()):
        options["device_map"] = own_device()
    model, processor = load_model(HfEngine.model_validate(options), quantization)
    model.set_attn_implementation(attention or ("eager" if on_cpu() else "sdpa"))
    share_out_by_layers(model)
    return model.train(), processor


def own_device() -> str:
    import torch

    if on_cpu():
        return "cpu"
    return f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if torch.cuda.is_available() else "mps"


def load_policy(job: Job[Any], checkpoint: Path | None, attention: str) -> tuple[Any, dict[str, int]]:
    """The model to train, from `checkpoint` where that holds all of its weights; how many of them are trained."""
    whole = checkpoint if checkpoint and any(checkpoint.glob("model*.safetensors")) else None
    model, _ = load_for_training(
        whole or job.start, dtype_of(job.settings), attention, quantization(job.settings.lora, on_cpu())
    )
    frozen = freeze_vision(model) if job.freezes_vision and job.settings.lora is None else 0
    return model, {"num_frozen": frozen} if frozen else {}


def adapter_of(job: Job[Any], model: Any) -> dict[str, Any]:
    """What TRL's trainers take for LoRA; nothing for a full fine-tuning."""
    if job.settings.lora is None:
        return {}
    return {"peft_config": lora_config(model, job.settings.lora, with_vision=not job.freezes_vision)}


def dtype_of(settings: TrainSettings) -> str:
    if settings.dtype != "auto":
        return settings.dtype
    return "bfloat16" if settings.lora is not None and not on_cpu() else "float32"


def run_trainer(trainer: Any, job: Job[Any], checkpoint: Path | None) -> dict[str, Any]:
    """Train, from `checkpoint` if there is one; save; return the figures for the manifest.

    The trainer's model must have been loaded from `checkpoint`: transformers' own loading there passes over weights
    whose names changed when they were saved (LLaVA's do), without a word, and would go on from the old ones.
    """
    from transformers import PrinterCallback

    trainer.remove_callback(PrinterCallback)
    started = time.monotonic()
    with warnings.catch_warnings(action="ignore"):
        train_to_the_end(trainer, job, checkpoint)
        figures = figures_of(trainer, time.monotonic() - started, list(method_of(job.settings).figures))
        save(trainer, job)
    return figures


def train_to_the_end(trainer: Any, job: Job[Any], checkpoint: Path | None) -> None:
    """Resumed from a checkpoint of the last step, transformers would train one step more: such a one is taken as it is,
    and so is one at which patience came to its end.
    Not where weights are held in shares, which only a training puts together."""
    from transformers import TrainerState

    if checkpoint is None:
        trainer.train()
        return
    state, launch = TrainerState.load_from_json(str(checkpoint / TRAINER_STATE)), job.settings.launch
    goes_on = state.global_step < state.max_steps and not is_over(job.settings.watch, state.log_history)
    if goes_on or (launch and not launch.keeps_whole):
        count_on(trainer, tokens_seen(state.log_history))
        trainer.train(resume_from_checkpoint=str(checkpoint))
        return
    if job.settings.lora is not None:
        load_adapter(trainer, checkpoint)
    trainer.state = state


def save(trainer: Any, job: Job[Any]) -> None:
    """The model's folder: safetensors, processor and template. The best weights where a validation chose them."""
    chosen = best_weights(job, trainer.state.log_history)
    best = chosen or Path(trainer.state.best_model_checkpoint or "none")
    has_best = best.exists()  # of the best validation; the last step's is the trainer's own
    if job.settings.lora is not None:
        trainer.save_model(str(job.model / ADAPTER))
        if has_best and trainer.accelerator.is_main_process:
            adapter = best / ADAPTER if chosen else best
            shutil.copyfile(adapter / "adapter_model.safetensors", job.model / ADAPTER / "adapter_model.safetensors")
    else:
        trainer.save_model(str(job.model))
    if not trainer.accelerator.is_main_process:
        return
    if job.settings.lora is not None:
        adapter = job.model / ADAPTER  # alone, as an adapter is shared, and merged into the model of later stages
        for file in adapter.iterdir():
            if file.suffix not in (".json", ".safetensors"):
                file.unlink()
        name_base(adapter, job.origin or relative(job.start, adapter), job.revision)
        merge_adapter(job.start, adapter, job.model)
    elif has_best and not chosen:
        for file in best.glob("model*"):
            shutil.copyfile(file, job.model / file.name)
    save_processor(trainer.processing_class, job.start, job.from_nothing, job.model)
    (job.model / "training_args.bin").unlink(missing_ok=True)  # a pickle, which nobody should load
    if chosen:  # the very folder that was measured
        shutil.copytree(chosen, job.model, ignore=shutil.ignore_patterns(ADAPTER), dirs_exist_ok=True)


def relative(folder: Path, start: Path) -> str:
    """Where `folder` lies as seen from `start`, with slashes."""
    return Path(os.path.relpath(folder, start)).as_posix()


def last_checkpoint(folder: Path, name: str = "") -> Path | None:
    """The newest whole checkpoint; what a kill left half-written is removed.

    Raises StageError where it belongs to another training than `name`.
    """
    checkpoints = sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))
    whole = [checkpoint for checkpoint in checkpoints if (checkpoint / WHOLE).exists()]
    for checkpoint in set(checkpoints) - set(whole):
        shutil.rmtree(checkpoint, ignore_errors=True)  # several processes may be at it
    for checkpoint in whole:
        owner = (checkpoint / WHOLE).read_text(encoding="utf-8")
        if name and owner and owner != name:
            raise StageError(f"`{checkpoint}` is a checkpoint of `{owner}`, not of `{name}`", f"rm -r {folder}")
    return whole[-1] if whole else None


def figures_of(trainer: Any, seconds: float, names: list[str]) -> dict[str, Any]:
    """For the manifest. `names`: what is kept of the last logged steps beside loss and accuracy."""
    history = trainer.state.log_history
    logs = [log for log in history if "loss" in log]
    kept = ("loss", "mean_token_accuracy", *names)
    last = {name: logs[-1][name] for name in kept if logs and name in logs[-1]}
    weights = list(trainer.model.parameters())
    size = lambda weight: getattr(weight, "ds_numel", None) or weight.numel()  # noqa: E731 - ZeRO-3 holds a share
    figures: dict[str, Any] = {
        "num_steps": trainer.state.global_step,
        "num_parameters": sum(map(size, weights)),
        "num_trained": sum(size(weight) for weight in weights if weight.requires_grad),
        "num_tokens": tokens_seen(history),
        "train_seconds": round(seconds, 3),
        "bf16": bool(trainer.args.bf16),  # as it was computed: not every processor is quick at it
        "first_loss": logs[0]["loss"] if logs else None,
        **{f"last_{name}": value for name, value in last.items()},
    }
    if trainer.state.best_metric is not None:
        watched = trainer.args.metric_for_best_model.removeprefix("eval_")
        figures[f"best_validation_{watched}"] = trainer.state.best_metric
    if not on_cpu():
        import torch

        figures["peak_gpu_gib"] = round(torch.cuda.max_memory_allocated() / 2**30, 2)
    return figures


def write_history(trainer: Any, folder: Path) -> None:
    lines = [json.dumps(log) for log in trainer.state.log_history]
    write_text(folder / HISTORY, "\n".join(lines) + "\n")
