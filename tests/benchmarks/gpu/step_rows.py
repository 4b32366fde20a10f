"""The rows of a measured step: noise, a picture and text of a set length, of which a quarter is the completion."""

from __future__ import annotations

from typing import Any

from .step_setup import WARM_UP, Setup

COMPLETION_SHARE = 0.25


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
