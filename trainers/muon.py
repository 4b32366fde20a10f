"""Muon (Jordan et al. 2024) for the layers' matrices, AdamW for all else: embeddings, norms, biases, convolutions.

Both are torch's own. Muon orthogonalises each matrix's momentum, which a model from nothing learns by in about half as
many steps (docs/learning-log.md). transformers takes one optimizer, so the two stand behind one here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from insightv_bench.settings import MuonSettings


def together(adamw: Any, muon: Any) -> Any:
    """One optimizer of two: parameter groups in one list, AdamW's first, the states side by side."""
    import torch

    class MuonAdamW(torch.optim.Optimizer):
        def __init__(self) -> None:
            super().__init__([*adamw.param_groups, *muon.param_groups], {})
            self.parts = (adamw, muon)
            self._share_groups()

        def _share_groups(self) -> None:
            """A scheduler changes the rates in this list; each part must see them."""
            self.param_groups = [group for part in self.parts for group in part.param_groups]

        def step(self, closure: Callable[[], float] | None = None) -> Any:
            loss = closure() if closure else None
            for part in self.parts:
                part.step()
            return loss

        def state_dict(self) -> dict[str, Any]:
            return {"parts": [part.state_dict() for part in self.parts]}

        def load_state_dict(self, state_dict: dict[str, Any]) -> None:
            for part, state in zip(self.parts, state_dict["parts"], strict=True):
                part.load_state_dict(state)
            self._share_groups()

    return MuonAdamW()


def muon_of(settings: MuonSettings | None, arguments: Any) -> dict[str, Any]:
    """What transformers' `Trainer` takes for another optimizer; nothing without `muon` in the recipe.

    `arguments` are TRL's: AdamW's learning rate, betas, epsilon and weight decay are theirs.
    """
    if settings is None:
        return {}

    import torch

    def make(model: Any) -> Any:
        matrices, others = split_weights(model)
        options = {"lr": settings.learning_rate, "momentum": settings.momentum, "weight_decay": settings.weight_decay}
        return together(_adamw(others, arguments), torch.optim.Muon(matrices, **options))

    return {"optimizer_cls_and_kwargs": (lambda: make, {})}


def split_weights(model: Any) -> tuple[list[Any], list[Any]]:
    """The trained matrices of linear layers, the head's left out; every other trained weight."""
    from torch.nn import Linear

    head = model.get_output_embeddings()
    linear = [module for module in model.modules() if isinstance(module, Linear) and module is not head]
    matrices = [module.weight for module in linear if module.weight.requires_grad]
    known = {id(weight) for weight in matrices}
    return matrices, [weight for weight in model.parameters() if weight.requires_grad and id(weight) not in known]


def _adamw(weights: list[Any], arguments: Any) -> Any:
    """No weight decay for vectors: norms and biases."""
    from torch.optim import AdamW

    groups = [
        {"params": [weight for weight in weights if weight.ndim > 1], "weight_decay": arguments.weight_decay},
        {"params": [weight for weight in weights if weight.ndim < 2], "weight_decay": 0.0},
    ]
    betas = (arguments.adam_beta1, arguments.adam_beta2)
    return AdamW(groups, lr=arguments.learning_rate, betas=betas, eps=arguments.adam_epsilon)
