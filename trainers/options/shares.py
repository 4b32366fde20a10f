"""What FSDP is told of a model that it shares out."""

from __future__ import annotations

from typing import Any


def layers_to_share(model: Any) -> list[str]:
    """Classes of the layers that FSDP shares out one by one: those that transformers names and the model has. A LLaVA
    is also said to have its tower's text part, and accelerate stops at a class that it does not find."""
    there = {type(module).__name__ for module in model.modules()}
    return sorted(there.intersection(model._no_split_modules or ()))
