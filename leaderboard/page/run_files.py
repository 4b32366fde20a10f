"""What lies beside an evaluation in its run and its rows do not hold: images, scenes, planted flaws, judges' scores.

An evaluation's manifest names the stages it read. Rows that came without their run have nothing beside them, and are
shown without: nothing here is needed, and a file that is not what its name says is passed over.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from insightv_bench.errors import InsightvError
from insightv_bench.stages import MANIFEST, read_manifest
from insightv_bench.storage import ImageStore

QUESTIONS = ["id", "image_sha256", "question"]
FLAWS = ["id", "flawed_path", "error_steps"]
SCORES = ["path_id", "score", "step_labels", "judge"]
Row = dict[str, Any]


class RunFiles(NamedTuple):
    """By question id, by question id and path, and by path id."""

    questions: dict[str, Row]
    """`images` are left on disk until their `bytes` are asked for; `scene` as JSON, empty where there is none."""
    flaws: dict[tuple[str, str], Row]
    scores: dict[str, Row]


def read_run_files(evaluations: Sequence[Path], questions: Sequence[str], paths: Sequence[str]) -> RunFiles:
    """What is known of these questions and of these paths' ids."""
    files = RunFiles({}, {}, {})
    for folder in _stages(evaluations):
        for row in _imaged(folder, questions):
            files.questions.setdefault(row["id"], row)
        for row in _rows(folder, FLAWS, "id", questions, ["reason", "correction", "maker"]):
            files.flaws.setdefault((row["id"], row["flawed_path"]), row)
        for row in _rows(folder, SCORES, "path_id", paths, ["status", "correction"]):
            files.scores.setdefault(row["path_id"], row)
    return files


def _imaged(folder: Path, questions: Sequence[str]) -> Iterator[Row]:
    """The rows of a stage of questions, each with its `images`."""
    for file in _files(folder):
        try:
            store = ImageStore(file)
        except (InsightvError, pl.exceptions.PolarsError, TypeError):  # no rows of questions
            continue
        for row in _rows(file, QUESTIONS, "id", questions, ["scene"]):
            yield {**row, "images": [store.image(sha256) for sha256 in row["image_sha256"] or ()]}


def _stages(evaluations: Sequence[Path]) -> list[Path]:
    """The stages that the evaluations read, and every assessment of the same runs."""
    stages: dict[Path, None] = {}
    for folder in evaluations:
        if not (folder / MANIFEST).is_file():
            continue
        stages.update(dict.fromkeys(folder.parent / Path(str(name)).name for name in _inputs(folder)))
        stages.update(dict.fromkeys(manifest.parent for manifest in sorted(folder.parent.glob(f"assess-*/{MANIFEST}"))))
    return [folder for folder in stages if folder.is_dir()]


def _inputs(folder: Path) -> list[str]:
    try:
        return list(read_manifest(folder)["inputs"].values())
    except (InsightvError, KeyError, AttributeError):
        return []


def _rows(place: Path, columns: list[str], key: str, wanted: Sequence[str], more: list[str]) -> Iterator[Row]:
    """The rows of a stage, or of one of its files, that has these columns; none where it has not."""
    for file in _files(place):
        try:
            rows = pl.scan_parquet(file, glob=False)
            names = rows.collect_schema().names()
            if not set(columns) <= set(names):
                continue
            chosen = [*columns, *(name for name in more if name in names)]
            yield from rows.filter(pl.col(key).is_in(wanted)).select(chosen).collect().iter_rows(named=True)
        except (pl.exceptions.PolarsError, OSError):
            continue


def _files(place: Path) -> list[Path]:
    return [place] if place.is_file() else sorted(place.glob("data-*.parquet"))
