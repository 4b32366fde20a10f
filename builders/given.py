"""A corpus from elsewhere, a pulled release say, as the stage whose place it takes."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import polars as pl

from insightv_bench.errors import StageError
from insightv_bench.settings import GivenSettings
from insightv_bench.stage import Context
from insightv_bench.tables import first_line, parquet_files


def given(context: Context) -> None:
    """The same files, linked where the disk allows it. Raises StageError where one cannot be read."""
    settings = context.stage.settings
    assert isinstance(settings, GivenSettings)
    for number, file in enumerate(parquet_files(Path(settings.path))):
        try:
            context.num_rows += pl.scan_parquet(file).select(pl.len()).collect().item()
        except (pl.exceptions.PolarsError, OSError) as error:
            raise StageError(f"`{file}` cannot be read: {first_line(error)}", "pull it again") from error
        place(file, context.folder / f"data-{number:05d}.parquet")
    context.totals["content"] = settings.content


def place(file: Path, target: Path) -> None:
    """A link, or a copy where the two lie on different disks."""
    try:
        os.link(file.resolve(), target)
    except OSError:
        shutil.copyfile(file, target)
