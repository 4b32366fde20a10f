"""TRL's DPOTrainer, which logs an estimate of the KL divergence, and which can do without a reference model.

TRL refuses `precompute_ref_log_probs` for rows with images. That its loss reads two numbers a row as it does for rows
of text, and that its collator carries them, could be offered to TRL.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from .reference_logps import COLUMNS


def dpo_trainer(precomputed: bool) -> Any:
    """A subclass of `DPOTrainer`, which is imported where it is used.

    `precomputed`: it has no reference model; its rows bring the log-probabilities.
    """
    import trl

    class KlTrainer(trl.DPOTrainer):
        def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
            metrics = self._metrics["train" if self.model.training else "eval"]
            kl = estimated_kl(metrics, self.beta)
            if kl is not None:
                metrics["kl"].append(kl)
            super().log(logs, start_time)

    class PrecomputedTrainer(KlTrainer):
        data_collator: Any
        _signature_columns: Any

        def __init__(self, **options: Any) -> None:
            with _no_reference_model():
                super().__init__(**options, ref_model=None)
            if self.ref_model is not None:
                raise RuntimeError("TRL has loaded a reference model that was not asked for")
            self.data_collator = WithLogps(self.data_collator)
            self.precompute_ref_logps = True

        def _set_signature_columns_if_needed(self) -> None:
            super()._set_signature_columns_if_needed()
            self._signature_columns = [*dict.fromkeys([*self._signature_columns, *COLUMNS])]

    return PrecomputedTrainer if precomputed else KlTrainer


@contextmanager
def _no_reference_model() -> Iterator[None]:
    """TRL's `DPOTrainer` loads a reference model where it is given none. Inside here it has none."""
    from trl.trainer import dpo_trainer

    theirs = dpo_trainer.create_model_from_path
    dpo_trainer.create_model_from_path = lambda *_, **__: None
    try:
        yield
    finally:
        dpo_trainer.create_model_from_path = theirs


class WithLogps:
    """TRL's collator for pairs with images, which lets the two columns through."""

    def __init__(self, collator: Any) -> None:
        self._collator = collator

    def __call__(self, rows: list[dict[str, Any]]) -> Any:
        import torch

        batch = self._collator([{key: row[key] for key in row if key not in COLUMNS} for row in rows])
        for name in COLUMNS:
            if name in rows[0]:
                batch[name] = torch.tensor([row[name] for row in rows], dtype=torch.float32)
        return batch


def estimated_kl(metrics: Mapping[str, Sequence[float]], beta: float) -> float | None:
    """KL(reference || policy) of a path, in nats, over the last batch's pairs, which the reference wrote.

    The mean of log(reference / policy): an estimate, since pairs are not all paths, and it may be below 0.
    """
    if not metrics.get("rewards/chosen") or not beta:
        return None
    return -(metrics["rewards/chosen"][-1] + metrics["rewards/rejected"][-1]) / (2 * beta)
