"""TRL's SFTTrainer with every token of a step weighing the same, whatever the model, and with two things less on a CPU:
padding, and the head over positions that no loss is taken at.

TRL's fused head is written for GPUs: on a CPU it takes a third of a small model's step (measured; see
tests/benchmarks). Here the labelled positions go through the model's own head in one product. Everything else, a run
of several processes included, is TRL's.

Rows of like length share a batch, and the batches come in any order. transformers' own sampler sorts fifty batches at a
time and trains on them from the longest to the shortest. Where length goes with the kind of row, that is fifty steps of
one kind after fifty of another, and a model from nothing did not learn to see (docs/learning-log.md).
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

LENGTH = "length"
"""The column that says how long a row is: tokens of its texts, and of its images where it was measured."""
BATCHES_AT_ONCE = 16
"""Rows are sorted within so many batches: more saves little padding, and makes the batches more alike."""


def sft_trainer() -> Any:
    """A subclass of `SFTTrainer`, which is imported where it is used."""
    import trl

    class TokenTrainer(trl.SFTTrainer):
        model_accepts_loss_kwargs: bool

        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            # Of the model's own loss some say that it takes no number of tokens (Qwen2.5-VL's), and transformers then
            # counts none: a step would be a mean of means over its parts, another one for each number of processes.
            # TRL's loss and the one below are not the model's, and take it.
            self.model_accepts_loss_kwargs = True

        def _set_signature_columns_if_needed(self) -> None:
            """Keep the column that rows of like length are found by."""
            super()._set_signature_columns_if_needed()
            if LENGTH not in self._signature_columns:
                self._signature_columns.append(LENGTH)

        def _get_train_sampler(self, train_dataset: Any = None) -> Any:
            rows = self.train_dataset if train_dataset is None else train_dataset
            if self.args.train_sampling_strategy != "group_by_length" or LENGTH not in rows.column_names:
                return super()._get_train_sampler(train_dataset)
            size = self.args.train_batch_size * self.args.gradient_accumulation_steps * self.args.world_size
            return LikeLengths(rows[LENGTH], size, self.args.data_seed or self.args.seed)

        def compute_loss(
            self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
        ) -> Any:
            shared_out = self.is_fsdp_enabled  # its layers are put together in the model's own forward pass
            whole_on_cpu = model is self.model and self.args.device.type == "cpu" and not shared_out
            # The head is applied to the decoder's last states as they are, in a model without adapters.
            is_plain = model.training and hasattr(model, "lm_head") and not hasattr(model, "peft_config")
            # Its loss is the plain one: DFT and label smoothing are TRL's.
            is_plain = is_plain and self.args.loss_type == "nll" and not self.args.label_smoothing_factor
            if return_outputs or not whole_on_cpu or not is_plain:
                return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
            with self.accelerator.autocast():
                loss, num_right, num = labelled_loss(model, inputs, num_items_in_batch)
            self._metrics["train"]["mean_token_accuracy"].append(num_right / max(num, 1))
            self._total_train_tokens += int(inputs["attention_mask"].sum())
            self._metrics["train"]["num_tokens"] = [self._total_train_tokens]
            return loss

    return TokenTrainer


def labelled_loss(model: Any, inputs: dict[str, Any], num_items: Any) -> tuple[Any, int, int]:
    """Negative log-likelihood, summed over labelled positions and divided by `num_items`; how many are right; how many.

    labels [batch, length], -100 where no loss is taken.
    """
    import torch.nn.functional as F

    labels = inputs["labels"][:, 1:]
    states = model.model(**{k: v for k, v in inputs.items() if k != "labels"}, use_cache=False).last_hidden_state
    kept = labels != -100
    logits, targets = model.lm_head(states[:, :-1][kept]).float(), labels[kept]
    loss = F.cross_entropy(logits, targets, reduction="sum") / (len(targets) if num_items is None else num_items)
    return loss, int((logits.argmax(-1) == targets).sum()), len(targets)


class LikeLengths:
    """Places of rows, batch after batch; another order each epoch, the same one for the same seed."""

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int) -> None:
        self._lengths, self._batch_size, self._seed = list(lengths), batch_size, seed
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._lengths)

    def __iter__(self) -> Iterator[int]:
        random_ = random.Random(f"{self._seed}/{self._epoch}")
        places = list(range(len(self._lengths)))
        random_.shuffle(places)
        portion = BATCHES_AT_ONCE * self._batch_size
        batches: list[list[int]] = []
        for start in range(0, len(places), portion):
            ordered = sorted(places[start : start + portion], key=lambda place: self._lengths[place])
            batches += [ordered[at : at + self._batch_size] for at in range(0, len(ordered), self._batch_size)]
        whole = [batch for batch in batches if len(batch) == self._batch_size]
        random_.shuffle(whole)
        rest = [batch for batch in batches if len(batch) < self._batch_size]  # last, or it would cut the others
        for batch in [*whole, *rest]:
            yield from batch
