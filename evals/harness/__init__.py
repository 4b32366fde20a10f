"""TODO face."""

from __future__ import annotations

from .arm_task import arm_task, task_name
from .records import eval_record
from .run import quiet, run_lm_eval

__all__ = ["arm_task", "eval_record", "quiet", "run_lm_eval", "task_name"]
