"""What is measured, and how: the same for every way to take a training step."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from insightv_bench.trainers.options.lora import is_vision

from .families import FAMILIES
from .random_models import make_config, make_processor

PEAK_FLOPS = {"H200": 989e12, "H100": 989e12, "A100": 312e12, "L40S": 362e12, "L4": 121e12, "B200": 2250e12}
"""Dense bf16, of the vendor's data sheets."""
WARM_UP = 2


class Setup(NamedTuple):
    family: str
    toy: bool
    device: str
    batch: int
    """Rows a step; pairs in DPO, which are two rows each."""
    length: int
    """Tokens a row."""
    steps: int
    lora: bool


def make(setup: Setup) -> tuple[Any, Any]:
    """Model on its device and processor; float32 weights for a full fine-tuning, bfloat16 under LoRA."""
    import torch
    from transformers import AutoModelForImageTextToText

    family = FAMILIES[setup.family]
    processor = make_processor(family, small=setup.toy)
    torch.manual_seed(0)
    dtype = torch.bfloat16 if setup.lora and setup.device == "cuda" else torch.float32
    with torch.device(setup.device):
        config = make_config(family, processor.tokenizer, small=setup.toy)
        model = AutoModelForImageTextToText.from_config(config, dtype=dtype)
    if setup.device == "cuda":
        model.gradient_checkpointing_enable({"use_reentrant": False})
    return model.train(), processor


def timed(step: Callable[[int], None], setup: Setup) -> float:
    """Seconds a step, after some that are not counted."""
    for number in range(WARM_UP):
        step(number)
    synchronise(setup)
    started = time.perf_counter()
    for number in range(WARM_UP, WARM_UP + setup.steps):
        step(number)
    synchronise(setup)
    return (time.perf_counter() - started) / setup.steps


def synchronise(setup: Setup) -> None:
    import torch

    if setup.device == "cuda":
        torch.cuda.synchronize()


def figures(setup: Setup, model: Any, seconds: float, num_tokens: int, with_reference: bool) -> dict[str, Any]:
    import torch

    tokens = num_tokens / seconds
    flops = flops_a_token(model) + (2 * num_parameters(model) if with_reference else 0)
    name = torch.cuda.get_device_name() if setup.device == "cuda" else ""
    peak = next((value for key, value in PEAK_FLOPS.items() if key in name), None)
    return {
        "seconds": round(seconds, 4),
        "tokens_per_second": round(tokens, 1),
        "mfu_percent": round(100 * tokens * flops / peak, 1) if peak else None,
        "peak_gib": round(torch.cuda.max_memory_allocated() / 2**30, 2) if setup.device == "cuda" else None,
    }


def num_parameters(model: Any) -> int:
    """Of the text model and the head, which see every token; the vision tower sees pictures alone."""
    return sum(weight.numel() for name, weight in model.named_parameters() if not is_vision(name))


def flops_a_token(model: Any) -> float:
    """Forward 2 a parameter, backward 2 for the states and 2 for each trained one; recomputation is no useful work."""
    trained = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    return 4.0 * num_parameters(model) + 2.0 * trained
