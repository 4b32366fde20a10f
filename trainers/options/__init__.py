"""TODO face."""

from __future__ import annotations

from .lora import ADAPTER, freeze_vision, lora_config, merge_adapter
from .shares import layers_to_share
from .trl import FORCE_CPU, chosen_options, make_options, on_cpu

__all__ = [
    "ADAPTER",
    "FORCE_CPU",
    "chosen_options",
    "freeze_vision",
    "layers_to_share",
    "lora_config",
    "make_options",
    "merge_adapter",
    "on_cpu",
]
