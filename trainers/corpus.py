"""A corpus folder as a `datasets.Dataset` with the columns that TRL reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from insightv_bench.errors import StageError, require
from insightv_bench.tables import parquet_files


def load_corpus(folder: Path, columns: list[str], cache: Path) -> Any:
    """Raises StageError where a needed column is missing or there are no rows."""
    datasets = require("datasets", "train", "training")
    datasets.disable_progress_bars()
    files = [str(file) for file in parquet_files(folder)]
    corpus = datasets.Dataset.from_parquet(files, cache_dir=str(cache))
    missing = [column for column in columns if column not in corpus.column_names]
    if missing:
        raise StageError(f"the corpus `{folder}` has no column `{missing[0]}`", f"it has {corpus.column_names}")
    if not len(corpus):
        raise StageError(f"the corpus `{folder}` has no rows", "its `exclusions.parquet` says why each was left out")
    return corpus.select_columns(columns)
