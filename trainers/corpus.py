"""A corpus folder as a `datasets.Dataset` with the columns that TRL reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from insightv_bench.errors import StageError, require
from insightv_bench.tables import parquet_files


def load_corpus(folder: Path, columns: list[str], cache: Path) -> Any:
    """Raises StageError where a needed column is missing or there are no rows."""
    datasets = require("datasets", "train", "training")
    files = parquet_files(folder)
    frame = pl.scan_parquet(files)
    known = frame.collect_schema().names()
    missing = [column for column in columns if column not in known]
    if missing:
        raise StageError(f"the corpus `{folder}` has no column `{missing[0]}`", f"it has {', '.join(known)}")
    if not frame.select(pl.len()).collect().item():
        raise StageError(f"the corpus `{folder}` has no rows", "its `exclusions.parquet` says why each was left out")
    datasets.disable_progress_bars()
    corpus = datasets.Dataset.from_parquet([str(file) for file in files], cache_dir=str(cache))
    return corpus.select_columns(columns)
