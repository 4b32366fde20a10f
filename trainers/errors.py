"""What may go wrong while a model trains, told in a user's words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from insightv_bench.errors import StageError
from insightv_bench.storage import first_line

from .job import Job
from .options import on_cpu


@contextmanager
def explained_memory(job: Job[Any]) -> Iterator[None]:
    """Raises StageError in the place of an out-of-memory error, with what to turn."""
    import torch

    try:
        yield
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        words = ("out of memory", "can't allocate memory", "not enough memory")
        if not any(word in str(error).lower() for word in words) and not isinstance(error, MemoryError):
            raise
        raise StageError(f"`{job.name}`: out of memory ({first_line(error)})", what_to_turn(job)) from error


def what_to_turn(job: Job[Any]) -> str:
    """The knobs that are not turned yet, the cheapest first."""
    trainer, settings = job.settings.trainer, job.settings
    batch, steps = trainer.get("per_device_train_batch_size", 8), trainer.get("gradient_accumulation_steps", 1)
    knobs = []
    if batch > 1:
        smaller = f"`trainer.per_device_train_batch_size: {batch // 2}`"
        knobs.append(f"{smaller} with `trainer.gradient_accumulation_steps: {steps * 2}` (the same rows a step)")
    if not trainer.get("gradient_checkpointing", not on_cpu()):
        knobs.append("`trainer.gradient_checkpointing: true`")
    if settings.max_tokens is None or settings.max_tokens > 2048:
        knobs.append("a lower `max_tokens`")
    if settings.lora is None:
        knobs.append("`lora: {}`")
    if settings.launch is None:
        knobs.append("`launch: {config: fsdp, num_processes: N}` over several GPUs")
    return "try, in this order: " + "; ".join(knobs)


OF_A_IMAGE = ("image file is truncated", "broken PNG", "broken data stream", "cannot identify image")
"""Pillow's words, in errors of the kinds that a disk has too."""


@contextmanager
def explained_images(job: Job[Any]) -> Iterator[None]:
    """Raises StageError in the place of Pillow's errors: rows that were not measured first may hold anything."""
    from PIL import Image, UnidentifiedImageError

    try:
        yield
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError) as error:
        if isinstance(error, OSError | SyntaxError) and not any(word in str(error) for word in OF_A_IMAGE):
            raise
        raise StageError(
            f"`{job.name}`: an image of its corpus cannot be read: {first_line(error)}",
            "set `max_tokens`: rows are then measured first, and those whose image cannot be read are left out",
        ) from error


@contextmanager
def explained_refusal(job: Job[Any]) -> Iterator[None]:
    """Raises StageError in the place of what TRL and PEFT say of options that do not go together, or with the model."""
    try:
        yield
    except ValueError as error:
        raise StageError(
            f"`{job.name}`: TRL refuses these options: {first_line(error)}", "see `trainer` and `lora` of the recipe"
        ) from error
