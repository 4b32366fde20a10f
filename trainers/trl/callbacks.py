"""What is seen while a model trains: the bar with loss, tokens a second and time left; and what stops a round.

A run that leaves its reference behind is no longer a preference training: it is stopped, with the figures that say so.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from insightv_bench.errors import StageError
from insightv_bench.settings import DpoSettings

from ..job import Job
from ..training import WHOLE

Show = Callable[[int, int, str], None]
"""Told the steps done, all steps, and the rate in words."""
FALL_FROM = 10.0
"""Nats. A chosen path that was nearly certain may lose more than its own log-probability and be well."""


def watch(job: Job, show: Show) -> Any:
    from accelerate import PartialState
    from transformers import TrainerCallback

    class Watch(TrainerCallback):
        """Shows the bar, marks each checkpoint that is whole, and stops a runaway."""

        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self.began = (time.monotonic(), _tokens(state))
            if state.is_world_process_zero:
                show(state.global_step, state.max_steps, "")

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if state.is_world_process_zero:
                show(state.global_step, state.max_steps, self.rate(state))

        def rate(self, state: Any) -> str:
            losses = [log["loss"] for log in state.log_history if "loss" in log]
            if not losses:
                return ""
            started, before = self.began
            speed = (_tokens(state) - before) / max(time.monotonic() - started, 1e-9)
            return f"loss {losses[-1]:.3f}, {_short(speed)} tok/s"

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            check_loss(job.name, logs or {}, state.global_step)
            if isinstance(job.settings, DpoSettings):
                check_fall(job.name, logs or {}, state.global_step, args.beta, job.settings.max_fall)

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            PartialState().wait_for_everyone()  # each of several has written its part
            if state.is_world_process_zero:
                marker = Path(args.output_dir) / f"checkpoint-{state.global_step}" / WHOLE
                marker.write_text(job.name, encoding="utf-8")

    return Watch()


def _tokens(state: Any) -> int:
    return next((int(log["num_tokens"]) for log in reversed(state.log_history) if "num_tokens" in log), 0)


def _short(num: float) -> str:
    return f"{num / 1000:.1f}k" if num >= 1000 else f"{num:.0f}"


def check_loss(name: str, logs: dict[str, Any], step: int) -> None:
    """Raises StageError for a loss or gradient that is no number."""
    for key in ("loss", "grad_norm"):
        if key in logs and not math.isfinite(float(logs[key])):
            raise StageError(
                f"`{name}` ran away: its {key} is {logs[key]} at step {step:,}",
                "lower `trainer.learning_rate`, or lengthen `trainer.warmup_steps`",
            )


def check_fall(name: str, logs: dict[str, Any], step: int, beta: float, max_fall: float) -> None:
    """Raises StageError where the chosen paths have lost too much of their log-probability under the reference."""
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


def estimated_kl(metrics: dict[str, list[float]], beta: float) -> float | None:
    """KL(reference || policy) of a path, in nats, over the last batch's pairs, which the reference wrote.

    The mean of log(reference / policy): an estimate, since pairs are not all paths, and it may be below 0.
    """
    if not metrics.get("rewards/chosen") or not beta:
        return None
    return -(metrics["rewards/chosen"][-1] + metrics["rewards/rejected"][-1]) / (2 * beta)
