"""TRL's own trainers over the same rows, collation included."""

from __future__ import annotations

import time
import warnings
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from insightv_bench.trainers.options import freeze_vision, lora_config

from .families import FAMILIES
from .random_models import chat_template
from .step_rows import rows_of
from .step_setup import WARM_UP, Setup, figures, make, synchronise


def with_trl(setup: Setup, dpo: bool, cached: bool) -> dict[str, Any]:
    """TRL's own trainer on the same rows, collation included."""
    for name in ("trl", "datasets"):
        if not find_spec(name):
            return {"left_out": f"needs {name}"}
    with TemporaryDirectory() as folder:
        return _with_trl(setup, dpo, cached, Path(folder))


def _with_trl(setup: Setup, dpo: bool, cached: bool, folder: Path) -> dict[str, Any]:
    import trl
    from transformers import PrinterCallback

    model, processor = make(setup)
    processor.chat_template = chat_template(FAMILIES[setup.family])
    if not setup.lora:
        freeze_vision(model)
    options: dict[str, Any] = {"processing_class": processor, "train_dataset": _data_set(setup, processor, dpo, cached)}
    if setup.lora:
        options["peft_config"] = lora_config(model, {}, with_vision=False)
    warnings.simplefilter("ignore", FutureWarning)  # of options that TRL itself sets
    config = (trl.DPOConfig if dpo else trl.SFTConfig)(
        str(folder),
        per_device_train_batch_size=setup.batch,
        max_steps=setup.steps + WARM_UP,
        max_length=None,
        bf16=setup.device == "cuda",
        use_cpu=setup.device == "cpu",
        gradient_checkpointing=setup.device == "cuda",
        dataloader_pin_memory=setup.device == "cuda",
        learning_rate=1e-6,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
    )
    stopwatch = _stopwatch(setup)
    trainer = _trainer(setup, dpo, cached, model=model, args=config, callbacks=[stopwatch], **options)
    trainer.remove_callback(PrinterCallback)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer.train()
    seconds = (stopwatch.ended - stopwatch.started) / setup.steps
    return figures(setup, trainer.model, seconds, setup.batch * setup.length * (2 if dpo else 1), dpo and not cached)


def _trainer(setup: Setup, dpo: bool, cached: bool, **options: Any) -> Any:
    import trl

    if not dpo:
        return trl.SFTTrainer(**options)
    if cached:
        from insightv_bench.trainers.trl import cached as without_reference

        return without_reference(trl.DPOTrainer)(**options)
    return trl.DPOTrainer(ref_model=None if setup.lora else make(setup)[0].eval(), **options)


def _data_set(setup: Setup, processor: Any, dpo: bool, cached: bool) -> Any:
    import datasets

    datasets.disable_progress_bars()
    rows = rows_of(setup, processor, setup.batch * (setup.steps + WARM_UP))
    turn = lambda role, text: [{"role": role, "content": text}]  # noqa: E731
    data: dict[str, Any] = {
        "images": [row["images"] for row in rows],
        "prompt": [turn("user", row["prompt"]) for row in rows],
    }
    for name, column in (("chosen", "chosen"), ("rejected", "rejected")) if dpo else (("completion", "chosen"),):
        data[name] = [turn("assistant", row[column]) for row in rows]
    if cached:
        data |= {"ref_chosen_logps": [0.0] * len(rows), "ref_rejected_logps": [0.0] * len(rows)}
    return datasets.Dataset.from_dict(data).cast_column("images", datasets.List(datasets.Image()))


def _stopwatch(setup: Setup) -> Any:
    from transformers import TrainerCallback

    class Stopwatch(TrainerCallback):
        started = ended = 0.0

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if state.global_step in (WARM_UP, WARM_UP + setup.steps):
                synchronise(setup)
                now = time.perf_counter()
                self.started, self.ended = (now, now) if state.global_step == WARM_UP else (self.started, now)

    return Stopwatch()
