"""Which weights are trained: all, all but the vision tower's, or LoRA's beside them; and how they become one model.

The names of a vision tower are transformers'; its projector into the text model is not part of it and is trained.
"""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path
from typing import Any

from insightv_bench.errors import ModelError, RecipeError, require
from insightv_bench.storage import write_text

from .refused import QUANTIZE
from .values import check_values

VISION = re.compile(r"(^|\.)(visual|vision_tower|vision_model)\.")
PROJECTOR = re.compile(r"\.(merger|deepstack_merger_list)\.")
ADAPTER = "adapter"
"""The folder of LoRA's own weights, beside the model that they were merged into."""


def is_vision(name: str) -> bool:
    return bool(VISION.search(name)) and not PROJECTOR.search(name)


def freeze_vision(model: Any) -> int:
    """Returns how many parameters are kept as they are. Raises ModelError where none are known to be the tower's."""
    frozen = [weight for name, weight in model.named_parameters() if is_vision(name)]
    if not frozen:
        raise ModelError(
            f"no vision tower is known in `{type(model).__name__}`", "train all of it: set `freeze_vision: false`"
        )
    for weight in frozen:
        weight.requires_grad_(False)
    return sum(weight.numel() for weight in frozen)


def check_lora(lora: dict[str, Any] | None) -> None:
    """Raises RecipeError for an option that PEFT's `LoraConfig` does not have."""
    if lora is None:
        return
    peft = require("peft", "train", "LoRA")
    lora = of_peft(lora)
    check_values("lora", lora, list(inspect.signature(peft.LoraConfig).parameters), peft.LoraConfig, "PEFT")
    if lora.get("r", 1) < 1:
        raise RecipeError(f"`lora.r: {lora['r']}` is out of range", "a rank is at least 1")


def of_peft(lora: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in lora.items() if name != QUANTIZE}


def quantization(lora: dict[str, Any] | None, is_cpu: bool) -> Any:
    """How the frozen weights are held under `lora.quantize: nf4` (QLoRA, arXiv 2305.14314): four bits, and four bits
    for their scales. None: as they are."""
    if lora is None or QUANTIZE not in lora:
        return None
    import torch
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type=lora[QUANTIZE],
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.float32 if is_cpu else torch.bfloat16,
    )


def name_base(adapter: Path, origin: str, revision: str) -> None:
    """What the adapter was trained on, by a name that means something elsewhere: a Hub id, or the stage's folder as
    seen from the adapter's. PEFT would write where it lay on this machine."""
    file = adapter / "adapter_config.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    content |= {"base_model_name_or_path": origin, "revision": revision or None}
    write_text(file, json.dumps(content, indent=2, sort_keys=True) + "\n")


def lora_config(model: Any, lora: dict[str, Any], with_vision: bool) -> Any:
    """Adapters on every linear layer of the text model, of the vision tower too if it is trained; never on the head."""
    import peft

    options = {"r": 16, "lora_alpha": 32, "lora_dropout": 0.0, "task_type": "CAUSAL_LM", **of_peft(lora)}
    if "target_modules" not in options:
        options["target_modules"] = linear_layers(model, with_vision)
    return peft.LoraConfig(**options)


def linear_layers(model: Any, with_vision: bool) -> list[str]:
    """Full names, so that a name that the text model and the tower share means one of them alone."""
    import torch

    layers = (name for name, module in model.named_modules() if isinstance(module, torch.nn.Linear))
    kept = [name for name in layers if "lm_head" not in name and not PROJECTOR.search(f"{name}.")]
    return [name for name in kept if with_vision or not is_vision(f"{name}.")]


def merge_adapter(start: Path, adapter: Path, target: Path) -> None:
    """The model at `start` with the adapter's weights added, written to `target` in the type that it is kept in."""
    import peft
    from transformers.integrations import deepspeed

    from insightv_bench.engines.hf import load_model
    from insightv_bench.settings import HfEngine

    deepspeed.unset_hf_deepspeed_config()  # after a ZeRO-3 training a model would be shared out as it is loaded
    model, _ = load_model(HfEngine(model=str(start), device="cpu", dtype="auto"))
    merged = peft.PeftModel.from_pretrained(model, str(adapter)).merge_and_unload(safe_merge=True)
    merged.save_pretrained(target)
