"""TRL's GRPOTrainer, whose samples hang on nothing but the seed, the step and the weights.

A stopped training thus goes on to the same weights: transformers keeps the state of random numbers in a checkpoint, but
TRL's order of rows begins anew at a resume, and so would the samples. Loss, advantages and clipping are TRL's own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def grpo_trainer() -> Any:
    """A subclass of `GRPOTrainer`, which is imported where it is used.

    It takes `reference`, the model of the KL term where `beta` asks for one; and transformers'
    `optimizer_cls_and_kwargs`, which TRL's does not pass on.
    """
    import transformers
    import trl

    class SeededTrainer(trl.GRPOTrainer):
        def __init__(self, reference: Any = None, optimizer_cls_and_kwargs: Any = None, **options: Any) -> None:
            with _given_reference(reference):
                super().__init__(**options)
            if optimizer_cls_and_kwargs is not None:
                self.optimizer_cls_and_kwargs = optimizer_cls_and_kwargs

        def _generate_and_score_completions(self, inputs: Any) -> Any:
            part = self._step % self.args.gradient_accumulation_steps
            rank = self.accelerator.process_index
            transformers.set_seed(sampling_seed(self.args.seed, rank, self.state.global_step, part))
            return super()._generate_and_score_completions(inputs)

        def _get_train_sampler(self, dataset: Any = None) -> Any:
            return OrderOfEpoch(super()._get_train_sampler(dataset))

    return SeededTrainer


def sampling_seed(seed: int, rank: int, step: int, part: int) -> int:
    """Of what process `rank` samples for the optimizer's step `step`, in the `part`-th of its accumulated batches."""
    digest = hashlib.sha256(f"{seed}/{rank}/{step}/{part}".encode()).digest()
    return int.from_bytes(digest[:4])


class OrderOfEpoch:
    """TRL's sampler of an epoch, the same after a resume: its generator alone knows how many epochs went before."""

    def __init__(self, sampler: Any) -> None:
        self._sampler, self._epoch = sampler, 0

    def set_epoch(self, epoch: int) -> None:
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._sampler)

    def __iter__(self) -> Iterator[int]:
        import torch

        if self._sampler.shuffle:
            self._sampler.generator.manual_seed(self._sampler.seed)
            for _ in range(self._epoch):
                torch.randperm(self._sampler.num_samples, generator=self._sampler.generator)
        return iter(self._sampler)


@contextmanager
def _given_reference(reference: Any) -> Iterator[None]:
    """TRL loads the reference from where the policy came from, which after a resume is a checkpoint. Inside here it is
    given this one."""
    from trl.trainer import grpo_trainer as theirs

    load = theirs.create_model_from_path
    theirs.create_model_from_path = lambda *_, **__: reference
    try:
        yield
    finally:
        theirs.create_model_from_path = load
