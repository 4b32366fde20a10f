"""Peak memory of the stages that go through the texts of all paths: `build assess` and `flawed`, beside those texts.

    python -m pytest tests/benchmarks/bench_memory.py -s

Eight paths of 1 kB a question (`made_run.py`), judged by rule, then spoilt by rule; each stage in a process of its own.
The ratio is its peak memory over the bytes of the paths' rows, unpacked: what streams has a ratio that falls with the
number of paths. Printed beside it: megabytes that 100,000 more paths take.
"""

from __future__ import annotations

import sys
from pathlib import Path

import made_run
from figures import Took, Work, keep, scaled
from processes import child

from insightv_bench.settings import AssessSettings, FlawsSettings
from insightv_bench.tables import parquet_files, row_counts

QUESTIONS = scaled(2_000, 6_000, 12_000)
STAGES = ("assess", "flawed")


def ran(folder: Path, name: str) -> None:
    if name == "assess":
        made_run.run(folder, name, "builders.assess:assess", AssessSettings(judge="rule"), "questions", "paths")
    else:
        settings = FlawsSettings(maker="rule", flaws=(*FlawsSettings().flaws, "natural"))
        made_run.run(folder, name, "builders.flawed:flawed", settings, "questions", "paths", "assess")


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
        more = (QUESTIONS[-1] - QUESTIONS[0]) * made_run.NUM_PATHS
        print(f"\n{name}: {1e5 * (found[-1] - found[0]) / more:,.0f} MB for 100,000 paths more", end="")


if __name__ == "__main__":
    ran(Path(sys.argv[1]), sys.argv[2])
