"""Peak memory beside what goes through: the texts of all paths in `build assess` and `flawed`, images in a release.

    python -m pytest tests/benchmarks/bench_memory.py -s
    BENCH_IMAGES=100,400,850 python -m pytest tests/benchmarks/bench_memory.py -s -k images       2 GB of them

Eight paths of 1 kB a question (`made_run.py`), judged by rule, then spoilt by rule; each stage in a process of its own.
The ratio is its peak memory over the bytes of the paths' rows, unpacked: what streams has a ratio that falls with the
number of paths. Printed beside it: megabytes that 100,000 more paths take. The release: a corpus of rows with an image
of noise each, 2.4 MB, through the contamination gate, the shards and the checksums.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import made_run
import numpy as np
import pytest
from asked_rows import noise
from figures import Took, Work, keep, scaled
from processes import child

from insightv_bench.builders.release import stage as release
from insightv_bench.builders.release.shards import write_split
from insightv_bench.chat import assistant, user
from insightv_bench.records import Image, Question, ReasoningRow, columns_of
from insightv_bench.settings import AssessSettings, FlawsSettings, GateSettings, ReleaseSettings
from insightv_bench.stages import Context, Progress, ReleaseOptions, Stage
from insightv_bench.storage import parquet_files, row_counts, write_shards

QUESTIONS = scaled(1_000, 3_000, 6_000)
STAGES = ("assess", "flawed")
IMAGES = scaled(*map(int, os.environ.get("BENCH_IMAGES", "25,100,200").split(",")))


def ran(folder: Path, name: str) -> None:
    if name == "release":
        released(folder)
        return
    if name == "assess":
        made_run.run(folder, name, "assess", AssessSettings(judge="rule"), "questions", "paths")
    else:
        settings = FlawsSettings(maker="rule", flaws=(*FlawsSettings().flaws, "natural"))
        made_run.run(folder, name, "sampled-flaws", settings, "questions", "paths", "assess")


def test_peak_memory_beside_the_texts(tmp_path: Path) -> None:
    peaks: dict[str, list[float]] = {name: [] for name in STAGES}
    for num in QUESTIONS:
        made_run.make(tmp_path / str(num), num)
        texts = sum(size for _, size in row_counts(parquet_files(tmp_path / str(num) / "paths"))) / 1e6
        for name in STAGES:
            ended = child([sys.executable, __file__, str(tmp_path / str(num)), name])
            peaks[name].append(ended.peak_mb)
            work = Work(f"peak memory: {name}", num * made_run.NUM_PATHS, "paths", "MB")
            keep(work, [Took(ended.peak_mb)], {"the paths' rows": [Took(texts)]})
            print(f"; {ended.processor_s:.1f} s of the processor", end="")
    for name, found in peaks.items():
        more = (QUESTIONS[-1] - QUESTIONS[-2]) * made_run.NUM_PATHS
        print(f"\n{name}: {1e5 * (found[-1] - found[-2]) / more:,.0f} MB for 100,000 paths more", end="")


def make_corpus(folder: Path, num: int) -> None:
    pixels = noise(np.random.default_rng(0))
    folder.mkdir(parents=True)

    def row(question: Question) -> ReasoningRow:
        image = Image(bytes=pixels + question.id.encode())  # what follows a PNG's end is no part of the image
        asked = question.model_copy(update={"images": (image,), "image_sha256": (image.sha256,)})
        chat = {"prompt": (user("reason", asked),), "completion": (assistant("A"),)}
        return ReasoningRow(**columns_of(asked), **chat, score=90)

    write_shards(folder, map(row, made_run.questions(num)), ReasoningRow)


def released(folder: Path) -> None:
    """What a release does with images."""
    settings, splits = ReleaseSettings(gate=GateSettings()), {"reasoning": {"train": ["corpus"]}}
    stage = Stage("release", "release", settings, {"corpus": "corpus"}, ReleaseOptions())
    context = Context(stage, folder, {"corpus": folder / "corpus"}, None, Progress(), 0, None)  # type: ignore[arg-type]
    found = release.gate(context, settings, splits)
    files, target = parquet_files(folder / "corpus"), folder / "release" / "reasoning" / "train"
    print(write_split(files, target, found.reasons, settings.shard_bytes))
    release.checksums(folder / "release")


@pytest.mark.parametrize("num", IMAGES)
def test_peak_memory_of_a_release_beside_its_images(tmp_path: Path, num: int) -> None:
    make_corpus(tmp_path / "corpus", num)
    size = sum(file.stat().st_size for file in parquet_files(tmp_path / "corpus")) / 1e6
    ended = child([sys.executable, __file__, str(tmp_path), "release"])
    keep(Work("peak memory: release", num, "images", "MB"), [Took(ended.peak_mb)], {"the images": [Took(size)]})
    shards = sorted((tmp_path / "release").rglob("*.parquet"))
    told = ", ".join(f"{file.stat().st_size / 1e6:.0f}" for file in shards)
    print(f"; {ended.processor_s:.1f} s of the processor, shards of {told} MB", end="")
    shutil.rmtree(tmp_path)


if __name__ == "__main__":
    ran(Path(sys.argv[1]), sys.argv[2])
