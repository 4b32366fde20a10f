"""What FSDP is told of a model that it shares out."""

from __future__ import annotations

from typing import Any


def layers_to_share(model: Any) -> list[str]:
    """Classes of the layers that FSDP shares out one by one: those that transformers names and the model has. A LLaVA
    is also said to have its tower's text part, and accelerate stops at a class that it does not find."""
    there = {type(module).__name__ for module in model.modules()}
    return sorted(there.intersection(model._no_split_modules or ()))


def summed_in_float32(trainer: Any) -> None:
    """Under bf16 accelerate has FSDP give bfloat16 back: log-probabilities and the loss would have three digits, and
    gradients be summed over processes with as many. One process, and DDP, do both in float32."""
    plugin = getattr(trainer.accelerator.state, "fsdp_plugin", None) if trainer.is_fsdp_enabled else None
    if plugin is None or plugin.fsdp_version != 2 or plugin.mixed_precision_policy is None:
        return
    import torch
    from torch.distributed.fsdp import MixedPrecisionPolicy

    computed = plugin.mixed_precision_policy.param_dtype
    plugin.mixed_precision_policy = MixedPrecisionPolicy(computed, torch.float32, torch.float32)
