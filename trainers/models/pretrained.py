"""A base that is there already, as the stage `train-base`: a folder, or a Hub id at the commit that it had.

Nothing is trained. Its files are linked where the disk allows it, safetensors, configs and tokenizer alone: no pickle
and no code. Every later stage finds it where it would find a base from nothing.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from insightv_bench.engines.hf import load_processor
from insightv_bench.errors import ModelError, require
from insightv_bench.settings import BaseSettings
from insightv_bench.stages import MODEL, Context, TrainOptions
from insightv_bench.storage import first_line, write_text

from ..trl import is_image_text_config

WANTED = ("*.safetensors", "*.safetensors.index.json", "*.json", "*.jinja", "*.txt", "*.model", "*.tiktoken")
KNOWN_SEATS = "AutoModelForImageTextToText"


def pretrained(context: Context[BaseSettings, TrainOptions]) -> None:
    """Raises ModelError where it is no image-text model, holds no safetensors, or the Hub does not give it."""
    require("transformers", "train", "a model")
    settings = context.settings
    source, revision = _source(settings)
    _check(source, settings.model)
    target = context.folder / MODEL
    target.mkdir()
    for file in sorted({file for pattern in WANTED for file in source.glob(pattern)}):
        place(file, target / file.name)
    if settings.processor:
        _set_processor(target, settings.processor)
    context.totals |= {"model": settings.model, "revision": revision, **sizes(target)}


def _source(settings: BaseSettings) -> tuple[Path, str]:
    folder = Path(settings.model)
    if folder.is_dir():
        return folder, ""
    if settings.model.startswith((".", "/")) or settings.model.count("/") != 1:
        raise ModelError(
            f"`base.model: {settings.model}` is neither `tiny` or `small`, nor a folder, nor a Hub id",
            "name a folder that holds `config.json`, or write ORG/NAME",
        )
    return _download(settings)


def _download(settings: BaseSettings) -> tuple[Path, str]:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(settings.model, revision=settings.revision, allow_patterns=list(WANTED)))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        raise ModelError(
            f"`{settings.model}` cannot be had from the Hub: {first_line(error)}",
            "check the spelling, `revision` and the network; for a gated model: hf auth login; or name a folder",
        ) from error
    return folder, folder.name


def _check(source: Path, name: str) -> None:
    """Raises ModelError for what `AutoModelForImageTextToText` would not load."""
    from transformers import AutoConfig

    if not (source / "config.json").exists():
        raise ModelError(f"`{name}` is no model: it holds no `config.json`", "name a folder or Hub id that does")
    try:
        config = AutoConfig.from_pretrained(source)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"`{name}` has a `config.json` that cannot be read: {first_line(error)}") from error
    if not is_image_text_config(config):
        raise ModelError(
            f"`{name}` is no image-text model: its `{config.model_type}` loads with another class than `{KNOWN_SEATS}`",
            "name one that sees images; `insightv-bench recipes` lists some",
        )
    files = sorted(source.glob("*.safetensors"))
    if not files:
        raise ModelError(
            f"`{name}` holds no safetensors, and other weights are not loaded here", "name a revision that has them"
        )
    for file in files:
        _check_weights(file)


def _check_weights(file: Path) -> None:
    """Its header tells how long it is: a file that was cut off is found without reading the weights."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="pt"):
            pass
    except (SafetensorError, OSError) as error:
        raise ModelError(f"`{file}` is no whole safetensors file: {first_line(error)}", "fetch it again") from error


def place(file: Path, target: Path) -> None:
    """A link to the file itself, so that it stays if a cache is cleared; on another disk one to its name."""
    try:
        os.link(file.resolve(), target)
    except OSError:
        target.symlink_to(file.resolve())


def _set_processor(folder: Path, options: dict[str, Any]) -> None:
    """Keep `options` with the processor; what the file says elsewhere stays. Raises ModelError for one it has not."""
    known = load_processor(str(folder)).image_processor
    for name in options:
        if not hasattr(known, name):
            raise ModelError(f"`base.processor.{name}` is no option of `{type(known).__name__}`", "see its docs")
    for name in ("processor_config.json", "preprocessor_config.json"):
        file = folder / name
        if not file.exists():
            continue
        content = json.loads(file.read_text(encoding="utf-8"))
        part = content.get("image_processor", content if name.startswith("pre") else None)
        if part is None:
            continue
        part.update(options)
        file.unlink()  # it may be a link to the original
        write_text(file, json.dumps(content, indent=2) + "\n")


def sizes(folder: Path) -> dict[str, Any]:
    num_bytes = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    return {"weights_gb": round(num_bytes / 1e9, 3), "disk_left_gb": round(shutil.disk_usage(folder).free / 1e9, 1)}
