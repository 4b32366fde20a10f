"""Muon (Jordan et al. 2024) for the layers' matrices, AdamW for all else: embeddings, norms, biases, convolutions.

Both are torch's own. Muon orthogonalises each matrix's momentum, which a model from nothing learns by in about half as
many steps (docs/learning-log.md). transformers takes one optimizer, so the two stand behind one here.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from insightv_bench.engines.hf import multiplies_bfloat16
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

    def make(model: Any) -> Any:
        matrices, others = split_weights(model)
        options = {"lr": settings.learning_rate, "momentum": settings.momentum, "weight_decay": settings.weight_decay}
        return together(_adamw(others, arguments), stacked_muon(matrices, **options))

    return {"optimizer_cls_and_kwargs": (lambda: make, {})}


def stacked_muon(matrices: list[Any], **options: Any) -> Any:
    """torch's Muon, matrices of one shape in one product: bit for bit the same weights, in half its time on a CPU."""
    import torch

    class StackedMuon(torch.optim.Muon):
        @torch.no_grad()
        def step(self, closure: Callable[[], float] | None = None) -> Any:
            for group in self.param_groups:
                for alike in _by_shape(group["params"]):
                    self._step_alike(alike, group)

        def _step_alike(self, alike: list[Any], group: dict[str, Any]) -> None:
            """As torch's: weight decay, momentum (Nesterov's), Newton-Schulz, the rate scaled by the shape."""
            zeros = torch.zeros_like
            moments = [self.state[weight].setdefault("momentum_buffer", zeros(weight)) for weight in alike]
            grads = [weight.grad for weight in alike]
            torch._foreach_lerp_(moments, grads, 1 - group["momentum"])
            stack = torch.stack(torch._foreach_lerp(grads, moments, group["momentum"]))
            updates = orthogonal(stack, group["ns_coefficients"], group["ns_steps"], group["eps"])
            rate = group["lr"] * math.sqrt(max(1, alike[0].shape[0] / alike[0].shape[1]))
            torch._foreach_mul_(alike, 1 - group["lr"] * group["weight_decay"])
            torch._foreach_add_(alike, list(updates.to(stack.dtype)), alpha=-rate)

    return StackedMuon(matrices, **options)


def _by_shape(weights: Iterable[Any]) -> Iterable[list[Any]]:
    groups: dict[Any, list[Any]] = defaultdict(list)
    for weight in weights:
        if weight.grad is not None:
            groups[weight.shape, weight.device].append(weight)
    return groups.values()


def orthogonal(stack: Any, coefficients: tuple[float, float, float], num_steps: int, eps: float) -> Any:
    """Newton-Schulz over matrices [number, rows, columns], in bfloat16 where that is quick; `coefficients` of its
    quintic."""
    import torch

    a, b, c = coefficients
    stack = stack.bfloat16() if stack.device.type != "cpu" or multiplies_bfloat16() else stack.float()
    wide = stack.mT if stack.shape[1] > stack.shape[2] else stack
    wide = wide / wide.norm(dim=(1, 2), keepdim=True).clamp(min=eps)
    for _ in range(num_steps):
        gram = wide @ wide.mT
        wide = torch.baddbmm(wide, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), wide, beta=a)
    return wide.mT if stack.shape[1] > stack.shape[2] else wide


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
