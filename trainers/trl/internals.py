"""What transformers and accelerate tell of a model or a processor in names that they keep to themselves."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

LOADS_ALONE = "FSDP_CPU_RAM_EFFICIENT_LOADING"
"""accelerate writes it, transformers reads it."""


def share_out_by_layers(model: Any) -> None:
    """FSDP shares a model out by the classes that transformers names, one layer at a time: keep those that it has.

    A LLaVA is also said to have its tower's text part, and accelerate stops at a class that it does not find.
    """
    classes = {type(module).__name__ for module in model.modules()}
    model._no_split_modules = sorted(classes.intersection(model._no_split_modules or ()))


def is_image_text_config(config: Any) -> bool:
    """Whether `AutoModelForImageTextToText` loads a model with this config."""
    from transformers import AutoModelForImageTextToText

    return type(config) in AutoModelForImageTextToText._model_mapping


def told_image_tokens(processor: Any, sizes: Sequence[tuple[int, int]]) -> list[int]:
    """Tokens of images of these heights and widths, as the processor tells them. Some cannot be believed."""
    told = processor._get_num_multimodal_tokens(image_sizes=[list(size) for size in sizes])
    return [int(num) for num in told["num_image_tokens"]]


def load_adapter(trainer: Any, checkpoint: Path) -> None:
    """LoRA's weights of the checkpoint into the trainer's model."""
    trainer._load_from_checkpoint(str(checkpoint))


def count_on(trainer: Any, num_tokens: int) -> None:
    """TRL counts the tokens of SFT and DPO from nothing in every process; a resumed training has seen `num_tokens`."""
    if hasattr(trainer, "_total_train_tokens"):
        trainer._total_train_tokens = num_tokens


@contextmanager
def every_process_loads() -> Iterator[None]:
    """Under FSDP transformers gives weights to the first process alone, and shares them out when training begins.

    `accelerate launch` sets the name then, and only its value is changed here: the list of names, which threads may be
    reading, grows no longer.
    """
    before = os.environ.get(LOADS_ALONE)
    if before is None:
        yield
        return
    os.environ[LOADS_ALONE] = "false"
    try:
        yield
    finally:
        os.environ[LOADS_ALONE] = before


def hold_as_multiplied(model: Any) -> None:
    """Weights of linear layers in bfloat16, as autocast makes them before each product: half the memory, and every
    result bit for bit as before. Of a model that is not trained. The head stays, which TRL multiplies with itself."""
    import torch

    head = model.get_output_embeddings()
    for module in model.modules():
        if isinstance(module, torch.nn.Linear) and module is not head:
            module.to(torch.bfloat16)


def tell_nobody() -> None:
    """No message to the Hub that a trainer of TRL's was made, also where this package is used from Python, unless
    `HF_HUB_DISABLE_TELEMETRY` says that one is wanted. The Hub's client has read the environment before."""
    from huggingface_hub import constants

    if "HF_HUB_DISABLE_TELEMETRY" not in os.environ:
        constants.HF_HUB_DISABLE_TELEMETRY = True
