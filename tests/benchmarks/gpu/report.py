"""What a GPU does: `python -m gpu.report --minutes N` in the folder `tests/benchmarks`.

On random weights of a real shape: SFT and DPO step times (tokens a second, share of the peak FLOPs, peak memory) of a
bare torch loop and of TRL, DPO with a reference in memory and with one computed before. Then the whole loop from
nothing at level `small`, with two DPO rounds: held-out accuracy against time.

Beside this package the bare loops need torch, transformers and peft alone. What TRL, datasets and the like are needed
for is left out with a line that says so, or `--wheels FOLDER` names wheels to use them from.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from .families import FAMILIES
from .loop import as_lines, whole_loop
from .steps import Setup, measure_all


def main(words: list[str] | None = None) -> None:
    options = parse(words)
    with wheels(options.wheels):
        report = make_report(options)
    Path(options.out).write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(as_table(report))


def parse(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="gpu.report", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="In all; parts that do not fit are left out.")
    parser.add_argument("--family", choices=list(FAMILIES), default="qwen2-5-vl-3b")
    parser.add_argument("--toy", action="store_true", help="The shape shrunk, on whatever device there is.")
    parser.add_argument("--batch", type=int, default=1, help="Rows, or pairs, a step.")
    parser.add_argument("--length", type=int, default=1024, help="Tokens a row, image included.")
    parser.add_argument("--steps", type=int, default=8, help="Steps timed, after two that are not.")
    parser.add_argument("--lora", action="store_true", help="LoRA in place of a full fine-tuning.")
    parser.add_argument("--no-loop", action="store_true", help="Only step times.")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="Override a key of the loop's recipe."
    )
    parser.add_argument("--wheels", metavar="FOLDER", help="Wheels of what is not installed.")
    parser.add_argument("--out", default="gpu_report.json")
    return parser.parse_args(words)


@contextmanager
def wheels(folder: str | None) -> Iterator[None]:
    """What the wheels in `folder` hold, importable; nothing is installed for good, nothing is downloaded."""
    if not folder:
        yield
        return
    files = [str(file) for file in sorted(Path(folder).glob("*.whl"))]
    if not files:
        raise SystemExit(f"error: `{folder}` holds no wheels")
    with tempfile.TemporaryDirectory() as target:
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--target", target]
        done = subprocess.run([*install, *files], capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"error: the wheels in `{folder}` cannot be used: {done.stderr.strip()[-300:]}")
        sys.path.append(target)  # last: what is installed goes first
        try:
            yield
        finally:
            sys.path.remove(target)


def make_report(options: argparse.Namespace) -> dict[str, Any]:
    import torch

    started = time.monotonic()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu" and not options.toy:
        raise SystemExit("error: no CUDA device is here\nhint: `--toy` measures a shrunk shape on the CPU")
    setup = Setup(options.family, options.toy, device, options.batch, options.length, options.steps, options.lora)
    seconds = 60 * options.minutes * (1.0 if options.no_loop else 0.5)
    report: dict[str, Any] = {"about": about(options, device), "steps": measure_all(setup, seconds)}
    if not options.no_loop:
        left = 60 * options.minutes - (time.monotonic() - started)
        report["loop"] = guarded(lambda: whole_loop(left, options.toy, options.set))
    report["seconds"] = round(time.monotonic() - started, 1)
    return report


def about(options: argparse.Namespace, device: str) -> dict[str, Any]:
    import torch
    import transformers

    name = torch.cuda.get_device_name() if device == "cuda" else platform.processor() or platform.machine()
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "device": name,
        "family": options.family + (" (shrunk)" if options.toy else ""),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "trl": __import__("trl").__version__ if find_spec("trl") else None,
        "command": "python -m gpu.report " + " ".join(sys.argv[1:]),
    }


def guarded(part: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """A part that fails says so and takes nothing from the others."""
    try:
        return part()
    except Exception as error:  # noqa: BLE001 - told in the report
        return {"systems": [], "left_out": f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"}


def as_table(report: dict[str, Any]) -> str:
    about_, lines = report["about"], []
    lines.append(f"{about_['device']}, {about_['family']}, torch {about_['torch']}, {about_['date']}")
    lines.append(f"{'step':<26}{'s':>8}{'tok/s':>10}{'MFU %':>8}{'GiB':>8}")
    for row in report["steps"]:
        if "left_out" in row:
            lines.append(f"{row['name']:<26} left out: {row['left_out']}")
            continue
        mfu = f"{row['mfu_percent']:.1f}" if row["mfu_percent"] is not None else "-"
        memory = f"{row['peak_gib']:.1f}" if row["peak_gib"] is not None else "-"
        lines.append(f"{row['name']:<26}{row['seconds']:>8.3f}{row['tokens_per_second']:>10,.0f}{mfu:>8}{memory:>8}")
    lines += as_lines(report["loop"]) if "loop" in report else []
    return "\n".join(lines)


if __name__ == "__main__":
    main()
