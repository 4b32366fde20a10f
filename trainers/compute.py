"""How much a training computes, in tokens that go forward and backward, so that a control can be given the same; what
was sampled for it counts as the forward passes that it took.

A control at equal *steps* would be given less wherever its rows are shorter.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from .data import chat_text

NUM_MEASURED = 256
"""Rows that a mean length is taken over."""
FORWARD_SHARE = 1 / 3
"""A forward pass (a reference policy's, or one over a token that is sampled or read) beside a forward and a backward
pass, which is about twice as much."""
FLOPS_A_TOKEN = 6
"""Of each weight, forward and backward (Kaplan et al. 2020, arXiv 2001.08361)."""


def batch_size(trainer: Mapping[str, Any]) -> int:
    """Rows a step, of all its processes; TRL's defaults where the recipe sets none."""
    names = {"per_device_train_batch_size": 8, "gradient_accumulation_steps": 1, "num_processes": 1}
    return math.prod(int(trainer.get(name, default)) for name, default in names.items())


def num_tokens(corpus: Any, processor: Any, trainer: Mapping[str, Any]) -> float:
    """Tokens that a training with these options computes over `corpus`, TRL's three epochs if it sets none."""
    steps = int(trainer.get("max_steps", -1))
    rows = steps * batch_size(trainer) if steps > 0 else len(corpus) * float(trainer.get("num_train_epochs", 3))
    return rows * tokens_of_row(corpus, processor)


def steps_for(tokens: float, corpus: Any, processor: Any, trainer: Mapping[str, Any]) -> int:
    """Steps over `corpus` that compute as much as `tokens`, at least one."""
    return max(1, round(tokens / (tokens_of_row(corpus, processor) * batch_size(trainer))))


def tokens_of_row(corpus: Any, processor: Any) -> float:
    """On average, images and template included; a pair has two sequences, and a reference pass over each."""
    answers = [column for column in ("completion", "chosen", "rejected") if column in corpus.column_names]
    rows = corpus.select(range(0, len(corpus), max(1, len(corpus) // NUM_MEASURED)))
    num = sum(_num_tokens(row, answer, processor) for row in rows for answer in answers)
    return num / len(rows) * (1 + FORWARD_SHARE if "chosen" in answers else 1)


def _num_tokens(row: dict[str, Any], answer: str, processor: Any) -> int:
    text = chat_text(processor, [*row["prompt"], *row[answer]], row["images"])
    return len(processor(text=text, images=row["images"] or None)["input_ids"][0])
