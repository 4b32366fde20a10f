"""A trained model's processor beside its weights, as the model that it started from has it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

FILES = ("processor_config.json", "preprocessor_config.json", "video_preprocessor_config.json")


def save_processor(processor: Any, start: Path, from_nothing: bool, target: Path) -> None:
    """`start`: the model before the training, whose files are kept as they came where it was not made from nothing:
    ours may have been loaded without its part for videos."""
    processor.save_pretrained(target)
    for name in FILES:
        if not from_nothing and (start / name).exists():
            (target / name).unlink(missing_ok=True)
            shutil.copyfile(start / name, target / name)
