"""What both trainings share: quiet libraries, a bar, checkpoints, and a model folder that is whole or absent."""

from __future__ import annotations

import logging
import os
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from insightv_bench.engines.hf import load_model
from insightv_bench.settings import HfEngine
from insightv_bench.stage import MODEL, Context

WHOLE = "whole"
"""Put into a checkpoint once all of it is written; one without it is not resumed from."""


def prepare(threads: int, seed: int) -> None:
    """Fixed threads and seeds: the same recipe gives the same weights."""
    import torch
    import transformers

    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    torch.set_num_threads(threads)
    transformers.set_seed(seed)
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    logging.getLogger("trl").setLevel(logging.ERROR)


def load_for_training(folder: Path, trainer: dict[str, Any]) -> tuple[Any, Any]:
    """Model and processor. On a CPU eager attention is the faster one for short sequences (measured)."""
    model, processor = load_model(HfEngine(model=str(folder), device="cpu"))
    model.set_attn_implementation(trainer.pop("attn_implementation", "eager"))
    return model.train(), processor


@contextmanager
def quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def run_trainer(trainer: Any, context: Context, checkpoint: Path | None) -> dict[str, Any]:
    """Train, from `checkpoint` if there is one; save; return the figures for the manifest.

    The trainer's model must have been loaded from `checkpoint`: transformers' own loading there passes over weights
    whose names changed when they were saved (LLaVA's do), without a word, and would go on from the old ones.
    """
    from transformers import PrinterCallback

    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(_callback(context))
    with quiet():
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    trainer.save_model(str(context.folder / MODEL))
    (context.folder / MODEL / "training_args.bin").unlink(missing_ok=True)  # a pickle, which nobody should load
    return figures(trainer)


def last_checkpoint(folder: Path) -> Path | None:
    """The newest whole checkpoint; what a kill left half-written is removed."""
    found = sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))
    for checkpoint in found:
        if not (checkpoint / WHOLE).exists():
            shutil.rmtree(checkpoint)
    return next((checkpoint for checkpoint in reversed(found) if checkpoint.exists()), None)


def figures(trainer: Any) -> dict[str, Any]:
    logs = [log for log in trainer.state.log_history if "loss" in log]
    names = ("loss", "mean_token_accuracy", "rewards/accuracies", "rewards/margins", "logps/chosen")
    last = {name: logs[-1][name] for name in names if logs and name in logs[-1]}
    return {
        "num_steps": trainer.state.global_step,
        "num_parameters": sum(p.numel() for p in trainer.model.parameters()),
        "first_loss": logs[0]["loss"] if logs else None,
        **{f"last_{name}": value for name, value in last.items()},
    }


def _callback(context: Context) -> Any:
    from transformers import TrainerCallback

    class Watch(TrainerCallback):
        """Shows the bar, and marks each checkpoint that is whole."""

        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self.task = context.progress.start(context.stage.name, state.max_steps)
            context.progress.advance(self.task, state.global_step)

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            losses = [log["loss"] for log in state.log_history if "loss" in log]
            context.progress.advance(self.task, rate=f"loss {losses[-1]:.3f}" if losses else None)

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            (Path(args.output_dir) / f"checkpoint-{state.global_step}" / WHOLE).touch()

        def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            context.progress.stop(self.task)

    return Watch()
