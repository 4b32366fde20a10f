"""Which of TRL's options a recipe sets, and which this package sets for it.

A recipe's `trainer` table is TRL's own, under TRL's own names. Set here is only what a vision-language run would get
wrong without a word: truncation, which cuts the completion silently, and what a CPU has not.
"""

from __future__ import annotations

import dataclasses
import difflib
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from insightv_bench.errors import RecipeError, require
from insightv_bench.settings import DpoSettings, TrainSettings
from insightv_bench.stage import Stage

OURS = ("output_dir", "seed", "data_seed", "max_length", "use_cpu", "resume_from_checkpoint")
"""Options that a recipe may not set, because a run sets them."""


OUR_OWN = ("attn_implementation",)
"""Options beside TRL's, for the model that is trained."""


def on_cpu() -> bool:
    import torch

    return not (torch.cuda.is_available() or torch.backends.mps.is_available())


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
        "dataloader_num_workers": 1,  # decodes the next batch's pictures meanwhile
        "report_to": [],
        "disable_tqdm": True,
        "logging_steps": 10,
        "save_steps": 100,
        "save_total_limit": 2,  # the newest may be half-written when a run is killed
        "lr_scheduler_type": "cosine",
        "warmup_steps": 0.05,  # below 1: a share of all steps, the paper's 0.05
        "weight_decay": 0.0,
    }


def make_options(config_class: type, trainer: dict[str, Any], checkpoints: Path, seed: int) -> Any:
    """TRL's config of this class. Raises RecipeError for an option that it does not have or that is ours to set."""
    check_options(config_class, trainer)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of options that TRL itself sets
        return config_class(**{**defaults(checkpoints, seed), **trainer})


def check_stages(stages: Sequence[Stage]) -> None:
    """Every option of every training that is to come. Raises RecipeError."""
    trl = require("trl", "train", "training")
    for stage in stages:
        config_class = trl.DPOConfig if isinstance(stage.settings, DpoSettings) else trl.SFTConfig
        assert isinstance(stage.settings, TrainSettings)
        check_options(config_class, stage.settings.trainer)


def check_options(config_class: type, trainer: dict[str, Any]) -> None:
    known = [field.name for field in dataclasses.fields(config_class)]
    for name in trainer:
        if name in OUR_OWN:
            continue
        if name in OURS:
            raise RecipeError(f"`trainer.{name}` is set by the run", "remove it from the recipe")
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            meant = f"; did you mean `{near[0]}`?" if near else ""
            raise RecipeError(f"`trainer.{name}` is no option of TRL's `{config_class.__name__}`{meant}")
