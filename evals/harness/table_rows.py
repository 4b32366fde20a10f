"""A data set's rows with pictures as bytes, not decoded: from the Hub at a commit, or from parquet files."""

from __future__ import annotations

import glob
import hashlib
from pathlib import Path
from typing import Any

from insightv_bench.errors import SourceError, require
from insightv_bench.storage import first_line

ALL = "all"
"""Every config of a data set, in order."""


def hub_rows(name: str, config: str | None, split: str, commit: str) -> Any:
    """Raises SourceError where the data set has no such config or split."""
    datasets = require("datasets", "eval", "a data set on the Hub")
    try:
        names = datasets.get_dataset_config_names(name, revision=commit) if config == ALL else [config]
        parts = [datasets.load_dataset(name, each, split=split, revision=commit) for each in names]
    except (ValueError, datasets.exceptions.DatasetsError) as error:
        raise SourceError(f"`{name}` cannot be read: {first_line(error)}", "check its config and its split") from error
    return datasets.concatenate_datasets([undecoded(part) for part in parts])


def file_rows(path: Path) -> tuple[Any, str]:
    """Rows, and a revision made of the files' content. Raises SourceError where there are none."""
    datasets = require("datasets", "eval", "parquet files")
    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    if not files or not all(file.is_file() for file in files):
        raise SourceError(f"no parquet file at `{path}`", "name a file, or a folder of them")
    digest = hashlib.sha256(b"".join(_digest(file) for file in files)).hexdigest()[:16]
    rows = datasets.load_dataset("parquet", data_files=[glob.escape(str(file)) for file in files], split="train")
    return undecoded(rows), f"sha256-{digest}"


def _digest(file: Path) -> bytes:
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").digest()


def undecoded(rows: Any) -> Any:
    datasets = require("datasets", "eval", "a data set")
    for name, feature in rows.features.items():
        if isinstance(feature, datasets.Image):
            rows = rows.cast_column(name, datasets.Image(decode=False))
        elif isinstance(getattr(feature, "feature", None), datasets.Image):
            rows = rows.cast_column(name, datasets.List(datasets.Image(decode=False)))
    return rows
