"""A base that is there, LoRA, validation, launches, and what a training leaves: card, figures, curves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from training_stages import (
    corpus,
    dpo_settings,
    history,
    lessons,
    losses,
    manifest,
    pairs,
    placed,
    reasoned,
    sft_settings,
    train,
)

from insightv_bench.engines.hf import load_model
from insightv_bench.errors import ModelError, StageError
from insightv_bench.settings import BaseSettings, HfEngine, TrainSettings
from insightv_bench.trainers.errors import explained_memory
from insightv_bench.trainers.training import WHOLE, last_checkpoint


def weights(folder: Path) -> dict[str, Any]:
    return dict(load_model(HfEngine(model=str(folder), device="cpu"))[0].state_dict())


@pytest.fixture(scope="module")
def whole(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training of a model from nothing, which others only read."""
    return reasoned(tmp_path_factory.mktemp("whole"), tiny, lessons(8), sft_settings())


@pytest.fixture(scope="module")
def real(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same of a model that was there."""
    return reasoned(tmp_path_factory.mktemp("real"), tiny, lessons(8), sft_settings(), base=str(tiny))


# A base that is there


def pretrained(run: Path, model: str, **settings: Any) -> Path:
    return train(run, "pretrained", BaseSettings(model=model, **settings), {}, "train-base", model)


def test_a_folder_is_the_base_without_its_pickles(tiny: Path, tmp_path: Path) -> None:
    (tiny / "training_args.bin").write_bytes(b"pickle")
    folder = pretrained(tmp_path, str(tiny))
    names = {file.name for file in (folder / "model").iterdir()}
    assert {"model.safetensors", "config.json", "tokenizer.json", "chat_template.jinja"} <= names
    assert "training_args.bin" not in names
    assert manifest(folder)["totals"]["weights_gb"] > 0
    (tiny / "training_args.bin").unlink()


def test_pixels_of_a_base_are_set_once_for_all_that_follows(tiny: Path, tmp_path: Path) -> None:
    before = (tiny / "processor_config.json").read_bytes()
    folder = pretrained(tmp_path, str(tiny), processor={"size": {"height": 96, "width": 96}})
    _, processor = load_model(HfEngine(model=str(folder / "model"), device="cpu"))
    assert processor.image_processor.size["height"] == 96
    assert (tiny / "processor_config.json").read_bytes() == before
    with pytest.raises(ModelError, match=r"`base\.processor\.sise` is no option"):
        pretrained(tmp_path, str(tiny), processor={"sise": {}})


@pytest.mark.parametrize(
    "content, said",
    [
        ({}, r"holds no `config\.json`"),
        ({"config.json": '{"model_type": "bert"}'}, "is no image-text model: its `bert`"),
        ({"config.json": '{"model_type": "llava"}', "pytorch_model.bin": "x"}, "holds no safetensors"),
        ({"config.json": '{"model_type": "llava"}', "model.safetensors": "x" * 99}, "is no whole safetensors file"),
        ({"config.json": "{"}, r"has a `config\.json` that cannot be read"),
    ],
)
def test_a_base_that_is_no_image_text_model_is_said_to_be_none(
    tmp_path: Path, content: dict[str, str], said: str
) -> None:
    model = tmp_path / "model"
    model.mkdir()
    for name, text in content.items():
        (model / name).write_text(text)
    with pytest.raises(ModelError, match=said):
        pretrained(tmp_path, str(model))
    with pytest.raises(ModelError, match="neither `tiny` or `small`, nor a folder, nor a Hub id"):
        pretrained(tmp_path, "tinny")


# LoRA, freezing, validation


def test_lora_is_merged_and_its_adapter_is_kept(tiny: Path, tmp_path: Path) -> None:
    folder = reasoned(tmp_path, tiny, lessons(8), sft_settings(lora={"r": 4}), base=str(tiny))
    names = {file.name for file in (folder / "model" / "adapter").iterdir()}
    assert {"adapter_config.json", "adapter_model.safetensors"} <= names
    assert all(name.endswith((".json", ".safetensors")) for name in names)
    before, after = weights(tiny), weights(folder / "model")
    changed = {key for key in before if not bool((before[key] == after[key]).all())}
    assert changed and all("language_model" in key or "multi_modal_projector" in key for key in changed)
    totals = manifest(folder)["totals"]
    assert totals["num_trained"] < totals["num_parameters"] / 5
    assert "adapter" in (folder / "model" / "README.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_round_under_lora_has_its_reference_under_the_adapter(tiny: Path, tmp_path: Path) -> None:
    reason = placed(tiny, tmp_path, "train-reason")
    inputs = {
        "train-reason": reason,
        "corpora-preference-1": corpus(tmp_path, "corpora-preference-1", pairs(lessons(8))),
    }
    folder = train(tmp_path, "dpo", dpo_settings(lora={}), inputs | {"again": reason}, "train-dpo-1", str(tiny))
    assert losses(folder)[0] == pytest.approx(0.6931, abs=2e-3)
    assert "the adapter off" in (folder / "model" / "README.md").read_text(encoding="utf-8")
    assert not (tmp_path / "reference-logps").exists()


@pytest.mark.slow
def test_a_model_from_nothing_is_trained_whole_and_a_real_one_keeps_its_tower(whole: Path, real: Path) -> None:
    assert "num_frozen" not in manifest(whole)["totals"]
    assert manifest(real)["totals"]["num_frozen"] > 0
    assert "was left as it was" in (real / "model" / "README.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_best_weights_are_kept_and_no_question_is_on_both_sides(tiny: Path, tmp_path: Path) -> None:
    """With a learning rate that destroys the model, the first validation is the best, and training stops early."""
    trainer = {"max_steps": 40, "learning_rate": 0.3, "save_strategy": "steps", "save_steps": 2, "warmup_steps": 0,
               "lr_scheduler_type": "constant"}  # fmt: skip
    rows = lessons(24)
    folder = reasoned(tmp_path, tiny, rows, sft_settings(trainer=trainer, validation_share=0.3, patience=2))
    scores = [log["eval_loss"] for log in history(folder) if "eval_loss" in log]
    totals = manifest(folder)["totals"]
    assert totals["best_validation_loss"] == pytest.approx(min(scores)) and min(scores) < scores[-1]
    assert totals["num_steps"] < 40


def test_a_card_says_what_was_trained_and_what_its_figures_are(tiny: Path, real: Path) -> None:
    card, totals = (real / "model" / "README.md").read_text(encoding="utf-8"), manifest(real)["totals"]
    assert f"Trained from `train-base-0123456789ab`, the base being `{tiny}`" in card
    assert "| `corpora-reasoning-0123456789ab` | 8 | `0123456789ab` |" in card
    assert f"| `num_tokens` | {totals['num_tokens']:,} | tokens seen" in card
    assert "AutoModelForImageTextToText.from_pretrained" in card and "## Limits" in card
    assert "nothing but the drawn world" not in card
    assert "](curves.png)" in card and (real / "model" / "curves.png").exists()


def test_the_tokens_of_a_training_are_those_of_all_its_steps(whole: Path, tiny: Path, tmp_path: Path) -> None:
    """Its last steps may not be logged on their own."""
    seldom = reasoned(tmp_path, tiny, lessons(8), sft_settings(trainer={"logging_steps": 2}))
    assert manifest(seldom)["totals"]["num_tokens"] == manifest(whole)["totals"]["num_tokens"]


def test_out_of_memory_says_which_knobs_to_turn(tmp_path: Path) -> None:
    from insightv_bench.trainers.job import Job

    def job(**settings: Any) -> Job:
        given = TrainSettings(**settings)
        return Job("train-x", tmp_path, (), tmp_path, tmp_path, given, seed=0, threads=1, from_nothing=False)

    def hint(error: Exception, told: Job) -> str:
        with pytest.raises(StageError, match="out of memory") as raised, explained_memory(told):
            raise error
        return raised.value.hint

    import torch

    first = hint(torch.OutOfMemoryError("CUDA out of memory. Tried"), job(trainer={"per_device_train_batch_size": 4}))
    assert "`trainer.per_device_train_batch_size: 2` with `trainer.gradient_accumulation_steps: 2`" in first
    last = hint(
        RuntimeError("DefaultCPUAllocator: can't allocate memory"),
        job(trainer={"per_device_train_batch_size": 1, "gradient_checkpointing": True}, lora={}, max_tokens=1024),
    )
    assert "batch_size" not in last and "lora" not in last and "launch" in last
    with pytest.raises(RuntimeError, match="shape"), explained_memory(job()):
        raise RuntimeError("shape mismatch")


def test_a_checkpoint_of_another_training_is_not_gone_on_from(tmp_path: Path) -> None:
    (tmp_path / "checkpoint-5").mkdir()
    (tmp_path / "checkpoint-5" / WHOLE).write_text("train-reason-aaaa")
    assert last_checkpoint(tmp_path, "train-reason-aaaa") == tmp_path / "checkpoint-5"
    with pytest.raises(StageError, match="is a checkpoint of `train-reason-aaaa`, not of `train-reason-bbbb`"):
        last_checkpoint(tmp_path, "train-reason-bbbb")


def test_the_curves_of_a_training_are_drawn(whole: Path) -> None:
    from PIL import Image as PILImage

    with PILImage.open(whole / "curves.png") as image:
        assert image.width > 300 and len(set(image.convert("L").getdata())) > 10
    assert [log["step"] for log in history(whole) if "loss" in log] == [1, 2, 3]
    assert manifest(whole)["totals"]["num_tokens"] > 0


# Several processes


def launched(tmp_path: Path, tiny: Path, name: str, num: int, **more: Any) -> Path:
    trainer = {"max_steps": 4, "per_device_train_batch_size": 4 // num, **more}
    launch: Any = {"config": "cpu", "num_processes": num} if num > 1 else None
    rows = lessons(16)
    return reasoned(tmp_path / name, tiny, rows, sft_settings(trainer=trainer, launch=launch))


@pytest.mark.slow
def test_two_processes_train_as_one_does(tiny: Path, tmp_path: Path) -> None:
    """Over gloo, the same global batch: the same losses, and nearly the same weights."""
    one, two = (launched(tmp_path, tiny, str(num), num) for num in (1, 2))
    assert losses(two) == pytest.approx(losses(one), abs=1e-4)
    before, after = weights(one / "model"), weights(two / "model")
    assert max(float((before[key] - after[key]).abs().max()) for key in before) < 1e-3
    assert manifest(two)["totals"]["num_rows"] == manifest(one)["totals"]["num_rows"] == 16


KILLED = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from training_stages import sft_settings, train
inputs = {{"train-base": Path({base!r}), "corpora-reasoning": Path({rows!r})}}
settings = sft_settings(trainer=dict(max_steps=4000), launch=dict(config="cpu", num_processes=2))
train(Path({run!r}), "sft", settings, inputs)
"""


@pytest.mark.slow
def test_the_processes_of_a_killed_run_end(tiny: Path, tmp_path: Path) -> None:
    base, rows = placed(tiny, tmp_path), corpus(tmp_path, "corpora-reasoning", lessons(8))
    text = KILLED.format(tests=str(Path(__file__).parent), base=str(base), rows=str(rows), run=str(tmp_path))
    process = subprocess.Popen([sys.executable, "-c", text], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 240
    while len(begun(tmp_path)) < 2 and time.monotonic() < deadline:
        time.sleep(0.5)
    assert len(begun(tmp_path)) >= 2
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    while begun(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert not begun(tmp_path)


def begun(run: Path) -> list[str]:
    """Processes whose command names this run's job."""
    files = Path("/proc").glob("[0-9]*/cmdline")
    found = []
    for file in files:
        try:
            words = file.read_bytes().decode(errors="replace")
        except OSError:
            continue
        if "insightv_bench.trainers.worker" in words and str(run) in words and "accelerate" not in words:
            found.append(words)
    return found


def test_a_recipe_reaches_a_process_as_it_is(tmp_path: Path) -> None:
    from insightv_bench.trainers.job import Job, read_job, write_job

    settings = dpo_settings(lora={"r": 2}, reference="initial")
    job = Job(
        "train-dpo-1-abc", tmp_path / "start", (tmp_path / "rows",), tmp_path / "model", tmp_path, settings, 3, 1,
        from_nothing=False,
        reference=tmp_path / "reference", kept=tmp_path / "kept", more={"max_steps": 7},
    )  # fmt: skip
    write_job(job, tmp_path / "job.json")
    assert read_job(tmp_path / "job.json") == job
    assert json.loads((tmp_path / "job.json").read_text())["settings"]["lora"] == {"r": 2}
