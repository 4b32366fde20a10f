"""What a training asks of the machine: a GPU, several processes by one of accelerate's configs."""

from __future__ import annotations

import difflib
from pathlib import Path

import yaml

from insightv_bench.errors import ModelError, RecipeError, require
from insightv_bench.settings import TrainSettings
from insightv_bench.storage import first_line

DEEPSPEED = "DEEPSPEED"
IN_SHARES = ("FSDP", DEEPSPEED)
"""accelerate does neither on a CPU: it passes over FSDP there without a word, and every process holds all weights."""


def check_machine(settings: TrainSettings, verb: str) -> None:
    """Raises ModelError where a GPU is asked for and there is none, RecipeError where it is asked not to be used."""
    import torch

    config = settings.launch.config if settings.launch else ""
    kind = distributed_type(config) if config else ""
    in_shares = kind in IN_SHARES
    if in_shares and settings.device == "cpu":
        raise RecipeError(
            f"`{verb}`: `launch.config: {config}` shares a model out over GPUs, and `device: cpu` uses none",
            "`launch.config: cpu` is for several processes on a CPU",
        )
    needs = settings.device == "cuda" or config == "multi-gpu" or in_shares
    if needs and not torch.cuda.is_available():
        asked = "`device: cuda`" if settings.device == "cuda" else f"`launch.config: {config}`"
        hint = "run it where a GPU is; recipes `method` and `tiny` need none; `device: auto` takes what there is"
        raise ModelError(f"`{verb}`: {asked} is asked for, and no CUDA device is here", hint)
    if kind == DEEPSPEED:
        require("deepspeed", "deepspeed", f"`launch.config: {config}`")


def distributed_type(config: str) -> str:
    """What a launch config asks of accelerate. Raises RecipeError for one that is not there or cannot be read."""
    file = launch_config(config)
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RecipeError(
            f"`launch.config: {config}` is no YAML: {first_line(error)}", "`accelerate config` writes one"
        ) from error
    return str(content.get("distributed_type", "")) if isinstance(content, dict) else ""


def launch_config(name: str) -> Path:
    """Of `accelerate launch`. Raises RecipeError for one that is neither shipped nor a file."""
    if name.endswith((".yaml", ".yml")):
        if not Path(name).is_file():
            raise RecipeError(f"`launch.config: {name}` is no file", "`accelerate config` writes one")
        return Path(name)
    folder = Path(__file__).parent / "launch_configs"
    known = sorted(file.stem for file in folder.glob("*.yaml"))
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        meant = f"; did you mean `{near[0]}`?" if near else ""
        raise RecipeError(f"`launch.config: {name}` is not known{meant}", f"it is one of {', '.join(known)}, or a file")
    return folder / f"{name}.yaml"
