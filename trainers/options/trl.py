"""Which of TRL's options a recipe sets, and which this package sets for it.

A recipe's `trainer` table is TRL's own, under TRL's own names. Set here is only what a vision-language run would get
wrong without a word: truncation, which cuts the completion silently, and what a CPU has not.
"""

from __future__ import annotations

import dataclasses
import math
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from insightv_bench.engines.hf import multiplies_bfloat16
from insightv_bench.errors import RecipeError, require
from insightv_bench.settings import BaseSettings, ShippedAgent, TrainSettings
from insightv_bench.stages import Stage

from ..job import Job
from ..machine import check_machine
from ..methods import Method, method_of
from .lora import check_lora
from .refused import check_quantize, check_refused
from .values import as_recipe_errors, check_range, check_values

OURS = (
    "output_dir",
    "seed",
    "data_seed",
    "max_length",
    "use_cpu",
    "resume_from_checkpoint",
    "load_best_model_at_end",
    "precompute_ref_log_probs",
    "push_to_hub",
)
"""Options that a recipe may not set, because a run sets them."""
DEFAULT_SAVE_STEPS = 100
LOGGING_STEPS = 10
FORCE_CPU = "INSIGHTV_FORCE_CPU"
"""In the environment of the processes of a training with `device: cpu` on a machine that has a GPU."""
_forced_here = ContextVar("forced_here", default=False)
TRACKIO, PROJECT = "trackio", "insightv-bench"
OUR_OWN = ("attn_implementation",)
"""Options beside TRL's, for the model that is trained."""


def on_cpu() -> bool:
    import torch

    forced = _forced_here.get() or bool(os.environ.get(FORCE_CPU))
    return forced or not (torch.cuda.is_available() or torch.backends.mps.is_available())


@contextmanager
def on_device(name: str) -> Iterator[None]:
    """`cpu` for everything in this process that asks which device there is. The environment stays as it is."""
    token = _forced_here.set(_forced_here.get() or name == "cpu")
    try:
        yield
    finally:
        _forced_here.reset(token)


def defaults(checkpoints: Path, seed: int) -> dict[str, Any]:
    cpu = on_cpu()
    return {
        "output_dir": str(checkpoints),
        "seed": seed,
        "data_seed": seed,
        "max_length": None,  # TRL cuts after image expansion and would train on nothing; lengths are bounded before
        "use_cpu": cpu,
        "bf16": not cpu,
        "gradient_checkpointing": not cpu,
        "dataloader_pin_memory": not cpu,
        "dataloader_num_workers": 1,  # decodes the next batch's images meanwhile
        "report_to": [],
        "disable_tqdm": True,
        "save_steps": DEFAULT_SAVE_STEPS,
        "save_total_limit": 2,  # the newest may be half-written when a run is killed
        "lr_scheduler_type": "cosine",
        "warmup_steps": 0.05,  # below 1: a share of all steps, the paper's 0.05
        "weight_decay": 0.0,
    }


def make_options(config_class: type, trainer: dict[str, Any], checkpoints: Path, seed: int) -> Any:
    """TRL's config of this class. Raises RecipeError for an option that it does not have or that is ours to set."""
    check_options(config_class, trainer)
    known = {field.name for field in dataclasses.fields(config_class)}  # GRPO has no `max_length`
    ours = {name: value for name, value in defaults(checkpoints, seed).items() if name in known}
    options = {**ours, "logging_steps": logging_steps(trainer), **trainer}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of options that TRL itself sets
        return config_class(**{**options, "bf16": takes_bfloat16(options)})


def takes_bfloat16(trainer: dict[str, Any]) -> bool:
    """`bf16`, but for a processor on which it would take far longer than float32: nothing is gained by it there."""
    return bool(trainer.get("bf16")) and (not on_cpu() or multiplies_bfloat16())


def logging_steps(trainer: dict[str, Any]) -> int:
    """So often that every checkpoint is also a step that is logged: a loss is a mean since the last one, and after a
    resume it would be a mean over fewer steps. A shorter training is logged too."""
    saved, steps = trainer.get("save_steps", DEFAULT_SAVE_STEPS), trainer.get("max_steps", -1)
    often = min(LOGGING_STEPS, steps) if steps > 0 else LOGGING_STEPS
    return math.gcd(often, saved) if isinstance(saved, int) else often


def check_stages(stages: Sequence[Stage]) -> None:
    """Every option of every training that is to come, and what each needs of this machine.

    Raises RecipeError, ModelError or MissingExtra.
    """
    trl = require("trl", "train", "training")
    for stage in stages:
        settings = stage.settings
        there = isinstance(settings, BaseSettings) and not settings.from_nothing
        if there or isinstance(settings, ShippedAgent):  # it is not trained
            continue
        assert isinstance(settings, TrainSettings)
        method = method_of(settings)
        config_class = getattr(trl, method.config)
        check_options(config_class, settings.trainer)
        check_lora(settings.lora)
        check_quantize(settings)
        with on_device(settings.device):
            check_refused(settings.trainer, settings, config=method.config, is_cpu=on_cpu())
        method.check(settings, stage.command)
        check_machine(settings, stage.command)
        check_reports(settings.trainer.get("report_to"))
        with as_recipe_errors(config_class) as folder:
            make_options(config_class, _of_trl(settings.trainer), folder, seed=0)


def check_reports(report_to: Any) -> None:
    """Raises for a tracker that is not there, which TRL would say only after the model is loaded: MissingExtra for the
    one that an extra brings, else RecipeError."""
    from transformers.integrations import get_available_reporting_integrations

    names = [report_to] if isinstance(report_to, str) else list(report_to or [])
    available = get_available_reporting_integrations()
    for name in names:
        if name == TRACKIO:
            require(TRACKIO, TRACKIO, "`trainer.report_to: trackio`")
        elif name not in ("all", "none", *available):
            raise RecipeError(
                f"`trainer.report_to: {name}` names a tracker that is not installed",
                f"pip install {name}, or one of {', '.join(f'`{known}`' for known in sorted(available)) or '`none`'}",
            )


def chosen_options(job: Job[Any], method: Method[Any]) -> dict[str, Any]:
    """The recipe's, over what follows from its other settings and from the method; then what other trainings ask."""
    trainer, chosen = job.settings.trainer, dict[str, Any]()
    if method.by_length:
        chosen["train_sampling_strategy"] = "group_by_length"
    if job.settings.validation_share:  # as often as checkpoints are written: the best step's weights are then kept
        chosen |= {
            "eval_strategy": "steps",
            "eval_steps": trainer.get("save_steps", DEFAULT_SAVE_STEPS),
            "metric_for_best_model": method.watched,
            "greater_is_better": method.higher_is_better,
            "per_device_eval_batch_size": trainer.get("per_device_train_batch_size", 8),
        }
    if trainer.get("report_to") not in (None, [], "none"):
        # One name for a training wherever it is shown, so that a resumed one goes on in its own curves.
        chosen |= {"project": PROJECT, "run_name": f"{job.run_folder.name}-{job.name}"}
    return {**chosen, **method.options(job.settings), **trainer, **job.more}


def check_options(config_class: type, trainer: dict[str, Any]) -> None:
    """Raises RecipeError for an option that TRL does not have or that is ours to set, and for a value out of range."""
    for name in trainer:
        if name in OURS:
            raise RecipeError(f"`trainer.{name}` is set by the run", "remove it from the recipe")
    known = [field.name for field in dataclasses.fields(config_class)]
    check_values("trainer", _of_trl(trainer), known, config_class, "TRL")
    for name, value in trainer.items():
        check_range(name, value)


def _of_trl(trainer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in trainer.items() if name not in OUR_OWN}
