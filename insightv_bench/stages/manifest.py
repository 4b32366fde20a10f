"""A finished stage's `manifest.json`: what was done with what, and whether its files are still the ones it wrote.

It is written last, so its existence means that the work is whole.
"""

from __future__ import annotations

import json
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from insightv_bench.errors import StageError

if TYPE_CHECKING:
    from .stage import Context

CHECKPOINTS = "checkpoints"
"""The one thing in an unfinished stage's folder that a rerun keeps; of a finished one it goes after the manifest."""
MANIFEST = "manifest.json"
SERVED = "served"
"""In the totals of an evaluation: by seat, its replies by what the server said that it is."""
PACKAGES = ("insightv-bench", "torch", "transformers", "trl", "datasets", "lm-eval", "polars", "numpy")


def is_whole(folder: Path) -> bool:
    """Whether the stage finished. Raises StageError where its files are not the ones that it wrote."""
    if not (folder / MANIFEST).exists():
        return False
    manifest = read_manifest(folder)
    for name, num_bytes in manifest["files"].items():
        file = folder / name
        if not file.exists() or file.stat().st_size != num_bytes:
            raise StageError(
                f"`{file}` is not the file that the stage wrote ({num_bytes} bytes)",
                f"remove the folder and run again: rm -r {folder}",
            )
    return True


def read_manifest(folder: Path) -> dict[str, Any]:
    try:
        return json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as error:
        raise StageError(f"`{folder / MANIFEST}` cannot be read: {error}", f"remove it: rm -r {folder}") from error


def make_manifest(context: Context[Any, Any], seconds: float) -> dict[str, Any]:
    stage = context.stage
    return {
        "stage": stage.name,
        "kind": stage.kind,
        "settings": stage.settings.model_dump(mode="json"),
        "options": stage.options.model_dump(mode="json"),
        "seed": context.seed,
        "inputs": {name: folder.name for name, folder in context.inputs.items()},
        "num_rows": context.num_rows,
        "num_dropped": sum(context.dropped.values()),
        "dropped": dict(context.dropped),
        "totals": context.totals,
        "seconds": round(seconds, 3),
        "files": {
            str(file.relative_to(context.folder)): file.stat().st_size
            for file in sorted(context.folder.rglob("*"))
            if file.is_file() and file.relative_to(context.folder).parts[0] != CHECKPOINTS
        },
        "versions": {name: version for name in PACKAGES if (version := _version(name))},
        "python": platform.python_version(),
        "git_commit": git_commit(),
    }


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def git_commit() -> str:
    """Of the checkout that this code runs from; empty for an installed wheel."""
    try:
        reply = subprocess.run(
            ["git", "rev-parse", "HEAD"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return reply.stdout.strip()
