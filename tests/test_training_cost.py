"""What a dry run tells of a training: memory, disk, tokens and hours, counted without a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from insightv_bench.plan import plan
from insightv_bench.runs import place, training_lines
from insightv_bench.runs.training_cost import cost, known_cost
from insightv_bench.settings import CostSettings, DpoSettings, TrainSettings, load_recipe

SEVEN = CostSettings(parameters=8.29e9, vision_parameters=0.63e9, tokens_a_row=1000, tokens_per_second=1000)


def told(name: str, stage: str, tmp_path: Path, overrides: list[str] | None = None) -> list[str]:
    recipe = load_recipe(name, overrides)
    stages = plan(recipe)
    by_name = {each.name: each for each in stages}
    return training_lines(recipe, by_name[stage], by_name, place(recipe, tmp_path, stages))


def gib(settings: dict[str, Any], kind: type[TrainSettings] = TrainSettings) -> float:
    return cost(SEVEN, kind.model_validate(settings), 1000).gib_a_device


def test_memory_is_that_of_weights_gradients_and_states() -> None:
    whole = gib({})
    assert whole == pytest.approx(117, abs=1)  # 16 bytes a trained parameter, 4 a frozen one
    assert gib({"launch": {"config": "fsdp", "num_processes": 8}}) == pytest.approx(whole / 8)
    assert gib({"launch": {"config": "multi-gpu", "num_processes": 8}}) == whole
    assert gib({"freeze_vision": False}) > whole
    assert gib({"dtype": "bfloat16", "trainer": {"optim": "adamw_torch_8bit"}}) < 45
    assert gib({"lora": {"quantize": "nf4"}}) < 6 < gib({"lora": {}}) < 18
    assert gib({}, DpoSettings) == whole  # its reference is asked before
    assert gib({"cache_reference": False}, DpoSettings) == pytest.approx(whole + 8.29e9 * 4 / 2**30)


def test_hours_follow_from_tokens_devices_and_the_stated_throughput() -> None:
    one = cost(SEVEN, TrainSettings(), 3600)
    assert (one.num_tokens, one.hours) == (3.6e6, pytest.approx(1.0))
    eight = TrainSettings.model_validate({"launch": {"config": "fsdp", "num_processes": 8}})
    assert cost(SEVEN, eight, 3600).hours == pytest.approx(1 / 8)
    assert cost(SEVEN, DpoSettings(), 3600).num_tokens == pytest.approx(3.6e6 * 8 / 3)


def test_a_dry_run_says_what_it_guesses(tmp_path: Path) -> None:
    text = " ".join(told("qwen2-5-vl-7b", "train-reason", tmp_path))
    assert "15 GiB a device" in text and "at most" in text and "a guess" in text and "8 devices" in text
    stated = " ".join(told("qwen2-5-vl-7b", "train-reason", tmp_path, ["cost.tokens_per_second=2000"]))
    assert "at 2,000 tokens a second each" in stated and "a guess" not in stated
    unknown = told("qwen2-5-vl-7b", "train-reason", tmp_path, ["base.model=ORG/NAME", "cost.parameters=null"])
    assert len(unknown) == 1 and "not known without the size of `ORG/NAME`" in unknown[0]
    assert told("tiny", "train-reason", tmp_path) == []


def test_a_rate_for_all_weights_under_lora_is_said_in_a_dry_run(tmp_path: Path) -> None:
    lines = told("qwen2-5-vl-7b", "train-reason", tmp_path, ["reason.lora={}"])
    assert "ten times" in lines[0] and "5e-05" in lines[0]
    assert not any("ten times" in line for line in told("qwen2-5-vl-7b-lora", "train-reason", tmp_path))


def test_a_base_in_a_folder_tells_its_size_itself(tiny: Path) -> None:
    from safetensors import safe_open

    with safe_open(str(tiny / "model.safetensors"), framework="pt") as file:  # type: ignore[no-untyped-call]
        whole = sum(file.get_tensor(name).numel() for name in file.keys())  # noqa: SIM118 - it is no mapping
    known = known_cost(CostSettings(), str(tiny))
    assert known.parameters == whole and 0 < known.vision_parameters < whole


@pytest.mark.parametrize("name", ["paper-llava-next-llama3-8b", "paper-qwen2-5-vl-7b"])
def test_a_paper_recipe_has_the_papers_lengths_mixture_and_cost(name: str, tmp_path: Path) -> None:
    recipe = load_recipe(name)
    assert recipe.reason and recipe.summary and recipe.rounds
    assert {part.max_tokens for part in (recipe.reason, recipe.summary, recipe.rounds.dpo)} == {12288}
    shares = recipe.corpora.summary_shares
    assert shares["plain"] / sum(shares.values()) == pytest.approx(5 / 6, abs=1e-4)
    assert (recipe.corpora.summary_num, recipe.rounds.num) == (1_200_000, 3)
    rates = [part.trainer["learning_rate"] for part in (recipe.reason, recipe.summary, recipe.rounds.dpo)]
    assert rates == [5e-6, 1e-5, 5e-7]
    for stage in ("train-reason", "train-summary", "train-dpo-1"):
        text = " ".join(told(name, stage, tmp_path))
        assert "GiB a device" in text and "hours on" in text
