"""What a local model makes of its own reply while it writes it: how likely each token was, and how certain it was."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any


class Watch:
    """A logits processor that changes nothing: it keeps two numbers a step and row, never a step's whole distribution.

    transformers calls it before temperature and top-p, so what it sees is the model's own distribution, its
    repetition penalty and suppressed tokens included. A token is known a step after its distribution: the last one
    stands over.
    """

    def __init__(self) -> None:
        self._before: Any = None
        self._logprobs: list[Any] = []
        self._certainties: list[Any] = []

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        import torch

        self._settle(input_ids[:, -1])
        self._before = torch.log_softmax(scores.float(), dim=-1)
        self._certainties.append(_certainty(self._before))
        return scores

    def note(self, scores: Any, tokens: Any, rows: Any, num_rows: int) -> None:
        """A step of a batch of which only `rows` are left, with the tokens that they say."""
        import torch

        logs = torch.log_softmax(scores.float(), dim=-1)
        said, certainty = logs.gather(-1, tokens[:, None]).squeeze(-1), _certainty(logs)
        self._logprobs.append(said.new_zeros(num_rows).index_copy(0, rows, said))
        self._certainties.append(said.new_zeros(num_rows).index_copy(0, rows, certainty))

    def _settle(self, tokens: Any) -> None:
        if self._before is not None:
            self._logprobs.append(self._before.gather(-1, tokens[:, None]).squeeze(-1))
            self._before = None

    def of(self, completions: Any, lengths: Sequence[int]) -> list[dict[str, float | None]]:
        """Means over the first `lengths` tokens of each row: `logprob` and `certainty`; None where nothing was said.

        `completions`: the tokens generated, [rows, tokens].
        """
        import torch

        if not self._certainties:
            return [{"logprob": None, "certainty": None} for _ in lengths]
        self._settle(completions[:, -1])
        columns = {"logprob": torch.stack(self._logprobs, 1), "certainty": torch.stack(self._certainties, 1)}
        means: list[dict[str, float | None]] = []
        for place, length in enumerate(lengths):
            row = {
                name: float(values[place, :length].mean()) if length else math.nan for name, values in columns.items()
            }
            means.append({name: value if math.isfinite(value) else None for name, value in row.items()})
        return means


def _certainty(logs: Any) -> Any:
    """KL(uniform || p) = -log(V) - mean of log p, over the tokens that may be said."""
    import torch

    known = torch.isfinite(logs)
    num = known.sum(dim=-1)
    return -torch.where(known, logs, 0.0).sum(dim=-1) / num - num.log()
