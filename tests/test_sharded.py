"""FSDP 2 and DeepSpeed's ZeRO-3 as they are shipped, on two CPU processes over gloo: they train as one process does."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from training_stages import (
    SFT,
    corpus,
    dpo_settings,
    lessons,
    losses,
    manifest,
    pairs,
    placed,
    sft_settings,
    train,
)

from insightv_bench.engines.hf import load_model
from insightv_bench.settings import HfEngine
from insightv_bench.trainers import launch

INSTEAD = {"fsdp": "shared_out", "zero3": "zero_out"}
"""What begins a process on a CPU, for each config that shares a model out."""
NO_DEEPSPEED = pytest.mark.skipif(find_spec("deepspeed") is None, reason="DeepSpeed is not installed")


@pytest.fixture(params=["fsdp", pytest.param("zero3", marks=NO_DEEPSPEED)])
def config(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A launch config as it is shipped, told to run on a CPU."""
    real = launch.command

    def command(settings: Any, file: Path) -> list[str]:
        begins = INSTEAD[request.param]
        return [begins if word == "insightv_bench.trainers.worker" else word for word in real(settings, file)]

    monkeypatch.setattr(launch, "command", command)
    monkeypatch.setenv("DS_ACCELERATOR", "cpu")
    return str(request.param)


def launched(config: str) -> dict[str, Any]:
    """accelerate passes over DeepSpeed where a training says that it is on a CPU."""
    if not config:
        return {"device": "cpu"}
    return {"launch": {"config": config, "num_processes": 2}, "device": "auto" if config == "zero3" else "cpu"}


def trained(run: Path, tiny: Path, config: str = "", **settings: Any) -> Path:
    trainer = {"max_steps": 4, "per_device_train_batch_size": 2 if config else 4, **settings.pop("trainer", {})}
    inputs = {name: run / "stages" / f"{name}-0123456789ab" for name in ("train-base", "corpora-reasoning")}
    if not run.exists():
        placed(tiny, run)
        corpus(run, "corpora-reasoning", lessons(16))
    given = sft_settings(trainer=trainer, **launched(config), **settings)
    return train(run, SFT, given, inputs, base=str(tiny))  # as a real one: its tower is left as it was


def weights(folder: Path) -> dict[str, Any]:
    return dict(load_model(HfEngine(model=str(folder), device="cpu"))[0].state_dict())


def apart(one: Path, other: Path) -> float:
    """The largest difference between any two weights."""
    before, after = weights(one / "model"), weights(other / "model")
    assert before.keys() == after.keys()
    return max(float((before[key] - after[key]).abs().max()) for key in before)


class Stopped(launch.StepBar):
    """Ends the run in mid-training, once a checkpoint is whole."""

    def __call__(self, done: int, total: int, rate: str) -> None:
        if done >= 3:
            raise InterruptedError("stopped")


@pytest.mark.slow
@pytest.mark.parametrize("lora", [None, {"r": 4}], ids=["all-weights", "lora"])
def test_a_model_in_shares_trains_as_a_whole_one_does_and_goes_on_from_its_checkpoint(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: str, lora: Any
) -> None:
    kept = {"save_strategy": "steps", "save_steps": 2}
    one = trained(tmp_path / "1", tiny, lora=lora)
    with monkeypatch.context() as patched, pytest.raises(InterruptedError, match="stopped"):
        patched.setattr(launch, "StepBar", Stopped)
        trained(tmp_path / "2", tiny, config, trainer=kept, lora=lora)
    assert list(tmp_path.glob("2/stages/*/checkpoints/checkpoint-2/whole"))
    two = trained(tmp_path / "2", tiny, config, trainer=kept, lora=lora)
    assert losses(two) == pytest.approx(losses(one), abs=1e-4)
    assert apart(one, two) < 1e-3
    for name in ("num_parameters", "num_trained"):
        assert manifest(two)["totals"][name] == manifest(one)["totals"][name]


@pytest.mark.slow
@pytest.mark.parametrize("lora", [None, {"r": 4}], ids=["all-weights", "lora"])
def test_a_round_in_shares_trains_against_its_reference_as_a_whole_one_does(
    tiny: Path, tmp_path: Path, config: str, lora: Any
) -> None:
    one, two = (a_round(tmp_path / (where or "one"), tiny, where, lora) for where in ("", config))
    assert losses(two) == pytest.approx(losses(one), abs=1e-4)
    assert losses(two)[0] == pytest.approx(0.6931, abs=1e-4)
    assert apart(one, two) < 1e-3


def a_round(run: Path, tiny: Path, config: str, lora: Any) -> Path:
    """The reference is kept, under ZeRO-3 a second model in shares, and under LoRA the model with its adapter off."""
    reason = placed(tiny, run, "train-reason")
    made = corpus(run, "corpora-preference-1", pairs(lessons(12)))
    inputs = {"train-reason": reason, "corpora-preference-1": made, "again": reason}
    trainer = {"per_device_train_batch_size": 2 if config else 4}
    settings = dpo_settings(trainer=trainer, lora=lora, **launched(config))
    return train(run, "dpo", settings, inputs, "train-dpo-1", base=str(tiny))
