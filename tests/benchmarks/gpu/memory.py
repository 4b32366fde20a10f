"""How much GPU memory a training's weights, gradients and optimizer take, before any activation.

AdamW in float32 holds four numbers of 4 bytes for each trained parameter (weight, gradient, two moments) and one for
each frozen one. Under LoRA the frozen weights are bfloat16. Activations hang on the rows; `gpu_report` measures them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from .families import Family

TRAINED_BYTES, FROZEN_BYTES, LORA_FROZEN_BYTES = 16, 4, 2


class Sizes(NamedTuple):
    num_parameters: int
    num_vision: int
    """Of the vision tower, its projector not counted."""
    num_lora: int
    """Of LoRA's matrices at rank 16 on the text model's linear layers."""


def sizes_of(family: Family, rank: int = 16) -> Sizes:
    """Counted on the real shape, without memory for its weights."""
    import torch
    from transformers import AutoModelForImageTextToText

    from insightv_bench.trainers.options.lora import is_vision, linear_layers

    from .random_models import make_config, make_tokenizer

    with torch.device("meta"):
        model = AutoModelForImageTextToText.from_config(make_config(family, make_tokenizer(family), small=False))
    named = list(model.named_parameters())
    layers: list[Any] = [model.get_submodule(name) for name in linear_layers(model, with_vision=False)]
    return Sizes(
        sum(weight.numel() for _, weight in named),
        sum(weight.numel() for name, weight in named if is_vision(name)),
        sum(rank * (layer.in_features + layer.out_features) for layer in layers),
    )


def full_gib(sizes: Sizes) -> float:
    """All weights but the vision tower's trained, over all devices together."""
    trained = sizes.num_parameters - sizes.num_vision
    return (TRAINED_BYTES * trained + FROZEN_BYTES * sizes.num_vision) / 2**30


def lora_gib(sizes: Sizes) -> float:
    return (LORA_FROZEN_BYTES * sizes.num_parameters + TRAINED_BYTES * sizes.num_lora) / 2**30
