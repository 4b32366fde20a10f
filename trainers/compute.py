"""How much a training computes, in tokens that go forward and backward, so that a control can be given the same; what
was sampled for it counts as the forward passes that it took.

A control at equal *steps* would be given less wherever its rows are shorter.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from insightv_bench.engines import costs_from
from insightv_bench.settings import TrainSettings
from insightv_bench.stages import Context, TrainOptions, read_manifest

from .data import chat_text, columns_of, load_corpus
from .job import Job

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


def spent_by_others(context: Context[Any, TrainOptions], job: Job[Any], processor: Any) -> dict[str, Any]:
    """What the trainings computed that this one is to equal, the sampling of their paths included; for the manifest.

    `equal_compute` of the options names their corpora and trainer tables, `equal_sampling` their paths.
    """
    tokens = 0.0
    for role, table in context.options.equal_compute.items():
        folder = context.inputs[role]
        corpus = load_corpus([folder], columns_of(folder), job.checkpoints / "cache")
        tokens += num_tokens(corpus, processor, table)
    spent = [costs_from(read_manifest(context.inputs[role])) for role in context.options.equal_sampling]
    read_and_written = sum(costs.num_prompt_tokens + costs.num_tokens for costs in spent if costs)
    tokens += read_and_written * FORWARD_SHARE
    return {
        "of": [context.stage.inputs[role] for role in context.options.equal_compute],
        "num_tokens": round(tokens),
        "num_sampled_tokens": round(read_and_written),
        "sampling_seconds": round(sum(costs.seconds for costs in spent if costs), 1),
        "flops_a_weight": round(FLOPS_A_TOKEN * tokens),
    }


def options_of(settings: TrainSettings) -> dict[str, Any]:
    """TRL's options, and how many processes there are: what the size of a step follows from."""
    return {**settings.trainer, **({"num_processes": settings.launch.num_processes} if settings.launch else {})}


def tokens_of_row(corpus: Any, processor: Any) -> float:
    """On average, images and template included; a pair has two sequences, and a reference pass over each."""
    answers = _answers(corpus)
    sequences = tokens_of_sequence(corpus, processor) * len(answers)
    return sequences * (1 + FORWARD_SHARE if "chosen" in answers else 1)


def tokens_of_sequence(corpus: Any, processor: Any) -> float:
    """On average, of a prompt with one of its answers."""
    answers = _answers(corpus)
    rows = corpus.select(range(0, len(corpus), max(1, len(corpus) // NUM_MEASURED)))
    num = sum(_num_tokens(row, answer, processor) for row in rows for answer in answers)
    return num / len(rows) / len(answers)


def _answers(corpus: Any) -> list[str]:
    return [column for column in ("completion", "chosen", "rejected") if column in corpus.column_names]


def _num_tokens(row: dict[str, Any], answer: str, processor: Any) -> int:
    text = chat_text(processor, [*row["prompt"], *row[answer]], row["images"])
    return len(processor(text=text, images=row["images"] or None)["input_ids"][0])
