"""Reference log-probabilities computed once and kept per (model, pair), so that one model is in memory in a DPO round.

What is kept is what TRL's loss would compute at every step: the sum of log p(token) over each answer under the
reference (Rafailov et al., arXiv 2305.18290, eq. 7).
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import polars as pl

from insightv_bench.engines.hf import hash_folder

PAIR = "pair"
COLUMNS = ("ref_chosen_logps", "ref_rejected_logps")
"""TRL's names for them."""
BATCHES_A_FILE = 16
SCHEMA: dict[str, Any] = {PAIR: pl.String, COLUMNS[0]: pl.Float64, COLUMNS[1]: pl.Float64}


def pair_id(row: dict[str, Any], how: str) -> str:
    """Hash of what the model is shown of a pair, and of how it is computed (`how`: the type, the loss's `ld_alpha`)."""
    digest = hashlib.sha256(how.encode())
    for image in row["images"]:
        digest.update(image["bytes"] or b"")
    texts = [[(turn["role"], turn["content"]) for turn in row[name]] for name in ("prompt", "chosen", "rejected")]
    digest.update(json.dumps(texts, ensure_ascii=False).encode())
    return digest.hexdigest()[:24]


def pair_ids(corpus: Any, how: str) -> list[str]:
    from datasets import Image, List

    return [pair_id(row, how) for row in corpus.cast_column("images", List(Image(decode=False)))]


class KeptLogps:
    """The log-probabilities of one reference model, as parquet files in a folder named by its weights."""

    def __init__(self, folder: Path, model: Path) -> None:
        self.folder = folder / hash_folder(model)

    def read(self) -> dict[str, tuple[float, float]]:
        files = sorted(self.folder.glob("*.parquet"))
        frames = [pl.read_parquet(file, glob=False) for file in files]
        frame = pl.concat(frames) if frames else pl.DataFrame(schema=SCHEMA)
        return {pair: (chosen, rejected) for pair, chosen, rejected in frame.iter_rows()}

    def add(self, rows: list[tuple[str, float, float]]) -> None:
        """A file of its own, whole or absent."""
        self.folder.mkdir(parents=True, exist_ok=True)
        name = hashlib.sha256("".join(row[0] for row in rows).encode()).hexdigest()[:16]
        partial = self.folder / f".{name}.partial"
        pl.DataFrame(rows, schema=SCHEMA, orient="row").write_parquet(partial)
        partial.replace(self.folder / f"{name}.parquet")


def missing_pairs(pairs: list[str], known: dict[str, Any], rank: int, num_ranks: int) -> list[int]:
    """Places of the pairs that this process is to compute, each pair once."""
    first = {pair: place for place, pair in reversed(list(enumerate(pairs))) if pair not in known}
    return sorted(first.values())[rank::num_ranks]


def compute_logps(
    trainer: Any, corpus: Any, pairs: list[str], places: list[int], kept: KeptLogps, batch_size: int
) -> None:
    """The trainer's model is the reference here; what is computed is kept every few batches."""
    done: list[tuple[str, float, float]] = []
    starts = range(0, len(places), batch_size)
    for number, start in enumerate(starts, 1):
        chosen = places[start : start + batch_size]
        sums = _batch_logps(trainer, [corpus[place] for place in chosen])
        done += [(pairs[place], *both) for place, both in zip(chosen, sums, strict=True)]
        if number % BATCHES_A_FILE == 0 or number == len(starts):
            kept.add(done)
            done = []


def _batch_logps(trainer: Any, rows: list[dict[str, Any]]) -> list[tuple[float, float]]:
    batch = trainer.data_collator(rows)
    device = trainer.accelerator.device
    batch = {name: value.to(device) if hasattr(value, "to") else value for name, value in batch.items()}
    chosen, rejected = trainer.compute_ref_log_probs(trainer.model, batch)
    return list(zip(chosen.float().tolist(), rejected.float().tolist(), strict=True))


def with_logps(corpus: Any, pairs: list[str], known: dict[str, tuple[float, float]]) -> Any:
    for column, name in enumerate(COLUMNS):
        corpus = corpus.add_column(name, [known[pair][column] for pair in pairs])
    return corpus
