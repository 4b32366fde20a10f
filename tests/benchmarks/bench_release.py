"""The recipe `corpora` whole: 5,000 drawn questions, four paths each, to a release that is pushed and loaded back.

The Hub is the loopback one of the tests, its client the real one, in a process of its own. Everything that was released
is compared with what comes back: every row of every corpus, and every image by its hash.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from figures import scaled
from hub_server import READER, WRITER, serving

(NUM_QUESTIONS,) = scaled(int(os.environ.get("BENCH_RELEASE_QUESTIONS", 5_000)))
COMMAND = [sys.executable, "-m", "insightv_bench"]
BACK = """
import hashlib, json, sys
import datasets, polars
name, folder = sys.argv[1:]
found = {}
for config in datasets.get_dataset_config_names(name):
    for split, rows in datasets.load_dataset(name, config).items():
        raw = rows.cast_column("images", datasets.List(datasets.Image(decode=False)))
        there = polars.read_parquet(f"{folder}/{config}/{split}/*.parquet")
        for row, own in zip(raw, there.iter_rows(named=True), strict=True):
            assert [hashlib.sha256(image["bytes"]).hexdigest() for image in row["images"]] == own["image_sha256"]
            assert {**row, "images": None} == {**own, "images": None}, (row, own)
        found[f"{config}/{split}"] = len(rows)
print(json.dumps(found))
"""


def timed(command: list[str], home: Path, **more: str) -> tuple[str, float]:
    started = time.perf_counter()
    own = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    done = subprocess.run(command, cwd=home, env={**own, **more}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, time.perf_counter() - started


def test_a_release_comes_back_from_the_hub_row_by_row(tmp_path: Path) -> None:
    size = ["--set", f"questions.train.num={NUM_QUESTIONS}"]
    _, build = timed([*COMMAND, "build", "release", "corpora", *size], tmp_path)
    (folder,) = (file.parent for file in tmp_path.glob("runs/*/stages/release-*/*/SHA256SUMS"))
    for manifest in sorted(tmp_path.glob("runs/*/stages/*/manifest.json")):
        told = json.loads(manifest.read_text())
        print(f"\n{manifest.parent.name:40} {told['seconds']:8.1f} s  {told['num_rows']:7,} rows", end="")
    with serving() as hub:
        own = {"HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(tmp_path / "hf")}
        _, push = timed([*COMMAND, "push", str(folder), "org/corpora"], tmp_path, HF_TOKEN=WRITER, **own)
        load = [sys.executable, "-c", BACK, "org/corpora", str(folder)]
        told, back = timed(load, tmp_path, HF_TOKEN=READER, **own)
    print(f"\nbuilt {build:.0f} s, pushed {push:.1f} s, loaded back and compared {back:.1f} s: {told.strip()}")
