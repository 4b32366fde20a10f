"""Every arm over PuzzleVQA and MathVision as they are, by a random-weights Qwen2.5-VL, shrunk, and by given models.

    python tests/benchmarks/real_rows.py PUZZLEVQA.parquet MATHVISION.parquet OUT [MODEL ...]

A MODEL is what `insightv-bench eval --model` takes, a finished run's folder say. `LIMIT=50` asks the first 50 of each.
A random model and one that was trained on drawn bars know nothing of these questions: what this shows is that real rows
go through every arm, what is left out and why, and how wide an interval is that holds chance or nothing.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from gpu.families import FAMILIES
from gpu.random_models import make_random

FAMILY = "qwen2-5-vl-3b"
ARMS = "[base,direct,reason,majority,best-of-k,reason+summary,flawed,self-flawed,irrelevant,shuffled,blank-image]"
SETTINGS = [f"eval.arms={ARMS}", "eval.num_paths=3", "eval.path_sampling.max_new_tokens=128"]
SETTINGS += ["eval.path_sampling.temperature=1.0", "eval.answer_sampling.max_new_tokens=32", "threads=1"]


def main(puzzlevqa: str, mathvision: str, out: str, *models: str) -> int:
    random = Path(out) / f"random-{FAMILY}"
    if not random.exists():
        random.mkdir(parents=True)
        make_random(FAMILIES[FAMILY], random)
    failed = 0
    for model in (str(random), *models):
        for recipe, data in (("puzzlevqa", puzzlevqa), ("mathvision", mathvision)):
            print(f"\n{model} on {recipe}", flush=True)
            failed += bool(subprocess.run(command(recipe, data, model, out), check=False).returncode)
    return failed


def command(recipe: str, data: str, model: str, out: str) -> list[str]:
    words = [sys.executable, "-m", "insightv_bench", "eval", recipe, "--data", data, "--model", model, "--out", out]
    words += [word for setting in SETTINGS for word in ("--set", setting)]
    return [*words, "--limit", os.environ["LIMIT"]] if "LIMIT" in os.environ else words


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
