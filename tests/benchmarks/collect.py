"""`make bench`: every benchmark, each file in a process of its own; a table, `bench.json` and `bench.png`.

python tests/benchmarks/collect.py [NAME ...]         all of them, or `corpora client`, say
BENCH_OUT=FOLDER                                      where to (`bench`)
BENCH_TIMES=N                                         turns of each way (3)
BENCH_SCALE=0.05                                      of all sizes: says in minutes whether everything runs
BENCH_PYTHON=/one/venv/bin/python:/other/...          environments of peers: inspect_ai, lmms-eval, distilabel
BENCH_ROWS=1000000,5000000,20000000,50000000          sizes of the corpora
BENCH_IMAGES=100,400,850                            images of 2.4 MB in a release

A benchmark that fails is told, and the exit code is 1; what it and the others measured is in the table all the same.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from drawing import draw
from figures import FILE
from rich.console import Console
from rich.table import Table

HERE = Path(__file__).parent
DEFAULTS = {"BENCH_RELEASE_QUESTIONS": "500", "BENCH_SPOILT": "100000", "OMP_NUM_THREADS": "1"}
"""Smaller than a file's own, and one thread: all of it is to take less than half an hour on two quiet cores."""
PACKAGES = ("insightv-bench", "polars", "pandas", "datasets", "lm-eval", "aiohttp", "torch", "transformers")


def main(names: list[str]) -> int:
    out = Path(os.environ.get("BENCH_OUT", "bench")).absolute()
    out.mkdir(parents=True, exist_ok=True)
    kept, began = out / "figures.jsonl", time.monotonic()
    kept.unlink(missing_ok=True)
    os.environ.update({**DEFAULTS, **os.environ, FILE: str(kept)})
    failed = [file.stem for file in wanted(names) if not ran(file, out)]
    figures = read(kept)
    report = {**machine(), "seconds": round(time.monotonic() - began), "failed": failed, "figures": figures}
    (out / "bench.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    Console(width=160 if not sys.stdout.isatty() else None).print(table(figures))
    if figures:
        draw(figures, out / "bench.png")
    print(f"{report['seconds']:,} s, load {report['load']}: {out / 'bench.json'}, {out / 'bench.png'}")
    for name in failed:
        print(f"error: {name} failed, see {out / name}.log")
    return bool(failed)


def wanted(names: list[str]) -> list[Path]:
    """Raises SystemExit where a name is none of them."""
    files = {file.stem.removeprefix("bench_"): file for file in sorted(HERE.glob("bench_*.py"))}
    for name in names:
        if name not in files:
            sys.exit(f"error: there is no benchmark `{name}`\nhint: name one of {', '.join(files)}")
    return [file for name, file in files.items() if not names or name in names]


def ran(file: Path, out: Path) -> bool:
    """Whether it passed; what it said goes to its log, and its end here."""
    print(f"{file.stem} ...", end="", flush=True)
    began = time.monotonic()
    words = [sys.executable, "-m", "pytest", str(file), "-s", "-p", "no:cacheprovider"]
    with (out / f"{file.stem}.log").open("w", encoding="utf-8") as log:
        passed = not subprocess.run(words, stdout=log, stderr=subprocess.STDOUT).returncode
    print(f" {time.monotonic() - began:.0f} s{'' if passed else ', FAILED'}", flush=True)
    return passed


def read(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []


def machine() -> dict[str, Any]:
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": models[0].partition(": ")[2] if models else platform.processor(),
        "cores": len(os.sched_getaffinity(0)),
        "load": round(os.getloadavg()[2], 1),
        "python": platform.python_version(),
        "versions": {name: version for name in PACKAGES if (version := _version(name))},
    }


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def table(figures: Iterable[Mapping[str, Any]]) -> Table:
    made = Table(title="Ours beside the others on the same work; below 1 ours took less")
    for name in ("work", "size", "beside", "ours", "other", "ratio", "turn by turn", "aim", "peak MB", "other's"):
        made.add_column(name, justify="left" if name in ("work", "beside") else "right")
    for figure in figures:
        made.add_row(*row(figure))
    return made


def row(figure: Mapping[str, Any]) -> list[str]:
    aim, ratio = figure["aim"], f"{figure['ratio']:.2f}"
    peaks = (f"{peak:,.0f}" if (peak := figure[name]) else "" for name in ("peak_mb", "other_peak_mb"))
    return [
        figure["area"],
        f"{figure['size']:,} {figure['unit']}",
        figure["beside"],
        f"{figure['ours']:.3g} {figure['measure']}",
        f"{figure['other']:.3g}",
        ratio if not aim else f"[green]{ratio}[/]" if figure["ratio"] <= aim else f"[red]{ratio}[/]",
        f"{figure['lowest']:.2f}-{figure['highest']:.2f}" if figure["turns"] > 1 else "once",
        f"{aim:g}" if aim else "",
        *peaks,
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
