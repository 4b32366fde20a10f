"""Rows of like length in one batch, and the batches in any order.

transformers' own sampler sorts fifty batches at a time and trains on them from the longest to the shortest. Where
length goes with the kind of row, that is fifty steps of one kind after fifty of another, and a model from nothing did
not learn to see (docs/learning-log.md).
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

LENGTH = "length"
"""The column that says how long a row is: tokens of its texts, and of its pictures where it was measured."""
BATCHES_AT_ONCE = 16
"""Rows are sorted within so many batches: more saves little padding, and makes the batches more alike."""


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
