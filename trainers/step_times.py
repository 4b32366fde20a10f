"""Seconds of a training step, on random weights of a real shape: a bare torch loop, and TRL's trainers.

Each part has the device for itself: its model is made, timed over the same rows and let go. Rows are noise: a picture
and text of a set length, of which a quarter is the completion.
"""

from __future__ import annotations

import contextlib
import gc
import time
import warnings
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from .families import FAMILIES
from .random_models import chat_template, make_config, make_processor
from .weights import freeze_vision, lora_config

PEAK_FLOPS = {"H200": 989e12, "H100": 989e12, "A100": 312e12, "L40S": 362e12, "L4": 121e12, "B200": 2250e12}
"""Dense bf16, of the vendor's data sheets."""
WARM_UP = 2
COMPLETION_SHARE = 0.25


class Setup(NamedTuple):
    family: str
    toy: bool
    device: str
    batch: int
    """Rows a step; pairs in DPO, which are two rows each."""
    length: int
    """Tokens a row."""
    steps: int
    lora: bool


def measure_all(setup: Setup, end: float) -> list[dict[str, Any]]:
    """`end`: no part is begun after this time of `time.monotonic()`."""
    parts: dict[str, Callable[[Setup], dict[str, Any]]] = {
        "SFT, bare loop": lambda s: bare(s, dpo=False, cached=False),
        "SFT, TRL": lambda s: with_trl(s, dpo=False, cached=False),
        "DPO, bare loop": lambda s: bare(s, dpo=True, cached=False),
        "DPO, bare loop, cached": lambda s: bare(s, dpo=True, cached=True),
        "DPO, TRL": lambda s: with_trl(s, dpo=True, cached=False),
        "DPO, TRL, cached": lambda s: with_trl(s, dpo=True, cached=True),
    }
    rows = []
    for name, part in parts.items():
        if time.monotonic() > end:
            rows.append({"name": name, "left_out": "no time is left"})
            continue
        rows.append({"name": name, **_alone(part, setup)})
    return rows


def _alone(part: Callable[[Setup], dict[str, Any]], setup: Setup) -> dict[str, Any]:
    import torch

    try:
        return part(setup)
    except (torch.OutOfMemoryError, RuntimeError, ImportError) as error:
        return {"left_out": " ".join(str(error).split())[:200]}
    finally:
        gc.collect()
        if setup.device == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()


def make(setup: Setup) -> tuple[Any, Any]:
    """Model on its device and processor; float32 weights for a full fine-tuning, bfloat16 under LoRA."""
    import torch
    from transformers import AutoModelForImageTextToText

    family = FAMILIES[setup.family]
    processor = make_processor(family, small=setup.toy)
    torch.manual_seed(0)
    dtype = torch.bfloat16 if setup.lora and setup.device == "cuda" else torch.float32
    with torch.device(setup.device):
        config = make_config(family, processor.tokenizer, small=setup.toy)
        model = AutoModelForImageTextToText.from_config(config, dtype=dtype)
    if setup.device == "cuda":
        model.gradient_checkpointing_enable({"use_reentrant": False})
    return model.train(), processor


def rows_of(setup: Setup, processor: Any, num: int) -> list[dict[str, Any]]:
    """Chats with one picture each, as long as they may be."""
    import numpy as np
    from PIL import Image

    noise, side = np.random.default_rng(0), 56 if setup.toy else 448
    rows = []
    for _ in range(num):
        picture = Image.fromarray(noise.integers(0, 255, (side, side, 3), dtype=np.uint8))
        left = setup.length - _num_tokens(processor, picture)
        words = "".join(chr(97 + int(letter)) for letter in noise.integers(0, 26, max(left, 8)))
        cut = int(len(words) * (1 - COMPLETION_SHARE))
        rows.append({"images": [picture], "prompt": words[:cut], "chosen": words[cut:], "rejected": words[cut:][::-1]})
    return rows


def _num_tokens(processor: Any, picture: Any) -> int:
    return len(_encode(processor, "", picture, "x")[0]["input_ids"][0])


def _encode(processor: Any, prompt: str, picture: Any, answer: str) -> tuple[Any, int]:
    """Inputs of one chat, and how many of its last tokens are the answer's."""
    block = [{"type": "image"}, {"type": "text", "text": prompt}]
    chat = [{"role": "user", "content": block}]
    before = processor.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    inputs = processor(text=[before + answer], images=[picture], return_tensors="pt")
    return inputs, len(processor.tokenizer(answer, add_special_tokens=False)["input_ids"])


def batches_of(setup: Setup, processor: Any, dpo: bool) -> list[dict[str, Any]]:
    """Labelled inputs for each step, the same ones; in DPO the chosen rows and then the rejected ones."""
    import torch

    names = ("chosen", "rejected") if dpo else ("chosen",)
    rows = rows_of(setup, processor, setup.batch)
    encoded = [_encode(processor, row["prompt"], row["images"][0], row[name]) for name in names for row in rows]
    batch = _stack([inputs for inputs, _ in encoded], processor)
    labels = torch.full_like(batch["input_ids"], -100)
    for place, (_, num) in enumerate(encoded):
        end = int(batch["attention_mask"][place].sum())
        labels[place, end - num : end] = batch["input_ids"][place, end - num : end]
    on_device = {key: value.to(setup.device) for key, value in {**batch, "labels": labels}.items()}
    return [on_device] * (setup.steps + WARM_UP)


def _stack(inputs: list[Any], processor: Any) -> dict[str, Any]:
    """One batch, padded on the right."""
    import torch
    from torch.nn.utils.rnn import pad_sequence

    per_token = {"input_ids": processor.tokenizer.pad_token_id, "attention_mask": 0, "mm_token_type_ids": 0}
    batch = {}
    for key in inputs[0]:
        values = [one[key] for one in inputs]
        if key in per_token:
            batch[key] = pad_sequence([value[0] for value in values], True, per_token[key])
        else:
            batch[key] = torch.cat(values)
    return batch


def bare(setup: Setup, dpo: bool, cached: bool) -> dict[str, Any]:
    """The least that a step can be: autocast, forward, backward, clip, AdamW."""
    import torch

    model, processor = make(setup)
    prepared = _prepared(setup, model)
    reference = make(setup)[0].eval() if dpo and not cached and not setup.lora else None
    optimizer = torch.optim.AdamW([w for w in prepared.parameters() if w.requires_grad], lr=1e-6)
    batches = batches_of(setup, processor, dpo)
    kept = [torch.zeros(2 * setup.batch, device=setup.device)] * len(batches) if cached else None

    def step(number: int) -> None:
        batch = batches[number]
        with _autocast(setup):
            if dpo:
                known = kept[number] if kept else _reference_sums(prepared, reference, batch)
                loss = dpo_loss(sums(prepared, batch), known)
            else:
                loss = -sums(prepared, batch).sum() / (batch["labels"] != -100).sum()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(prepared.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    seconds = timed(step, setup)
    return figures(setup, prepared, seconds, int(batches[0]["attention_mask"].sum()), dpo and not cached)


def _prepared(setup: Setup, model: Any) -> Any:
    if not setup.lora:
        freeze_vision(model)
        return model
    import peft

    model.enable_input_require_grads()
    return peft.get_peft_model(model, lora_config(model, {}, with_vision=False))


def _reference_sums(policy: Any, reference: Any, batch: dict[str, Any]) -> Any:
    import torch

    with torch.no_grad(), policy.disable_adapter() if reference is None else contextlib.nullcontext():
        return sums(policy if reference is None else reference, batch)


def sums(model: Any, batch: dict[str, Any]) -> Any:
    """Log-probability of each row's labelled tokens. [rows]"""
    import torch

    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    inputs = {key: value for key, value in batch.items() if key != "labels"}
    states = inner.model(**inputs, use_cache=False).last_hidden_state
    labels = batch["labels"][:, 1:]
    kept = labels != -100
    logits = inner.lm_head(states[:, :-1][kept]).float()
    each = -torch.nn.functional.cross_entropy(logits, labels[kept], reduction="none")
    return torch.zeros(len(labels), device=each.device).index_add(0, kept.nonzero()[:, 0], each)


def dpo_loss(policy: Any, reference: Any, beta: float = 0.1) -> Any:
    import torch

    chosen, rejected = (policy - reference).chunk(2)
    return -torch.nn.functional.logsigmoid(beta * (chosen - rejected)).mean()


@contextlib.contextmanager
def _autocast(setup: Setup) -> Iterator[None]:
    import torch

    with torch.autocast(setup.device, torch.bfloat16, enabled=setup.device == "cuda"):
        yield


def timed(step: Callable[[int], None], setup: Setup) -> float:
    """Seconds a step, after some that are not counted."""
    for number in range(WARM_UP):
        step(number)
    synchronise(setup)
    started = time.perf_counter()
    for number in range(WARM_UP, WARM_UP + setup.steps):
        step(number)
    synchronise(setup)
    return (time.perf_counter() - started) / setup.steps


def synchronise(setup: Setup) -> None:
    import torch

    if setup.device == "cuda":
        torch.cuda.synchronize()


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
        from .reference import cached as without_reference

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


def figures(setup: Setup, model: Any, seconds: float, num_tokens: int, with_reference: bool) -> dict[str, Any]:
    import torch

    tokens = num_tokens / seconds
    flops = flops_a_token(model) + (2 * num_parameters(model) if with_reference else 0)
    name = torch.cuda.get_device_name() if setup.device == "cuda" else ""
    peak = next((value for key, value in PEAK_FLOPS.items() if key in name), None)
    return {
        "seconds": round(seconds, 4),
        "tokens_per_second": round(tokens, 1),
        "mfu_percent": round(100 * tokens * flops / peak, 1) if peak else None,
        "peak_gib": round(torch.cuda.max_memory_allocated() / 2**30, 2) if setup.device == "cuda" else None,
    }


def num_parameters(model: Any) -> int:
    """Of the text model and the head, which see every token; the vision tower sees pictures alone."""
    from .weights import is_vision

    return sum(weight.numel() for name, weight in model.named_parameters() if not is_vision(name))


def flops_a_token(model: Any) -> float:
    """Forward 2 a parameter, backward 2 for the states and 2 for each trained one; recomputation is no useful work."""
    trained = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    return 4.0 * num_parameters(model) + 2.0 * trained
