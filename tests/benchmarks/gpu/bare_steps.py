"""A bare torch loop, the least that a training step can be: autocast, forward, backward, clip, AdamW."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from insightv_bench.trainers.options import freeze_vision, lora_config

from .step_rows import batches_of
from .step_setup import Setup, figures, make, timed


def bare(setup: Setup, dpo: bool, cached: bool) -> dict[str, Any]:
    """The least that a step can be: autocast, forward, backward, clip, AdamW."""
    import torch

    model, processor = make(setup)
    prepared = _prepared(setup, model)
    reference = make(setup)[0].eval() if dpo and not cached and not setup.lora else None
    optimizer = torch.optim.AdamW([w for w in prepared.parameters() if w.requires_grad], lr=1e-6)
    batches = batches_of(setup, processor, dpo)
    kept = [torch.zeros(2 * setup.batch, device=setup.device)] * len(batches) if cached else None

    def step(number: int) -> None:
        batch = batches[number]
        with _autocast(setup):
            if dpo:
                known = kept[number] if kept else _reference_sums(prepared, reference, batch)
                loss = dpo_loss(sums(prepared, batch), known)
            else:
                loss = -sums(prepared, batch).sum() / (batch["labels"] != -100).sum()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(prepared.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    seconds = timed(step, setup)
    return figures(setup, prepared, seconds, int(batches[0]["attention_mask"].sum()), dpo and not cached)


def _prepared(setup: Setup, model: Any) -> Any:
    if not setup.lora:
        freeze_vision(model)
        return model
    import peft

    model.enable_input_require_grads()
    return peft.get_peft_model(model, lora_config(model, {}, with_vision=False))


def _reference_sums(policy: Any, reference: Any, batch: dict[str, Any]) -> Any:
    import torch

    with torch.no_grad(), policy.disable_adapter() if reference is None else contextlib.nullcontext():
        return sums(policy if reference is None else reference, batch)


def sums(model: Any, batch: dict[str, Any]) -> Any:
    """Log-probability of each row's labelled tokens. [rows]"""
    import torch

    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    inputs = {key: value for key, value in batch.items() if key != "labels"}
    states = inner.model(**inputs, use_cache=False).last_hidden_state
    labels = batch["labels"][:, 1:]
    kept = labels != -100
    logits = inner.lm_head(states[:, :-1][kept]).float()
    each = -torch.nn.functional.cross_entropy(logits, labels[kept], reduction="none")
    return torch.zeros(len(labels), device=each.device).index_add(0, kept.nonzero()[:, 0], each)


def dpo_loss(policy: Any, reference: Any, beta: float = 0.1) -> Any:
    import torch

    chosen, rejected = (policy - reference).chunk(2)
    return -torch.nn.functional.logsigmoid(beta * (chosen - rejected)).mean()


@contextlib.contextmanager
def _autocast(setup: Setup) -> Iterator[None]:
    import torch

    with torch.autocast(setup.device, torch.bfloat16, enabled=setup.device == "cuda"):
        yield
