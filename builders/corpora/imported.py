"""A corpus from elsewhere, a pulled release say, as the stage whose place it takes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import polars as pl
from filelock import FileLock

from insightv_bench.errors import StageError
from insightv_bench.hub import pull
from insightv_bench.settings import GivenSettings
from insightv_bench.stages import Context, ImportedOptions
from insightv_bench.storage import first_line, parquet_files


def given(context: Context[GivenSettings, ImportedOptions]) -> None:
    """The same files, linked where the disk allows it. Raises StageError where one cannot be read."""
    settings = context.settings
    _take(context, parquet_files(Path(settings.path)))
    context.totals["content"] = settings.content


def _take(context: Context, files: Sequence[Path]) -> None:
    for number, file in enumerate(files):
        try:
            context.num_rows += pl.scan_parquet(file, glob=False).select(pl.len()).collect().item()
        except (pl.exceptions.PolarsError, OSError) as error:
            raise StageError(f"`{file}` cannot be read: {first_line(error)}", "pull it again") from error
        target = context.folder / f"data-{number:05d}.parquet"
        try:
            os.link(file.resolve(), target)
        except OSError:  # the two lie on different disks
            shutil.copyfile(file, target)


def pulled(context: Context[GivenSettings, ImportedOptions]) -> None:
    """The same from a release on the Hub, which is pulled once for all stages of a run.

    Raises HubError where the Hub does not give it, StageError where it holds no such corpus.
    """
    settings = context.settings
    folder = context.run_folder / "given" / f"{settings.path.replace('/', '--')}-{settings.content.replace('/', '--')}"
    folder.parent.mkdir(exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):
        revision = pull(settings.path, settings.content, folder, "dataset").revision
    corpus = folder / context.options.corpus / "train"
    if not any(corpus.glob("data-*.parquet")):
        raise StageError(f"`{settings.path}` at `{settings.content}` holds no corpus `{context.options.corpus}`")
    _take(context, parquet_files(corpus))
    context.totals["content"] = f"{settings.path}@{revision}"
