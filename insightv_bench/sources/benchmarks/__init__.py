"""Benchmarks whose columns need no telling: one file each, found by being here.

A file says what the columns mean, how the authors ask (where that stands; read in November 2026) and gives an example
row. To add one: its file, with `BENCHMARKS`, the forms in which it is asked; and, to ask it as a task, a YAML file in
`evals/tasks`. `shared.py` holds what several use.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from .shared import Benchmark, one_gold

BENCHMARKS: dict[str, Benchmark] = {
    benchmark.name: benchmark
    for module in iter_modules(__path__)
    if module.name != "shared"
    for benchmark in import_module(f"{__name__}.{module.name}").BENCHMARKS
}
