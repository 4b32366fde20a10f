"""A small release, and what the tests of releases look at in its folder."""

from __future__ import annotations

from pathlib import Path

from PIL import Image as PILImage

from insightv_bench.runs import run
from insightv_bench.settings import load_recipe

SMALL = ["questions.train.num=40", "questions.test.num=12", "corpora.summary_num=60"]


def released(out: Path, *overrides: str) -> Path:
    """The folder of a small release of recipe `corpora`, whose run stands below `out`."""
    run(load_recipe("corpora", [*SMALL, *overrides]), out, "release")
    return next(out.glob("*/stages/release-*/*/SHA256SUMS")).parent


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def size_of(file: Path) -> tuple[int, int]:
    with PILImage.open(file) as image:
        return image.size
