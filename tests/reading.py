"""A source read by its stage, as tests of sources need it."""

from __future__ import annotations

import io
from contextlib import closing
from pathlib import Path as File

from PIL import Image as PILImage

from insightv_bench.journal import Journal
from insightv_bench.records import Question
from insightv_bench.settings import TableSource, load_recipe
from insightv_bench.stages import Context, Exclusion, Progress, Stage, WorldOptions, run_stage
from insightv_bench.storage import read_rows


def png(shade: int = 0, side: int = 4) -> bytes:
    buffer = io.BytesIO()
    PILImage.new("RGB", (side, side), (shade, 0, 0)).save(buffer, "PNG")
    return buffer.getvalue()


def ran(out: File, source: TableSource) -> tuple[list[Question], list[Exclusion], Context]:
    stage = Stage("questions-test", "questions", source, {}, WorldOptions())
    with closing(Journal(out / "journal.sqlite")) as journal:
        context = Context(stage, out / "questions", {}, journal, Progress(), 0, load_recipe("walk"))
        run_stage(stage, context)
    left_out = out / "questions" / "exclusions.parquet"
    return (
        list(read_rows(out / "questions", Question)),
        list(read_rows(left_out, Exclusion)) if left_out.exists() else [],
        context,
    )
