"""No option is passed over: each is honoured, or refused in a line before a model loads (docs/training.md)."""

from __future__ import annotations

import importlib.machinery
import json
import re
from pathlib import Path
from typing import Any

import pytest
from training_stages import corpus, dpo_settings, lessons, losses, placed, reasoned, sft_settings, train

from insightv_bench.errors import InsightvError
from insightv_bench.runs.training_cost import rate_note
from insightv_bench.settings import DpoSettings, GrpoSettings, TrainSettings, load_recipe
from insightv_bench.stages import Stage
from insightv_bench.trainers.options import refused
from insightv_bench.trainers.options.trl import check_stages

HONOURED = "honoured"
CASES: dict[str, tuple[str, dict[str, Any], str]] = {
    "use_liger_kernel: true": ("sft", {"trainer": {"use_liger_kernel": True}}, "pip install liger-kernel"),
    "optim: adamw_8bit": ("sft", {"trainer": {"optim": "adamw_8bit"}}, "pip install bitsandbytes"),
    "optim: paged_adamw_8bit": ("dpo", {"trainer": {"optim": "paged_adamw_8bit"}}, "pip install bitsandbytes"),
    "optim: adamw_torch_8bit": ("sft", {"trainer": {"optim": "adamw_torch_8bit"}}, "pip install torchao"),
    "attn_implementation: flash_attention_2": (
        "sft",
        {"trainer": {"attn_implementation": "flash_attention_2"}},
        "pip install flash-attn",
    ),
    "lora: {quantize: nf4}": ("sft", {"lora": {"quantize": "nf4"}}, "pip install bitsandbytes"),
    "lora: {quantize: int3}": ("sft", {"lora": {"quantize": "int3"}}, "it is `nf4`"),
    "pad_to_multiple_of: 8": ("sft", {"trainer": {"pad_to_multiple_of": 8}}, "for text alone"),
    "assistant_only_loss: true": ("sft", {"trainer": {"assistant_only_loss": True}}, "on the completion alone"),
    "completion_only_loss: false": ("sft", {"trainer": {"completion_only_loss": False}}, "is never trained on"),
    "attn_implementation of the Hub": (
        "dpo",
        {"trainer": {"attn_implementation": "kernels-community/flash-attn2"}},
        "would run code of others",
    ),
    "fsdp, deepspeed": ("sft", {"trainer": {"fsdp": "full_shard"}}, "`launch: {config: fsdp}`"),
    "liger_kernel_config alone": ("sft", {"trainer": {"liger_kernel_config": {"rope": True}}}, "would be passed over"),
    "loss_type: dft (DPO, GRPO)": ("dpo", {"trainer": {"loss_type": ["sigmoid", "dft"]}}, "has no such loss"),
    "label_smoothing_factor (GRPO)": ("grpo", {"trainer": {"label_smoothing_factor": 0.1}}, "GRPO's loss"),
    "packing: true": ("sft", {"trainer": {"packing": True}}, "rows of text alone"),
    "padding_free: true": ("sft", {"trainer": {"padding_free": True}}, "for text alone"),
    "model_init_kwargs": ("sft", {"trainer": {"model_init_kwargs": {"dtype": "auto"}}}, "is loaded here"),
    "chat_template_path": ("sft", {"trainer": {"chat_template_path": "x"}}, "the model's own template"),
    "optim beside muon": ("sft", {"trainer": {"optim": "sgd"}, "muon": {}}, "an optimizer of its own"),
    "eval_strategy without validation_share": ("sft", {"trainer": {"eval_strategy": "steps"}}, "`validation_share`"),
    "label_smoothing_factor (DPO)": ("dpo", {"trainer": {"label_smoothing_factor": 0.1}}, "`trainer.label_smoothing`"),
    "sync_ref_model (no second model)": ("dpo", {"trainer": {"sync_ref_model": True}}, "`cache_reference: false`"),
    "loss_type: dft": ("sft", {"trainer": {"loss_type": "dft"}}, HONOURED),
    "label_smoothing_factor (SFT)": ("sft", {"trainer": {"label_smoothing_factor": 0.1}}, HONOURED),
    "neftune_noise_alpha": ("sft", {"trainer": {"neftune_noise_alpha": 5.0}}, HONOURED),
}
"""As the table names them: the kind of training, what is asked for, and what is said."""


def settings_of(kind: str, asked: dict[str, Any]) -> TrainSettings:
    sections = {"sft": TrainSettings, "dpo": DpoSettings, "grpo": GrpoSettings}
    return sections[kind].model_validate(asked)


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """None of the packages is installed."""
    wanted = {*refused.PACKAGES, *refused.ATTENTION.values(), "liger_kernel"}
    known = importlib.machinery.PathFinder.find_spec

    def find(name: str, *rest: Any) -> Any:
        return None if name in wanted else known(name, *rest)

    monkeypatch.setattr(refused, "find_spec", find)


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize("case", CASES)
def test_an_option_is_honoured_or_refused_in_a_line_before_a_model_loads(case: str) -> None:
    kind, asked, said = CASES[case]
    stage = Stage("train-x", kind, settings_of(kind, asked))
    if said == HONOURED:
        check_stages([stage])
        return
    with pytest.raises(InsightvError) as told:
        check_stages([stage])
    assert said in str(told.value) and "\n" not in told.value.fact


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize("kind", ["sft", "dpo", "grpo"])
@pytest.mark.parametrize(
    "option, value",
    [
        ("use_liger_kernel", True),
        ("use_liger_kernel", "yes"),
        ("optim", "adamw_8bit"),
        ("optim", "ADAMW_8BIT"),
        ("optim", "adamw_bnb_8bit"),
        ("optim", "paged_lion_8bit"),
        ("attn_implementation", "flash_attention_2"),
        ("attn_implementation", "FLASH_ATTENTION_2"),
        ("attn_implementation", "flash_attention_3"),
        ("attn_implementation", "paged|flash_attention_2"),
        ("attn_implementation", "sdqa"),
        ("pad_to_multiple_of", 8),
        ("assistant_only_loss", True),
        ("eval_packing", True),
        ("loss_type", "dtf"),
        ("loss_type", "no_such"),
        ("fsdp", "full_shard"),
        ("deepspeed", "x.json"),
        ("chat_template_path", "x"),
    ],
)
def test_no_trainer_takes_what_it_would_pass_over(kind: str, option: str, value: Any) -> None:
    with pytest.raises(InsightvError) as told:
        check_stages([Stage("train-x", kind, settings_of(kind, {"trainer": {option: value}}))])
    fact = told.value.fact
    assert (option in fact or value in fact) and "\n" not in fact


def test_the_table_of_the_docs_has_each_of_them_with_its_outcome() -> None:
    text = (Path(__file__).parents[1] / "docs" / "training.md").read_text(encoding="utf-8")
    rows = {row[0]: row[1] for row in re.findall(r"^\| `([^|]+)` \| ([^|]+) \|", text, re.MULTILINE)}
    for case, (_, _, said) in CASES.items():
        assert case in rows, f"docs/training.md has no row of `{case}`"
        assert rows[case].startswith("honoured" if said == HONOURED else ("needs" if "pip" in said else "refused"))


@pytest.mark.slow
@pytest.mark.parametrize("option", [{"loss_type": "dft"}, {"label_smoothing_factor": 0.2}])
def test_another_loss_is_trained_with_on_a_cpu_too(option: dict[str, Any], tiny: Path, tmp_path: Path) -> None:
    """The short way over labelled positions is for the plain loss alone."""
    plain = reasoned(tmp_path / "plain", tiny, lessons(8), sft_settings(trainer={"max_steps": 1}))
    other = reasoned(tmp_path / "other", tiny, lessons(8), sft_settings(trainer={"max_steps": 1, **option}))
    assert losses(other)[0] != pytest.approx(losses(plain)[0], abs=1e-4)


# LoRA


def test_an_adapter_names_no_place_of_this_machine(tiny: Path, tmp_path: Path) -> None:
    folder = reasoned(tmp_path, tiny, lessons(8), sft_settings(lora={"r": 4}, trainer={"max_steps": 1}), str(tiny))
    adapter = folder / "model" / "adapter"
    named = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))["base_model_name_or_path"]
    assert not Path(named).is_absolute() and (adapter / named).resolve() == tiny.resolve()
    for file in (folder / "model").rglob("*.json"):
        assert str(tmp_path) not in file.read_text(encoding="utf-8"), file.name


def test_an_adapter_of_a_base_from_the_hub_names_it_and_its_commit(tiny: Path, tmp_path: Path) -> None:
    base = placed(tiny, tmp_path)
    content = {"stage": "train-base", "files": {}, "totals": {"model": "ORG/NAME", "revision": "abc123"}}
    (base / "manifest.json").write_text(json.dumps(content))
    rows = corpus(tmp_path, "corpora-reasoning", lessons(8))
    settings = sft_settings(lora={"r": 4}, trainer={"max_steps": 1})
    folder = train(tmp_path, "sft", settings, {"train-base": base, "corpora-reasoning": rows}, base=str(tiny))
    named = json.loads((folder / "model" / "adapter" / "adapter_config.json").read_text(encoding="utf-8"))
    assert (named["base_model_name_or_path"], named["revision"]) == ("ORG/NAME", "abc123")


@pytest.mark.parametrize(
    ("settings", "is_said"),
    [
        (TrainSettings(lora={}, trainer={"learning_rate": 5e-6}), True),
        (TrainSettings(lora={}, trainer={"learning_rate": 5e-5}), False),
        (TrainSettings(trainer={"learning_rate": 5e-6}), False),
        (DpoSettings(lora={}, trainer={"learning_rate": 5e-7}), True),
        (DpoSettings(lora={}, trainer={"learning_rate": 5e-6}), False),
    ],
)
def test_a_rate_for_all_weights_is_said_under_lora(settings: TrainSettings, is_said: bool) -> None:
    assert ("ten times" in rate_note("train-x", settings, from_nothing=False)) == is_said


@pytest.mark.parametrize("name", ["qwen2-5-vl-3b-lora", "qwen2-5-vl-7b-lora", "qwen2-5-vl-7b-qlora"])
def test_a_lora_recipe_has_ten_times_the_rates_and_the_same_rows_a_step(name: str) -> None:
    lora, whole = load_recipe(name), load_recipe("-".join(name.split("-")[:-1]))
    for part in ("reason", "summary"):
        ours, theirs = getattr(lora, part), getattr(whole, part)
        assert ours.trainer["learning_rate"] == pytest.approx(10 * theirs.trainer["learning_rate"])
        assert rows_a_step(ours) == rows_a_step(theirs)
    assert lora.rounds and whole.rounds
    rates = [recipe.rounds.dpo.trainer["learning_rate"] for recipe in (lora, whole) if recipe.rounds]
    assert rates[0] == pytest.approx(10 * rates[1])


def rows_a_step(settings: TrainSettings) -> int:
    processes = settings.launch.num_processes if settings.launch else 1
    trainer = settings.trainer
    return int(trainer["per_device_train_batch_size"] * trainer["gradient_accumulation_steps"] * processes)


def test_qlora_trains_an_adapter_over_weights_in_four_bits(tiny: Path, tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes")
    settings = sft_settings(lora={"r": 4, "quantize": "nf4"}, trainer={"max_steps": 2})
    folder = reasoned(tmp_path, tiny, lessons(8), settings, base=str(tiny))
    assert (folder / "model" / "adapter" / "adapter_model.safetensors").exists()
    assert "quantization_config" not in json.loads((folder / "model" / "config.json").read_text(encoding="utf-8"))


# The reference


def test_a_reference_held_as_it_is_multiplied_gives_the_same_bits(tiny: Path) -> None:
    import torch

    from insightv_bench.trainers.training import load_for_training
    from insightv_bench.trainers.trl import hold_as_multiplied

    model, processor = load_for_training(tiny)
    model.eval()
    ids = processor.tokenizer("Bar A is 4.", return_tensors="pt")["input_ids"]
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        before = model.model(input_ids=ids).last_hidden_state
        hold_as_multiplied(model)
        after = model.model(input_ids=ids).last_hidden_state
    assert torch.equal(before, after)
    held = {weight.dtype for name, weight in model.named_parameters() if "q_proj" in name}
    assert held == {torch.bfloat16}


def test_a_reference_of_its_own_may_be_moved() -> None:
    asked = {"trainer": {"sync_ref_model": True, "ref_model_sync_steps": 1}, "cache_reference": False}
    check_stages([Stage("train-dpo-1", "dpo", dpo_settings(**asked))])
