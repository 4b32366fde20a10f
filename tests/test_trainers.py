"""A base that is there, LoRA, validation, launches, and what a trainer says of input that it cannot use."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import polars as pl
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
    sft_settings,
    tiny_model,
    train,
)

from insightv_bench.engines.hf import load_model
from insightv_bench.errors import ModelError, RecipeError, StageError
from insightv_bench.recipe import load_recipe
from insightv_bench.records import Image
from insightv_bench.settings import BaseSettings, HfEngine, TrainSettings
from insightv_bench.stage import Stage
from insightv_bench.trainers import rows
from insightv_bench.trainers.options import check_stages
from insightv_bench.trainers.training import WHOLE, last_checkpoint
from insightv_bench.trainers.troubles import explained_memory

SFT = "trainers.sft:sft"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("tiny"))


def reasoned(run: Path, tiny: Path, rows: list[Any], settings: TrainSettings, base: str = "tiny") -> Path:
    inputs = {"train-base": placed(tiny, run), "corpora-reasoning": corpus(run, "corpora-reasoning", rows)}
    return train(run, SFT, settings, inputs, base=base)


def weights(folder: Path) -> dict[str, Any]:
    return dict(load_model(HfEngine(model=str(folder), device="cpu"))[0].state_dict())


# A base that is there


def pretrained(run: Path, model: str, **settings: Any) -> Path:
    return train(run, "trainers.pretrained:pretrained", BaseSettings(model=model, **settings), {}, "train-base", model)


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


def test_a_round_under_lora_has_its_reference_under_the_adapter(tiny: Path, tmp_path: Path) -> None:
    reason = placed(tiny, tmp_path, "train-reason")
    inputs = {
        "train-reason": reason,
        "corpora-preference-1": corpus(tmp_path, "corpora-preference-1", pairs(lessons(8))),
    }
    folder = train(
        tmp_path, "trainers.dpo:dpo", dpo_settings(lora={}), inputs | {"again": reason}, "train-dpo-1", str(tiny)
    )
    assert losses(folder)[0] == pytest.approx(0.6931, abs=2e-3)
    assert "the adapter off" in (folder / "model" / "README.md").read_text(encoding="utf-8")
    assert not (tmp_path / "reference-logps").exists()


def test_a_model_from_nothing_is_trained_whole_and_a_real_one_keeps_its_tower(tiny: Path, tmp_path: Path) -> None:
    whole = reasoned(tmp_path / "a", tiny, lessons(8), sft_settings())
    real = reasoned(tmp_path / "b", tiny, lessons(8), sft_settings(), base=str(tiny))
    assert "num_frozen" not in manifest(whole)["totals"]
    assert manifest(real)["totals"]["num_frozen"] > 0
    assert "was left as it was" in (real / "model" / "README.md").read_text(encoding="utf-8")


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


# The token budget and what a row may hold


def test_long_rows_and_broken_pictures_are_left_out_with_their_reasons(tiny: Path, tmp_path: Path) -> None:
    rows = lessons(8)
    long = rows[1].completion[0].model_copy(update={"content": "1 " * 400})
    rows[1] = rows[1].model_copy(update={"completion": (long,)})
    rows[2] = rows[2].model_copy(update={"images": (Image(bytes=b"no picture"),)})
    hostile = rows[3].prompt[0].model_copy(update={"content": rows[3].prompt[0].content + " What is <image>?"})
    rows[3] = rows[3].model_copy(update={"prompt": (hostile,)})
    folder = reasoned(tmp_path, tiny, rows, sft_settings(max_tokens=300))
    assert manifest(folder)["dropped"] == {"over 300 tokens": 1, "picture cannot be read": 1}
    assert set(pl.read_parquet(folder / "exclusions.parquet")["id"]) == {rows[1].id, rows[2].id}
    totals = manifest(folder)["totals"]
    assert totals["num_rows"] == 6
    assert totals["mix"] == {"corpora-reasoning": {"rows": 6, "tokens": totals["num_row_tokens"]}}


def test_a_corpus_that_cannot_be_trained_on_is_an_error_with_a_hint(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(StageError, match="no row is left") as told:
        reasoned(tmp_path / "a", tiny, lessons(4), sft_settings(max_tokens=16))
    assert "raise `max_tokens`" in told.value.hint
    rows = corpus(tmp_path, "corpora-reasoning", lessons(4))
    frame = pl.read_parquet(rows / "data-00000.parquet")
    without = frame.with_columns(images=pl.lit([{"bytes": None, "path": "charts/1.png"}], dtype=frame["images"].dtype))
    without.write_parquet(rows / "data-00000.parquet")
    inputs = {"train-base": placed(tiny, tmp_path), "corpora-reasoning": rows}
    with pytest.raises(
        StageError, match=r"row 0 of the corpus holds no picture, only a place for one \(`charts/1.png`\)"
    ):
        train(tmp_path, SFT, sft_settings(max_tokens=300), inputs)
    frame.drop("prompt").write_parquet(rows / "data-00000.parquet")
    with pytest.raises(StageError, match="has no column `prompt`"):
        train(tmp_path, SFT, sft_settings(max_tokens=300), inputs)


def test_pictures_that_are_not_there_or_are_none_end_a_training_from_nothing_too(tiny: Path, tmp_path: Path) -> None:
    """Its rows are not measured first."""
    rows = corpus(tmp_path, "corpora-reasoning", lessons(4))
    frame, inputs = pl.read_parquet(rows / "data-00000.parquet"), {"train-base": placed(tiny, tmp_path)}
    for picture, said in [
        ({"bytes": None, "path": "charts/1.png"}, r"row 0 of the corpus holds no picture.*`charts/1.png`"),
        ({"bytes": b"no picture", "path": None}, "a picture of its corpus cannot be read"),
    ]:
        broken = frame.with_columns(images=pl.lit([picture], dtype=frame["images"].dtype))
        broken.write_parquet(rows / "data-00000.parquet")
        with pytest.raises(StageError, match=said) as told:
            train(tmp_path, SFT, sft_settings(), {**inputs, "corpora-reasoning": rows})
        assert told.value.hint


def test_a_corpus_of_another_kind_or_without_messages_is_said_to_be_so(tiny: Path, tmp_path: Path) -> None:
    base, rows = placed(tiny, tmp_path), corpus(tmp_path, "corpora-reasoning", lessons(4))
    file, frame = rows / "data-00000.parquet", pl.read_parquet(rows / "data-00000.parquet")

    def said(changed: pl.DataFrame) -> str:
        changed.write_parquet(file)
        with pytest.raises(StageError) as told:
            train(tmp_path, SFT, sft_settings(), {"train-base": base, "corpora-reasoning": rows})
        return str(told.value)

    assert "it holds pairs, which `train dpo` learns from" in said(frame.rename({"completion": "chosen"}))
    assert "holds String, not messages" in said(frame.with_columns(prompt=pl.lit("How many?")))
    assert "holds String, not pictures" in said(frame.with_columns(images=pl.lit("chart.png")))
    assert "holds List(String), not pictures" in said(frame.with_columns(images=pl.lit(["chart.png"])))
    assert "has no column `images`" in said(frame.drop("images"))
    third = pl.int_range(pl.len()) == 2
    lacking = frame.with_columns(completion=pl.when(third).then(None).otherwise(pl.col("completion")))
    assert re.search(r"row 2 of the corpus .* has no `completion`", said(lacking))
    assert "exclusions" not in said(frame.head(0))


def test_a_picture_that_was_cut_off_is_left_out_or_ends_the_training(tiny: Path, tmp_path: Path) -> None:
    """The header of one is whole."""
    rows = lessons(6)
    whole = rows[1].images[0].bytes
    assert whole
    rows[1] = rows[1].model_copy(update={"images": (Image(bytes=whole[: len(whole) // 2]),)})
    measured = reasoned(tmp_path / "a", tiny, rows, sft_settings(max_tokens=300))
    assert manifest(measured)["dropped"] == {"picture cannot be read": 1}
    assert "picture cannot be read: 1" in (measured / "model" / "README.md").read_text(encoding="utf-8")
    with pytest.raises(StageError, match="a picture of its corpus cannot be read") as told:
        reasoned(tmp_path / "b", tiny, rows, sft_settings(trainer={"num_train_epochs": 1}))
    assert "set `max_tokens`" in told.value.hint


def test_options_that_do_not_fit_the_model_are_said_in_a_line(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(StageError, match="TRL refuses these options: Target modules"):
        reasoned(tmp_path, tiny, lessons(4), sft_settings(lora={"target_modules": ["nope"]}), base=str(tiny))


def test_a_card_says_what_was_trained_and_what_its_figures_are(tiny: Path, tmp_path: Path) -> None:
    folder = reasoned(tmp_path, tiny, lessons(8), sft_settings(), base=str(tiny))
    card, totals = (folder / "model" / "README.md").read_text(encoding="utf-8"), manifest(folder)["totals"]
    assert f"Trained from `train-base-0123456789ab`, the base being `{tiny}`" in card
    assert "| `corpora-reasoning-0123456789ab` | 8 | `0123456789ab` |" in card
    assert f"| `num_tokens` | {totals['num_tokens']:,} | tokens seen" in card
    assert "AutoModelForImageTextToText.from_pretrained" in card and "## Limits" in card
    assert "nothing but the drawn world" not in card
    assert "](curves.png)" in card and (folder / "model" / "curves.png").exists()


def test_the_tokens_of_a_training_are_those_of_all_its_steps(tiny: Path, tmp_path: Path) -> None:
    """Its last steps may not be logged on their own."""
    counted = [
        reasoned(tmp_path / str(often), tiny, lessons(8), sft_settings(trainer={"logging_steps": often}))
        for often in (1, 2)
    ]
    assert len({manifest(folder)["totals"]["num_tokens"] for folder in counted}) == 1


# Before anything heavy


def complaint(settings: TrainSettings, function: str = SFT) -> str:
    with pytest.raises((RecipeError, ModelError)) as told:
        check_stages([Stage("train-reason", function, settings, (), "train reason")])
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
    check_stages([Stage("train-reason", SFT, settings(), (), "train reason")])


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


def test_the_curves_of_a_training_are_drawn(tiny: Path, tmp_path: Path) -> None:
    from PIL import Image as Picture

    folder = reasoned(tmp_path, tiny, lessons(8), sft_settings())
    with Picture.open(folder / "curves.png") as picture:
        assert picture.width > 300 and len(set(picture.convert("L").getdata())) > 10
    assert [log["step"] for log in history(folder) if "loss" in log] == [1, 2, 3]
    assert manifest(folder)["totals"]["num_tokens"] > 0


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
train(Path({run!r}), "trainers.sft:sft", settings, inputs)
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
        if "insightv_bench.trainers.launched" in words and str(run) in words and "accelerate" not in words:
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


def test_a_picture_of_too_many_pixels_is_one_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    from PIL import Image as Picture

    buffer = io.BytesIO()
    Picture.new("RGB", (48, 48)).save(buffer, "PNG")
    monkeypatch.setattr(Picture, "MAX_IMAGE_PIXELS", 100)
    assert rows._picture_tokens(None, [{"bytes": buffer.getvalue()}], 0) is None


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
    check_stages([Stage("train-dpo-1", "trainers.dpo:dpo", dpo, (), "train dpo")])
    assert dict(os.environ) == before


def test_a_learning_rate_may_be_written_without_a_point() -> None:
    recipe = load_recipe("walk", ["reason.trainer.learning_rate=1e-5", "reason.trainer.lr_scheduler_kwargs={a: 2E3}"])
    assert recipe.reason and recipe.reason.trainer["learning_rate"] == 1e-5
    assert recipe.reason.trainer["lr_scheduler_kwargs"] == {"a": 2000.0}
