"""What is seen while a model trains: the bar with loss, tokens a second and time left; and what ends a training."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from insightv_bench.errors import StageError

WHOLE = "whole"
"""Put into a checkpoint once all of it is written; one without it is not resumed from. It holds the job's name."""
ShowStep = Callable[[int, int, str], None]
"""Told the steps done, all steps, and the rate in words."""
CheckLog = Callable[[Mapping[str, Any], int, Any], None]
"""Told what is logged, the step, and TRL's arguments; raises where the training had better not go on."""


def progress_callback(name: str, show: ShowStep, check_log: CheckLog) -> Any:
    """For the training of this name."""
    from accelerate import PartialState
    from transformers import TrainerCallback

    class ProgressCallback(TrainerCallback):
        """Shows the bar, marks each checkpoint that is whole, and ends a training that runs away."""

        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self.began = (time.monotonic(), tokens_seen(state.log_history))
            if state.is_world_process_zero:
                show(state.global_step, state.max_steps, "")

        def on_epoch_begin(self, args: Any, state: Any, control: Any, train_dataloader: Any = None, **_: Any) -> None:
            set_epoch(train_dataloader, int((state.epoch or 0) + 1e-6))

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if state.is_world_process_zero:
                show(state.global_step, state.max_steps, self.rate(state))

        def rate(self, state: Any) -> str:
            losses = [log["loss"] for log in state.log_history if "loss" in log]
            if not losses:
                return ""
            started, before = self.began
            speed = (tokens_seen(state.log_history) - before) / max(time.monotonic() - started, 1e-9)
            return f"loss {losses[-1]:.3f}, {f'{speed / 1000:.1f}k' if speed >= 1000 else f'{speed:.0f}'} tok/s"

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            check_loss(name, logs or {}, state.global_step)
            check_log(logs or {}, state.global_step, args)

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            PartialState().wait_for_everyone()  # each of several has written its part
            if state.is_world_process_zero:
                marker = Path(args.output_dir) / f"checkpoint-{state.global_step}" / WHOLE
                marker.write_text(name, encoding="utf-8")

    return ProgressCallback()


def set_epoch(dataloader: Any, epoch: int) -> None:
    """The order of rows is that of this epoch also where a training of several processes resumes in mid-epoch.

    accelerate's `DataLoaderShard.set_epoch` looks two wrappers deep; a resumed shard has three, and its sampler would
    begin again with the order of epoch 0.
    """
    sampler: Any = getattr(dataloader, "batch_sampler", None)
    while hasattr(sampler, "batch_sampler"):
        sampler = sampler.batch_sampler
    inner: Any = getattr(sampler, "sampler", None)
    if hasattr(inner, "set_epoch"):
        inner.set_epoch(epoch)


def tokens_seen(history: list[dict[str, Any]]) -> int:
    """By the last log that says so, since the training's first step."""
    return next((int(log["num_tokens"]) for log in reversed(history) if "num_tokens" in log), 0)


def check_loss(name: str, logs: Mapping[str, Any], step: int) -> None:
    """Raises StageError for a loss or gradient that is no number."""
    for key in ("loss", "grad_norm"):
        if key in logs and not math.isfinite(float(logs[key])):
            raise StageError(
                f"`{name}` ran away: its {key} is {logs[key]} at step {step:,}",
                "lower `trainer.learning_rate`, or lengthen `trainer.warmup_steps`",
            )
