"""FSDP 2 as it is shipped, on two CPU processes over gloo: it trains as one process does. No GPU is needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from training_stages import (
    corpus,
    dpo_settings,
    lessons,
    losses,
    manifest,
    pairs,
    placed,
    sft_settings,
    tiny_model,
    train,
)

from insightv_bench.engines.hf import load_model
from insightv_bench.settings import HfEngine
from insightv_bench.trainers import launch

SFT = "trainers.sft:sft"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(autouse=True)
def on_a_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    real = launch.command

    def command(job: Any, file: Path) -> list[str]:
        return ["shared_out" if word == "insightv_bench.trainers.launched" else word for word in real(job, file)]

    monkeypatch.setattr(launch, "command", command)


def trained(run: Path, tiny: Path, num: int, **settings: Any) -> Path:
    trainer = {"max_steps": 4, "per_device_train_batch_size": 4 // num, **settings.pop("trainer", {})}
    launched: Any = {"config": "fsdp", "num_processes": num} if num > 1 else None
    inputs = {name: run / "stages" / f"{name}-0123456789ab" for name in ("train-base", "corpora-reasoning")}
    if not run.exists():
        placed(tiny, run)
        corpus(run, "corpora-reasoning", lessons(16))
    given = sft_settings(trainer=trainer, launch=launched, device="cpu", **settings)
    return train(run, SFT, given, inputs, base=str(tiny))  # as a real one: its tower is left as it was


def weights(folder: Path) -> dict[str, Any]:
    return dict(load_model(HfEngine(model=str(folder), device="cpu"))[0].state_dict())


def apart(one: Path, other: Path) -> float:
    """The largest difference between any two weights."""
    before, after = weights(one / "model"), weights(other / "model")
    assert before.keys() == after.keys()
    return max(float((before[key] - after[key]).abs().max()) for key in before)


class Stopped(launch.Bar):
    """Ends the run in mid-training, once a checkpoint is whole."""

    def __call__(self, done: int, total: int, rate: str) -> None:
        if done >= 3:
            raise InterruptedError("stopped")


@pytest.mark.slow
def test_a_model_in_shares_trains_as_a_whole_one_does_and_goes_on_from_its_checkpoint(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = {"save_strategy": "steps", "save_steps": 2}
    one = trained(tmp_path / "1", tiny, 1)
    with monkeypatch.context() as patched, pytest.raises(InterruptedError, match="stopped"):
        patched.setattr(launch, "Bar", Stopped)
        trained(tmp_path / "2", tiny, 2, trainer=kept)
    assert list(tmp_path.glob("2/stages/*/checkpoints/checkpoint-2/whole"))
    two = trained(tmp_path / "2", tiny, 2, trainer=kept)
    assert losses(two) == pytest.approx(losses(one), abs=1e-4)
    assert apart(one, two) < 1e-3
    assert manifest(two)["totals"]["num_parameters"] == manifest(one)["totals"]["num_parameters"]


@pytest.mark.slow
def test_a_round_in_shares_keeps_its_reference_and_trains_as_a_whole_one_does(tiny: Path, tmp_path: Path) -> None:
    one, two = (a_round(tmp_path / str(num), tiny, num) for num in (1, 2))
    assert losses(two) == pytest.approx(losses(one), abs=1e-4)
    assert losses(two)[0] == pytest.approx(0.6931, abs=1e-4)
    assert apart(one, two) < 1e-3


def a_round(run: Path, tiny: Path, num: int) -> Path:
    launched: Any = {"config": "fsdp", "num_processes": num} if num > 1 else None
    reason = placed(tiny, run, "train-reason")
    made = corpus(run, "corpora-preference-1", pairs(lessons(12)))
    inputs = {"train-reason": reason, "corpora-preference-1": made, "again": reason}
    trainer = {"per_device_train_batch_size": 4 // num}
    settings = dpo_settings(trainer=trainer, launch=launched, device="cpu", cache_reference=True)
    return train(run, "trainers.dpo:dpo", settings, inputs, "train-dpo-1")


@pytest.mark.slow
def test_an_adapter_over_a_model_in_shares_trains_as_over_a_whole_one(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = {"save_strategy": "steps", "save_steps": 2}
    one = trained(tmp_path / "1", tiny, 1, lora={"r": 4})
    with monkeypatch.context() as patched, pytest.raises(InterruptedError, match="stopped"):
        patched.setattr(launch, "Bar", Stopped)
        trained(tmp_path / "2", tiny, 2, trainer=kept, lora={"r": 4})
    assert list(tmp_path.glob("2/stages/*/checkpoints/checkpoint-2/whole"))
    two = trained(tmp_path / "2", tiny, 2, trainer=kept, lora={"r": 4})
    assert losses(two) == pytest.approx(losses(one), abs=1e-4)
    assert apart(one, two) < 1e-3
    assert manifest(two)["totals"]["num_trained"] == manifest(one)["totals"]["num_trained"]
