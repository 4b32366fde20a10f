"""Which rows of the corpora a training sees, decided once before it, so that every process of it sees the same."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl

from insightv_bench.engines.hf import load_processor
from insightv_bench.errors import StageError
from insightv_bench.stages import Context, Exclusion
from insightv_bench.storage import parquet_files, write_file

from ..job import Job
from ..methods import method_of
from ..trl import LENGTH
from .corpus import check_images, load_corpus, with_lengths
from .lengths import measure, without_control_tokens

ROWS = "rows.parquet"
"""Places of the rows that are kept, their lengths and questions, in the checkpoints' folder."""
NO_LIMIT = 1 << 30


def keep_rows(job: Job[Any], context: Context) -> None:
    """Decide, write `rows.parquet`, and count what is left out. A model from nothing takes every row as it is.

    Raises StageError where none are left.
    """
    if job.from_nothing and job.settings.max_tokens is None:
        check_images(job.corpora)
        return
    method = method_of(job.settings)
    corpus = load_corpus(job.corpora, [*method.columns, "id"], job.checkpoints / "cache")
    processor = load_processor(str(job.start))
    budget = (job.settings.max_tokens or longest(job.start)) - method.room(job.settings)
    places, lengths, dropped = measure(without_control_tokens(corpus, processor), processor, budget)
    ids = corpus["id"]
    context.dropped.clear()
    context.dropped.update(Counter(reason for _, reason in dropped))
    if dropped:
        rows = [Exclusion(id=ids[place], reason=reason, row="") for place, reason in dropped]
        write_file(context.folder / "exclusions.parquet", rows, Exclusion)
    if not places:
        over = any(reason.startswith("over ") for reason in context.dropped)
        hint = "raise `max_tokens`, or give images fewer pixels (`base.processor.size`)" if over else "see the corpus"
        raise StageError(f"`{job.name}`: no row is left to train on ({dict(context.dropped)})", hint)
    context.totals |= {"max_tokens": budget, "num_dropped_rows": len(dropped), "num_row_tokens": sum(lengths)}
    job.checkpoints.mkdir(parents=True, exist_ok=True)
    frame = pl.DataFrame({"place": places, LENGTH: lengths, "question": [ids[place] for place in places]})
    frame.write_parquet(job.checkpoints / ROWS)


def longest(model: Path) -> int:
    """What the model's positions can hold, in tokens."""
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(model).get_text_config()
    return int(getattr(config, "max_position_embeddings", None) or NO_LIMIT)


def load_rows(job: Job[Any], processor: Any) -> Any:
    """The rows that are kept, with their lengths where they are batched by them; and their questions where some are
    kept for validation."""
    method, cache, file = method_of(job.settings), job.checkpoints / "cache", job.checkpoints / ROWS
    if not file.exists():
        wanted = [*method.columns, "id"] if job.settings.validation_share else method.columns
        corpus = load_corpus(job.corpora, wanted, cache, method.optional)
        return with_lengths(corpus, processor) if method.by_length else corpus
    kept = pl.read_parquet(file, glob=False)
    corpus = without_control_tokens(load_corpus(job.corpora, method.columns, cache, method.optional), processor)
    corpus = corpus.select(kept["place"].to_list())
    if method.by_length:
        corpus = corpus.add_column(LENGTH, kept[LENGTH].to_list())
    return corpus.add_column("id", kept["question"].to_list()) if job.settings.validation_share else corpus


def mix_of(job: Job[Any], rows: Any) -> dict[str, dict[str, int]]:
    """Rows and tokens of each kind that a corpus tells apart, the summary corpus say; of others by the corpus's name.

    `rows` are those of `load_rows`. Tokens count the images where rows were measured, else the texts alone.
    """
    kinds = [kind for folder in job.corpora for kind in _kinds(folder)]
    file = job.checkpoints / ROWS
    places = pl.read_parquet(file, glob=False)["place"].to_list() if file.exists() else range(len(kinds))
    mix: dict[str, dict[str, int]] = {}
    for place, length in zip(places, rows[LENGTH], strict=True):
        kind = mix.setdefault(kinds[place], {"rows": 0, "tokens": 0})
        kind["rows"] += 1
        kind["tokens"] += length
    return mix


def _kinds(folder: Path) -> list[str]:
    frame = pl.scan_parquet(parquet_files(folder), glob=False)
    if "kind" in frame.collect_schema().names():
        return frame.select("kind").collect()["kind"].to_list()
    return [folder.name.rpartition("-")[0]] * frame.select(pl.len()).collect().item()


def split(job: Job[Any], corpus: Any) -> tuple[Any, Any]:
    """Rows to train on and rows to validate on, by their questions; no validation rows where none are asked for.

    Raises StageError where one of the two would be empty.
    """
    share = job.settings.validation_share
    if not share:
        return corpus, None
    digests = (hashlib.sha256(f"{job.seed}/{question}".encode()).digest() for question in corpus["id"])
    held = [int.from_bytes(digest[:8]) / 2**64 < share for digest in digests]  # it hangs on the question alone
    parts = [
        corpus.select([place for place, is_held in enumerate(held) if is_held == which]) for which in (False, True)
    ]
    if not all(len(part) for part in parts):
        raise StageError(
            f"`{job.name}`: `validation_share: {share}` of {len(corpus):,} rows leaves none to train or to validate on",
            "set another share, or 0",
        )
    return parts[0].remove_columns("id"), parts[1].remove_columns("id")
