"""Seconds of a training step, on random weights of a real shape: a bare torch loop, and TRL's trainers.

Each part has the device for itself: its model is made, timed over the same rows and let go.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import Any

from .bare_steps import bare
from .step_setup import Setup
from .trl_steps import with_trl


def measure_all(setup: Setup, end: float) -> list[dict[str, Any]]:
    """`end`: no part is begun after this time of `time.monotonic()`."""
    parts: dict[str, Callable[[Setup], dict[str, Any]]] = {
        "SFT, bare loop": lambda s: bare(s, dpo=False, cached=False),
        "SFT, TRL": lambda s: with_trl(s, dpo=False, cached=False),
        "DPO, bare loop": lambda s: bare(s, dpo=True, cached=False),
        "DPO, bare loop, cached": lambda s: bare(s, dpo=True, cached=True),
        "DPO, TRL": lambda s: with_trl(s, dpo=True, cached=False),
        "DPO, TRL, cached": lambda s: with_trl(s, dpo=True, cached=True),
    }
    rows = []
    for name, part in parts.items():
        if time.monotonic() > end:
            rows.append({"name": name, "left_out": "no time is left"})
            continue
        rows.append({"name": name, **_alone(part, setup)})
    return rows


def _alone(part: Callable[[Setup], dict[str, Any]], setup: Setup) -> dict[str, Any]:
    import torch

    try:
        return part(setup)
    except (torch.OutOfMemoryError, RuntimeError, ImportError) as error:
        return {"left_out": " ".join(str(error).split())[:200]}
    finally:
        gc.collect()
        if setup.device == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
