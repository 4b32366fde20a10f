"""Readers of well-known data sets, on rows in the layout that each has on the Hub."""

from __future__ import annotations

import io
from pathlib import Path as File
from typing import Any

import polars as pl
import pytest
from PIL import Image as Picture

from insightv_bench.answers import matches
from insightv_bench.errors import SourceError
from insightv_bench.recipe import load_recipe
from insightv_bench.records import Question
from insightv_bench.settings import ParquetSource, TableSource

from .test_sources import ran  # type: ignore[import-not-found]

DATA = File(__file__).parents[2] / "shared" / "data"


def png(shade: int) -> dict[str, Any]:
    buffer = io.BytesIO()
    Picture.new("RGB", (4, 4), (shade, 0, 0)).save(buffer, "PNG")
    return {"bytes": buffer.getvalue(), "path": f"{shade}.png"}
