"""Options that cannot be meant are told before a model is loaded; those that only the model shows, in a line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from training_stages import SFT, dpo_settings, lessons, reasoned, sft_settings

from insightv_bench.errors import ModelError, RecipeError, StageError
from insightv_bench.settings import BaseSettings, SummarySettings, TrainSettings, load_recipe
from insightv_bench.stages import Stage
from insightv_bench.trainers.methods import method_of
from insightv_bench.trainers.options import make_options
from insightv_bench.trainers.options import trl as trl_options
from insightv_bench.trainers.options.trl import check_stages


def complaint(settings: TrainSettings, function: str = SFT) -> str:
    with pytest.raises((RecipeError, ModelError)) as told:
        check_stages([Stage("train-reason", function, settings)])
    return str(told.value)


def test_what_cannot_be_is_said_before_a_model_is_loaded() -> None:
    assert "`lora.rank` is no option of PEFT's `LoraConfig`" in complaint(TrainSettings(lora={"rank": 8}))
    assert "no CUDA device is here" in complaint(TrainSettings(device="cuda"))
    launch: Any = {"config": "fdsp"}
    assert "did you mean `fsdp`" in complaint(TrainSettings(launch=launch))
    assert "no CUDA device is here" in complaint(TrainSettings(launch={"config": "fsdp"}))  # type: ignore[arg-type]
    assert "a tracker that is not installed" in complaint(TrainSettings(trainer={"report_to": "nonesuch"}))
    assert "`device: cpu` uses none" in complaint(TrainSettings(launch={"config": "fsdp"}, device="cpu"))  # type: ignore[arg-type]
    with pytest.raises(RecipeError, match="`patience` needs `validation_share`"):
        load_recipe("walk", ["reason.patience=2"])
    check_stages([Stage("train-reason", SFT, TrainSettings(lora={"r": 8}, trainer={"report_to": "none"}))])


def test_a_launch_config_of_ones_own_is_read_before_anything_starts(tmp_path: Path) -> None:
    """On a machine without a GPU accelerate would pass over its FSDP and say nothing."""
    file = tmp_path / "own.yaml"

    def settings() -> TrainSettings:
        return TrainSettings.model_validate({"launch": {"config": str(file), "num_processes": 2}})

    assert "is no file" in complaint(settings())
    file.write_text("a: [")
    assert "is no YAML" in complaint(settings())
    file.write_text("distributed_type: FSDP\n")
    assert "no CUDA device is here" in complaint(settings())
    file.write_text("distributed_type: MULTI_GPU\nuse_cpu: true\n")
    check_stages([Stage("train-reason", SFT, settings())])


def test_a_base_that_is_there_is_not_trained_and_nothing_is_asked_of_the_machine_for_it() -> None:
    settings = BaseSettings(model="ORG/NAME", device="cuda", trainer={"lerning_rate": 1})
    check_stages([Stage("train-base", "pretrained", settings)])
    assert "did you mean `learning_rate`" in complaint(settings.model_copy(update={"model": "tiny"}))


def test_a_sections_method_is_that_of_the_section_it_is_derived_from() -> None:
    configs = {section: method_of(section()).config for section in (TrainSettings, BaseSettings, SummarySettings)}
    assert set(configs.values()) == {"SFTConfig"} and method_of(dpo_settings()).config == "DPOConfig"


def test_options_that_do_not_fit_the_model_are_said_in_a_line(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(StageError, match="TRL refuses these options: Target modules"):
        reasoned(tmp_path, tiny, lessons(4), sft_settings(lora={"target_modules": ["nope"]}), base=str(tiny))


def test_an_option_that_cannot_be_meant_is_said_before_a_model_is_loaded() -> None:
    def said(**trainer: Any) -> str:
        return complaint(TrainSettings(trainer=trainer))

    assert "`trainer.learning_rate: fast` is of the wrong type\nhint: it takes a number" in said(learning_rate="fast")
    assert "`trainer.max_steps: 2.5` is of the wrong type" in said(max_steps=2.5)
    assert "it takes `true` or `false`" in said(gradient_checkpointing="perhaps")
    assert "`trainer.learning_rate: -1` is out of range" in said(learning_rate=-1)
    assert "it is at least 1" in said(per_device_train_batch_size=0)
    assert "at least 1, or -1 for all epochs" in said(max_steps=0)
    assert "it is above 0" in said(num_train_epochs=0)
    assert "cosin is not a valid SchedulerType" in said(lr_scheduler_type="cosin")
    assert "adamx" in said(optim="adamx")
    assert "`lora.r: many` is of the wrong type" in complaint(TrainSettings(lora={"r": "many"}))
    assert "a rank is at least 1" in complaint(TrainSettings(lora={"r": 0}))
    before = dict(os.environ)
    dpo = dpo_settings(trainer={"loss_type": "sigmoid", "bf16": True, "learning_rate": 1})
    check_stages([Stage("train-dpo-1", "dpo", dpo)])
    assert dict(os.environ) == before


def test_a_learning_rate_may_be_written_without_a_point() -> None:
    recipe = load_recipe("walk", ["reason.trainer.learning_rate=1e-5", "reason.trainer.lr_scheduler_kwargs={a: 2E3}"])
    assert recipe.reason and recipe.reason.trainer["learning_rate"] == 1e-5
    assert recipe.reason.trainer["lr_scheduler_kwargs"] == {"a": 2000.0}


@pytest.mark.parametrize("quick", [True, False])
def test_bf16_is_taken_where_the_processor_is_quick_at_it(
    quick: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it is not, float32 takes a tenth of the time or less, and rounds less."""
    trl = pytest.importorskip("trl")
    monkeypatch.setattr(trl_options, "multiplies_bfloat16", lambda: quick)
    assert make_options(trl.SFTConfig, {"bf16": True}, tmp_path, seed=0).bf16 is quick
    assert make_options(trl.SFTConfig, {"bf16": False}, tmp_path, seed=0).bf16 is False
