"""The walk of one sample through every stage, at a size that takes less than a minute on a quiet machine."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from insightv_bench.plan import plan
from insightv_bench.settings import load_recipe
from insightv_bench.stages import read_manifest

SMALL = [
    "world={num_slots: 2, min_bars: 2, max_bars: 2, max_value: 2, noise_sd: 0, colour_sd: 0}",
    "questions.train.num=96",
    "questions.sample.num=48",
    "questions.test.num=40",
    "lessons.num=480",
    "base.trainer={max_steps: 90, per_device_train_batch_size: 16, learning_rate: 3.0e-3, save_steps: 20}",
    "reason.trainer={max_steps: 100, per_device_train_batch_size: 16, learning_rate: 3.0e-3, save_steps: 20}",
    "summary.trainer={max_steps: 15, per_device_train_batch_size: 16, learning_rate: 3.0e-3, save_steps: 5}",
    "corpora.summary_num=200",
    "rounds.questions.num=40",
    "rounds.num=1",
    "rounds.dpo.trainer.max_steps=3",
    "rounds.dpo.trainer.per_device_train_batch_size=4",
    "eval.path_sampling.max_new_tokens=64",
]
pytestmark = pytest.mark.slow
"""A recipe that trains from nothing to the end is in the fast suite too (test_from_nothing.py)."""
COMMAND = [sys.executable, "-m", "insightv_bench", "run", "walk", *(word for one in SMALL for word in ("--set", one))]
ENVIRONMENT = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE", "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"}
TIMED = ("seconds", "wall_seconds", "processor_seconds", "stages", "page", "models")
"""Parts of the summary that hold clock times or places."""


def walk(out: Path) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, "--out", str(out)]
    return subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=600, check=False)


def read_summary(out: Path) -> dict[str, Any]:
    return json.loads((out / "walk-seed0" / "summary.json").read_text(encoding="utf-8"))


def figures(out: Path) -> dict[str, Any]:
    return {key: value for key, value in read_summary(out).items() if key not in TIMED}


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, subprocess.CompletedProcess[str]]]:
    out = tmp_path_factory.mktemp("walk")
    yield out, walk(out)
    shutil.rmtree(out)


def folder_of(out: Path, stage: str) -> Path:
    return next((out / "walk-seed0" / "stages").glob(f"{stage}-????????????"))


def test_the_walk_ends_with_every_stage_whole(walked: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    out, finished = walked
    assert finished.returncode == 0, finished.stderr
    stages = [stage.name for stage in plan(load_recipe("walk", SMALL))]
    assert [entry["name"] for entry in read_summary(out)["stages"]] == stages
    for stage in stages:
        assert read_manifest(folder_of(out, stage))["stage"] == stage


def test_the_summary_holds_every_system_and_arm(walked: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    summary = read_summary(walked[0])
    assert summary["seats"] == {"base": "train-base", "reason": "train-dpo-1", "summary": "train-summary"}
    arms = {(row["system"], row["arm"]) for row in summary["arms"]}
    assert {("base", "base"), ("sft", "reason"), ("sft", "reason+summary"), ("dpo-1", "reason")} <= arms
    assert {("sft", "direct"), ("sft", "oracle"), ("sft", "flawed")} <= arms
    for row in summary["arms"]:
        assert row["low"] <= row["accuracy"] <= row["high"]
        assert row["n"] >= 40
    for row in summary["comparisons"]:
        assert {"a", "b", "difference", "low", "high", "p", "n", "sentence"} <= row.keys()
        assert f"n = {row['n']:,}" in row["sentence"]
    for row in summary["robustness"]:
        assert {"system", "flaw", "severity", "accuracy", "follow", "n"} <= row.keys()


def test_every_arm_that_shows_a_path_shows_the_stored_one(
    walked: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    records = pl.read_parquet(folder_of(walked[0], "eval-sft") / "data-00000.parquet")
    reason = records.filter(pl.col("arm") == "reason").sort("question_id")
    both = records.filter(pl.col("arm") == "reason+summary").sort("question_id")
    assert reason["path_id"].to_list() == both["path_id"].to_list()
    assert reason["question"].to_list() == both["question"].to_list()
    stored = pl.read_parquet(folder_of(walked[0], "paths-eval-sft") / "data-00000.parquet").sort("question_id")
    assert reason["response"].to_list() == stored["text"].to_list()


def test_the_test_scenes_are_in_no_corpus(walked: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    test = set(pl.read_parquet(folder_of(walked[0], "questions-test") / "data-00000.parquet")["image_sha256"].explode())
    for corpus in ("lessons", "corpora-reasoning", "corpora-summary", "corpora-preference-1", "corpora-flawed"):
        rows = pl.read_parquet(folder_of(walked[0], corpus) / "data-00000.parquet")
        assert len(rows) > 0
        assert not test & set(rows["image_sha256"].explode())


def test_lm_eval_result_files_agree_with_the_records(walked: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    folder = folder_of(walked[0], "eval-sft")
    results = json.loads(next((folder / "lm-eval").rglob("results_*.json")).read_text(encoding="utf-8"))
    records = pl.read_parquet(folder / "data-00000.parquet")
    assert isinstance(results["config"]["torch_seed"], int)
    for arm, task in (("reason", "drawn_tiny_reason"), ("reason+summary", "drawn_tiny_reason_summary")):
        accuracy = records.filter(pl.col("arm") == arm)["correct"].mean()
        assert results["results"][task]["acc,none"] == pytest.approx(accuracy)
        assert results["results"][task]["acc_stderr,none"] >= 0
    assert next((folder / "lm-eval").rglob("samples_drawn_tiny_reason_*.jsonl")).stat().st_size > 0


def test_models_are_safetensors_with_a_card(walked: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    for stage in ("train-base", "train-reason", "train-summary", "train-dpo-1"):
        model = folder_of(walked[0], stage) / "model"
        names = {file.name for file in model.iterdir()}
        assert {"model.safetensors", "config.json", "README.md"} <= names
        assert not [name for name in names if name.endswith((".bin", ".pt", ".pkl"))]
    card = (folder_of(walked[0], "train-reason") / "model" / "README.md").read_text(encoding="utf-8")
    assert folder_of(walked[0], "corpora-reasoning").name in card


def test_a_finished_walk_is_not_done_again(walked: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    before = read_summary(walked[0])
    started = time.monotonic()
    again = walk(walked[0])
    assert again.returncode == 0, again.stderr
    assert time.monotonic() - started < 30
    assert read_summary(walked[0]) == before


def test_the_terminal_output_fits_eighty_columns(walked: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    lines = [line for line in walked[1].stdout.splitlines() if not line.startswith(("Page", "  insightv-bench"))]
    assert "reason+summary" in walked[1].stdout
    assert max(map(len, lines)) <= 80


def test_three_kills_at_random_end_in_the_same_summary(
    walked: tuple[Path, subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    seconds = read_summary(walked[0])["seconds"]
    random_ = random.Random()
    for _ in range(3):
        process = subprocess.Popen(
            [*COMMAND, "--out", str(tmp_path)],
            env=ENVIRONMENT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        time.sleep(random_.uniform(3, max(6.0, seconds / 2)))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    finished = walk(tmp_path)
    assert finished.returncode == 0, finished.stderr
    assert figures(tmp_path) == figures(walked[0])
    for stage in ("train-base", "train-reason", "train-summary", "train-dpo-1"):
        weights = [folder_of(out, stage) / "model" / "model.safetensors" for out in (walked[0], tmp_path)]
        assert weights[0].read_bytes() == weights[1].read_bytes()
