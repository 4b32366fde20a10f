"""Model folders -> the weights that ship, and back.

The agents are trained with the vision tower as the base left it, so that it is the same in all of them, as are
processor and tokenizer: those lie once in `shared/`, and an agent's folder holds what is its own, in bfloat16.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from insightv_bench.errors import ModelError, require
from insightv_bench.records import content_id
from insightv_bench.storage import sha256, write_text

if TYPE_CHECKING:
    import torch

FOLDER = Path(__file__).parent / "weights"
SHARED, WEIGHTS = "shared", "model.safetensors"
CONFIG = "config.json"
BESIDE = (
    "chat_template.jinja",
    "generation_config.json",
    "processor_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
)
"""Files of a model folder that are the same for all agents, besides its config."""
TOWER = "vision_tower"
"""Part of the name of each weight that all agents have from the base."""
MAX_BYTES = 12_000_000
"""Of all of it together."""


def agent_names(folder: Path = FOLDER) -> list[str]:
    """The agents that ship, by the name of the stage that trains them without its `train-`."""
    return sorted(file.parent.name for file in folder.glob(f"*/{WEIGHTS}") if file.parent.name != SHARED)


def content_of(name: str, folder: Path = FOLDER) -> str:
    """Tells one content of an agent's weights from another; its card is no part of it."""
    files = [*sorted(file for file in (folder / SHARED).iterdir() if file.is_file()), folder / name / WEIGHTS]
    return content_id([(file.name, sha256(file)) for file in files])


def unpack(name: str, target: Path, folder: Path = FOLDER) -> None:
    """An agent as a model folder that `from_pretrained` loads; its card comes with it.

    Raises ModelError where no such agent ships.
    """
    from safetensors.torch import load_file, save_file

    if name not in agent_names(folder):
        raise ModelError(f"no agent `{name}` comes with the package", f"it brings {', '.join(agent_names(folder))}")
    weights = load_file(folder / SHARED / WEIGHTS) | load_file(folder / name / WEIGHTS)
    target.mkdir(parents=True, exist_ok=True)
    save_file(weights, target / WEIGHTS, metadata={"format": "pt"})
    for file in (CONFIG, *BESIDE):
        shutil.copyfile(folder / SHARED / file, target / file)
    card = folder / name / "README.md"
    if card.exists():
        shutil.copyfile(card, target / card.name)


def pack(models: Mapping[str, Path], folder: Path = FOLDER) -> int:
    """Agents by name, each a model folder of one and the same vision tower -> `folder`; returns the bytes in all.

    Raises ModelError where the agents differ in what they are to share, or are too large to ship.
    """
    require("torch", "train", "packing weights")
    from safetensors.torch import save_file

    first = next(iter(models.values()))
    tower: dict[str, torch.Tensor] = {}
    shutil.rmtree(folder, ignore_errors=True)
    for name, model in models.items():
        weights = _in_bfloat16(model)
        own = {key: value for key, value in weights.items() if TOWER not in key}
        shared = {key: value for key, value in weights.items() if TOWER in key}
        tower = tower or shared
        _check_same(first, model, tower, shared)
        (folder / name).mkdir(parents=True)
        save_file(own, folder / name / WEIGHTS, metadata={"format": "pt"})
    (folder / SHARED).mkdir()
    save_file(tower, folder / SHARED / WEIGHTS, metadata={"format": "pt"})
    for file in BESIDE:
        shutil.copyfile(first / file, folder / SHARED / file)
    config = _in_words(json.loads((first / CONFIG).read_text(encoding="utf-8")))
    write_text(folder / SHARED / CONFIG, json.dumps(config, indent=2) + "\n")
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    if size > MAX_BYTES:
        raise ModelError(f"the agents take {size:,} bytes, more than the {MAX_BYTES:,} that ship", "ship fewer")
    return size


def _in_bfloat16(model: Path) -> dict[str, torch.Tensor]:
    import torch
    from safetensors.torch import load_file

    return {name: weight.to(torch.bfloat16) for name, weight in load_file(model / WEIGHTS).items()}


def _check_same(first: Path, other: Path, tower: Mapping[str, torch.Tensor], own: Mapping[str, torch.Tensor]) -> None:
    same = tower.keys() == own.keys() and all(bool((tower[key] == own[key]).all()) for key in tower)
    if not tower or not same:
        raise ModelError(f"`{other}` has another vision tower than `{first}`", "train its agents with `freeze_vision`")
    for file in BESIDE:
        if (first / file).read_bytes() != (other / file).read_bytes():
            raise ModelError(f"`{file}` of `{other}` is not that of `{first}`", "ship agents of one run")


def _in_words(config: dict[str, object]) -> dict[str, object]:
    """The config with the type that its weights have now."""
    told = {key: _in_words(value) if isinstance(value, dict) else value for key, value in config.items()}
    return {key: "bfloat16" if key == "dtype" else value for key, value in told.items()}
