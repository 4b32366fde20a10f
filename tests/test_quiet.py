"""Nothing is told to anybody, and nothing that other threads read is changed while a training runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from training_stages import corpus, dpo_settings, lessons, pairs, placed, reasoned, sft_settings, train

from insightv_bench.environment import FOR_TORCH, UNWATCHED
from insightv_bench.errors import RecipeError
from insightv_bench.keys import inherited, take_over
from insightv_bench.settings import TrainSettings
from insightv_bench.stages import Stage, child_environment
from insightv_bench.trainers.options.trl import check_stages


@pytest.fixture
def moved(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names that are added to this process's environment, or taken from it: the list of names is another one then."""
    names: list[str] = []
    put, unset = os.putenv, os.unsetenv
    for name, value in {**UNWATCHED, **FOR_TORCH, "OMP_NUM_THREADS": "1"}.items():
        monkeypatch.setenv(name, value)

    def record_put(key: bytes, value: bytes) -> None:
        if os.fsdecode(key) not in os.environ:
            names.append(os.fsdecode(key))
        put(key, value)

    def record_unset(key: bytes) -> None:
        names.append(os.fsdecode(key))
        unset(key)

    monkeypatch.setattr(os, "putenv", record_put)
    monkeypatch.setattr(os, "unsetenv", record_unset)
    return names


@pytest.mark.slow
def test_a_training_adds_no_name_to_the_environment_and_takes_none(
    tiny: Path, tmp_path: Path, moved: list[str]
) -> None:
    """`setenv` beside another thread's `getenv` ends a process at once, and libraries have threads of their own."""
    settings = sft_settings(device="cpu", trainer={"max_steps": 1})
    check_stages([Stage("train-reason", "sft", settings)])
    reason = reasoned(tmp_path, tiny, lessons(8), settings)
    rounds = corpus(tmp_path, "corpora-preference-1", pairs(lessons(8)))
    given = {"train-reason": reason, "corpora-preference-1": rounds, "train-base": placed(tiny, tmp_path, "train-1")}
    train(tmp_path, "dpo", dpo_settings(device="cpu", cache_reference=True), given, "train-dpo-1")
    assert moved == []


def test_what_trls_config_writes_into_the_environment_is_put_back_name_by_name(moved: list[str]) -> None:
    kept = dict(os.environ)
    check_stages([Stage("train-reason", "sft", TrainSettings(trainer={"torch_compile": True}))])
    assert dict(os.environ) == kept
    assert set(moved) <= {"ACCELERATE_DYNAMO_BACKEND"}
    with pytest.raises(RecipeError):
        check_stages([Stage("train-reason", "sft", TrainSettings(trainer={"lr_scheduler_type": "nonesuch"}))])
    assert dict(os.environ) == kept


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Topics of what is told to the Hub, were it at hand. Nothing is sent."""
    from huggingface_hub import constants
    from trl.trainer import base_trainer

    topics: list[str] = []

    def send(topic: str, **_: Any) -> None:
        if not constants.HF_HUB_DISABLE_TELEMETRY:
            topics.append(topic)

    monkeypatch.setattr(base_trainer, "send_telemetry", send)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", False)
    monkeypatch.delenv("HF_HUB_DISABLE_TELEMETRY", raising=False)
    monkeypatch.delenv("CI", raising=False)
    return topics


def test_no_trainer_tells_the_hub_that_it_was_made(tiny: Path, tmp_path: Path, told: list[str]) -> None:
    reasoned(tmp_path, tiny, lessons(8), sft_settings(trainer={"max_steps": 1}))
    assert told == []


def test_a_user_who_wants_the_hub_to_be_told_has_it_told(
    tiny: Path, tmp_path: Path, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "0")
    reasoned(tmp_path, tiny, lessons(8), sft_settings(trainer={"max_steps": 1}))
    assert len(told) == 1


def test_each_process_that_is_begun_is_told_to_tell_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("HF_HUB_DISABLE_TELEMETRY", "VLLM_NO_USAGE_STATS", "DO_NOT_TRACK")
    for name in names:
        monkeypatch.delenv(name, raising=False)
    assert {child_environment()[name] for name in names} == {"1"}
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "0")
    assert child_environment()["HF_HUB_DISABLE_TELEMETRY"] == "0"


def test_an_actor_takes_over_what_was_confirmed_without_an_environment(
    monkeypatch: pytest.MonkeyPatch, moved: list[str]
) -> None:
    monkeypatch.setattr("insightv_bench.keys._taken_over", {})
    take_over({"INSIGHTV_ALLOW_KEY": "MY_KEY=models.example"})
    assert "MY_KEY=models.example" in inherited()["INSIGHTV_ALLOW_KEY"]
    assert moved == []


def test_a_worker_begins_without_a_warning() -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "insightv_bench.runs.worker"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "Warning" not in done.stderr


def test_checkpoints_go_once_the_manifest_stands(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full as the manifest is moved costs no steps."""
    import insightv_bench.stages.stage as stage

    settings = sft_settings(trainer={"max_steps": 2, "save_strategy": "steps", "save_steps": 1})
    theirs = stage.write_text

    def full(file: Path, text: str) -> None:
        if file.name == "manifest.json":
            raise OSError(28, "No space left on device")
        theirs(file, text)

    monkeypatch.setattr(stage, "write_text", full)
    with pytest.raises(OSError, match="No space"):
        reasoned(tmp_path, tiny, lessons(8), settings)
    (folder,) = (tmp_path / "stages").glob(f"train-reason-{settings.fingerprint()}")
    assert sorted(file.name for file in (folder / "checkpoints").glob("checkpoint-*"))
