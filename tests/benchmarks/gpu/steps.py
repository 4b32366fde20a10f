"""Seconds of a training step, on random weights of a real shape: a bare torch loop, and TRL's trainers.

The bare loop is the least that a step can be: autocast, forward, backward, clip, AdamW. TRL's trainers take the same
rows, collation included. Each part has the device for itself: its model is made, timed and let go.
"""

from __future__ import annotations

import contextlib
import gc
import time
import warnings
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from insightv_bench.trainers.options import freeze_vision, is_vision, lora_config

from .families import FAMILIES
from .random_models import chat_template, make_config, make_processor

PEAK_FLOPS = {"H200": 989e12, "H100": 989e12, "A100": 312e12, "L40S": 362e12, "L4": 121e12, "B200": 2250e12}
"""Dense bf16, of the vendor's data sheets."""
WARM_UP = 2
COMPLETION_SHARE = 0.25


class Setup(NamedTuple):
    """What is measured: the same for every way to take a step."""

    family: str
    toy: bool
    device: str
    batch: int
    """Rows a step; pairs in DPO, which are two rows each."""
    length: int
    """Tokens a row."""
    steps: int
    lora: bool

    @property
    def on_gpu(self) -> bool:
        return self.device == "cuda"


def measure_all(setup: Setup, seconds: float) -> list[dict[str, Any]]:
    """A row for each part; one that would begin after so many seconds is left out."""
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "SFT, bare loop": lambda: bare(setup, dpo=False, cached=False),
        "SFT, TRL": lambda: with_trl(setup, dpo=False, cached=False),
        "DPO, bare loop": lambda: bare(setup, dpo=True, cached=False),
        "DPO, bare loop, cached": lambda: bare(setup, dpo=True, cached=True),
        "DPO, TRL": lambda: with_trl(setup, dpo=True, cached=False),
        "DPO, TRL, cached": lambda: with_trl(setup, dpo=True, cached=True),
    }
    end, rows = time.monotonic() + seconds, []
    for name, part in parts.items():
        is_late = time.monotonic() > end
        rows.append({"name": name, **({"left_out": "no time is left"} if is_late else _alone(part, setup))})
    return rows


def _alone(part: Callable[[], dict[str, Any]], setup: Setup) -> dict[str, Any]:
    import torch

    try:
        return part()
    except (torch.OutOfMemoryError, RuntimeError, ImportError) as error:
        return {"left_out": " ".join(str(error).split())[:200]}
    finally:
        gc.collect()
        if setup.on_gpu:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()


def make_model(setup: Setup) -> tuple[Any, Any]:
    """Model on its device and processor; float32 weights for a full fine-tuning, bfloat16 under LoRA."""
    import torch
    from transformers import AutoModelForImageTextToText

    family = FAMILIES[setup.family]
    processor = make_processor(family, small=setup.toy)
    torch.manual_seed(0)
    dtype = torch.bfloat16 if setup.lora and setup.on_gpu else torch.float32
    with torch.device(setup.device):
        config = make_config(family, processor.tokenizer, small=setup.toy)
        model = AutoModelForImageTextToText.from_config(config, dtype=dtype)
    if setup.on_gpu:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    return model.train(), processor


def figures_of(setup: Setup, model: Any, seconds: float, num_tokens: int, with_reference: bool) -> dict[str, Any]:
    """Of a step. FLOPs: forward 2 a parameter, backward 2 for the states and 2 for each trained one, and 2 for a
    reference; recomputation is no useful work. The vision tower, which sees images alone, is not counted."""
    import torch

    named = list(model.named_parameters())
    num_parameters = sum(weight.numel() for name, weight in named if not is_vision(name))
    num_trained = sum(weight.numel() for _, weight in named if weight.requires_grad)
    flops = (6.0 if with_reference else 4.0) * num_parameters + 2.0 * num_trained
    device = torch.cuda.get_device_name() if setup.on_gpu else ""
    peak = next((value for key, value in PEAK_FLOPS.items() if key in device), None)
    tokens = num_tokens / seconds
    return {
        "seconds": round(seconds, 4),
        "tokens_per_second": round(tokens, 1),
        "mfu_percent": round(100 * tokens * flops / peak, 1) if peak else None,
        "peak_gib": round(torch.cuda.max_memory_allocated() / 2**30, 2) if setup.on_gpu else None,
    }


def synchronise(setup: Setup) -> None:
    import torch

    if setup.on_gpu:
        torch.cuda.synchronize()


# The rows: noise, an image and text of a set length, of which a quarter is the completion


def rows_of(setup: Setup, processor: Any, num: int) -> list[dict[str, Any]]:
    """Chats with one image each, as long as they may be."""
    import numpy as np
    from PIL import Image

    noise, side = np.random.default_rng(0), 56 if setup.toy else 448
    rows = []
    for _ in range(num):
        image = Image.fromarray(noise.integers(0, 255, (side, side, 3), dtype=np.uint8))
        left = setup.length - len(_encode(processor, "", image, "x")[0]["input_ids"][0])
        text = "".join(chr(97 + int(letter)) for letter in noise.integers(0, 26, max(left, 8)))
        cut = int(len(text) * (1 - COMPLETION_SHARE))
        rows.append({"images": [image], "prompt": text[:cut], "chosen": text[cut:], "rejected": text[cut:][::-1]})
    return rows


def _encode(processor: Any, prompt: str, image: Any, answer: str) -> tuple[Any, int]:
    """Inputs of one chat, and how many of its last tokens are the answer's."""
    block = [{"type": "image"}, {"type": "text", "text": prompt}]
    chat = [{"role": "user", "content": block}]
    before = processor.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    inputs = processor(text=[before + answer], images=[image], return_tensors="pt")
    return inputs, len(processor.tokenizer(answer, add_special_tokens=False)["input_ids"])


def labelled_batch(setup: Setup, processor: Any, dpo: bool) -> dict[str, Any]:
    """Inputs and labels of a step; in DPO the chosen rows and then the rejected ones."""
    import torch
    from torch.nn.utils.rnn import pad_sequence

    names = ("chosen", "rejected") if dpo else ("chosen",)
    rows = rows_of(setup, processor, setup.batch)
    encoded = [_encode(processor, row["prompt"], row["images"][0], row[name]) for name in names for row in rows]
    per_token = {"input_ids": processor.tokenizer.pad_token_id, "attention_mask": 0, "mm_token_type_ids": 0}
    batch = {}
    for key in encoded[0][0]:
        values = [inputs[key] for inputs, _ in encoded]
        if key in per_token:  # padded on the right
            batch[key] = pad_sequence([value[0] for value in values], True, per_token[key])
        else:
            batch[key] = torch.cat(values)
    labels = torch.full_like(batch["input_ids"], -100)
    for place, (_, num) in enumerate(encoded):
        end = int(batch["attention_mask"][place].sum())
        labels[place, end - num : end] = batch["input_ids"][place, end - num : end]
    return {key: value.to(setup.device) for key, value in {**batch, "labels": labels}.items()}


# A bare torch loop


def bare(setup: Setup, dpo: bool, cached: bool) -> dict[str, Any]:
    import torch

    model, processor = make_model(setup)
    policy = _prepared(setup, model)
    reference = make_model(setup)[0].eval() if dpo and not cached and not setup.lora else None
    optimizer = torch.optim.AdamW([weight for weight in policy.parameters() if weight.requires_grad], lr=1e-6)
    batch = labelled_batch(setup, processor, dpo)
    kept = torch.zeros(2 * setup.batch, device=setup.device) if cached else None

    def step() -> None:
        with torch.autocast(setup.device, torch.bfloat16, enabled=setup.on_gpu):
            if dpo:
                known = _reference_sums(policy, reference, batch) if kept is None else kept
                loss = dpo_loss(sums(policy, batch), known)
            else:
                loss = -sums(policy, batch).sum() / (batch["labels"] != -100).sum()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(policy.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    started = 0.0
    for number in range(WARM_UP + setup.steps):
        if number == WARM_UP:
            synchronise(setup)
            started = time.perf_counter()
        step()
    synchronise(setup)
    seconds = (time.perf_counter() - started) / setup.steps
    return figures_of(setup, policy, seconds, int(batch["attention_mask"].sum()), dpo and not cached)


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


# TRL's trainers


def with_trl(setup: Setup, dpo: bool, cached: bool) -> dict[str, Any]:
    for name in ("trl", "datasets"):
        if not find_spec(name):
            return {"left_out": f"needs {name}"}
    import trl
    from transformers import PrinterCallback

    model, processor = make_model(setup)
    processor.chat_template = chat_template(FAMILIES[setup.family])
    if not setup.lora:
        freeze_vision(model)
    options: dict[str, Any] = {"peft_config": lora_config(model, {}, with_vision=False)} if setup.lora else {}
    stopwatch = _stopwatch(setup)
    with TemporaryDirectory() as folder, quiet():
        arguments = (trl.DPOConfig if dpo else trl.SFTConfig)(
            folder,
            per_device_train_batch_size=setup.batch,
            max_steps=setup.steps + WARM_UP,
            max_length=None,
            bf16=setup.on_gpu,
            use_cpu=not setup.on_gpu,
            gradient_checkpointing=setup.on_gpu,
            dataloader_pin_memory=setup.on_gpu,
            learning_rate=1e-6,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
        )
        trainer = _trainer_class(setup, dpo, cached)(
            model=model,
            args=arguments,
            processing_class=processor,
            train_dataset=_data_set(setup, processor, dpo, cached),
            callbacks=[stopwatch],
            **options,
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    seconds = (stopwatch.ended - stopwatch.started) / setup.steps
    num_tokens = setup.batch * setup.length * (2 if dpo else 1)
    return figures_of(setup, trainer.model, seconds, num_tokens, dpo and not cached)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _trainer_class(setup: Setup, dpo: bool, cached: bool) -> Callable[..., Any]:
    import trl

    if not dpo:
        return trl.SFTTrainer  # type: ignore[no-any-return]
    if cached:
        from insightv_bench.trainers.trl import dpo_trainer

        return dpo_trainer(precomputed=True)  # type: ignore[no-any-return]
    reference = None if setup.lora else make_model(setup)[0].eval()
    return lambda **options: trl.DPOTrainer(ref_model=reference, **options)


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
