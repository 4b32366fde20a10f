"""`env`: what a bug report needs to say of a machine. No path of it, no name, no key."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import typer

from insightv_bench import __version__

from .options import AsJson

FOR_WORK_ON_IT = re.compile(r"""extra\s*==\s*['"](dev|all)['"]""")
"""Requirements that no user has, and those that name this package itself."""
GIB = 2**30


def env(json_: AsJson = False) -> None:
    """What a bug report needs: versions, devices, memory, disk."""
    facts = environment()
    typer.echo(json.dumps(facts, indent=1) if json_ else as_text(facts))


def environment() -> dict[str, Any]:
    """Sizes are in bytes; None is what cannot be known here."""
    return {
        "insightv-bench": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": packages(),
        **devices(),
        "cores": os.cpu_count(),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS"),
        "memory": {"total": memory("MemTotal"), "free": memory("MemAvailable")},
        "disk": {"free": shutil.disk_usage(".").free},
    }


def packages() -> dict[str, str | None]:
    """The packages that this one names as needed, by name; None for one that is not installed."""
    needed = [each for each in metadata.requires("insightv-bench") or () if not FOR_WORK_ON_IT.search(each)]
    names = sorted({re.split(r"[^\w.-]", each, maxsplit=1)[0] for each in needed}, key=str.lower)
    return {name: _version(name) for name in names}


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def devices() -> dict[str, Any]:
    """What torch sees: accelerators by name, and how many threads it takes. Without torch there is nothing to see."""
    if not find_spec("torch"):
        return {"devices": [], "torch threads": None}
    try:
        import torch
    except (ImportError, OSError) as error:  # a broken build is worth a report; its message names folders
        return {"devices": [f"torch cannot be imported: {type(error).__name__}"], "torch threads": None}
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    kind = accelerator.type if accelerator else "cpu"
    places = range(torch.accelerator.device_count() if accelerator else 0)
    names = [torch.cuda.get_device_name(place) if kind == "cuda" else kind for place in places]
    return {"devices": names, "torch threads": torch.get_num_threads()}


def memory(figure: str) -> int | None:
    """Of /proc/meminfo, in bytes."""
    try:
        with Path("/proc/meminfo").open(encoding="ascii") as lines:
            sizes = dict(line.split(":", 1) for line in lines)
        return int(sizes[figure].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return None


def as_text(facts: dict[str, Any]) -> str:
    """One fact a line, packages last."""
    size = {name: "unknown" if value is None else f"{value / GIB:.1f} GiB" for name, value in facts["memory"].items()}
    lines = {name: facts[name] for name in ("insightv-bench", "python", "platform")}
    lines["devices"] = ", ".join(facts["devices"]) or "none but the processor"
    lines["threads"] = (
        f"{facts['cores']} cores, torch {facts['torch threads']}, OMP_NUM_THREADS {facts['OMP_NUM_THREADS']}"
    )
    lines["memory"] = f"{size['free']} free of {size['total']}"
    lines["disk"] = f"{facts['disk']['free'] / GIB:.1f} GiB free where this was asked"
    lines |= {name: version or "not installed" for name, version in facts["packages"].items()}
    return "\n".join(f"{name:<16} {value}" for name, value in lines.items())
