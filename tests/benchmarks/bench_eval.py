"""`insightv-bench eval` against a bare asyncio client on the same payload, and beside it other harnesses.

    python -m pytest tests/benchmarks/bench_eval.py -s                both loads, three times each; others once
    BENCH_PYTHON=/one/venv/bin/python:/other/venv/bin/python python -m pytest ...
                                       venvs that have inspect_ai, openai and pyarrow, and lmms-eval

A loopback server takes 200 ms, over 64 connections, and says when the first request came and when the last reply left:
that is the request phase, measured by one clock for all. Runs alternate; the figures are medians with their range.
"""

from __future__ import annotations

import json
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from asked_rows import RECIPE, Asked, prepare, table
from figures import Took, Work, keep, scaled, turn_about
from processes import child, python_with, serving

HERE = Path(__file__).parent
SIZES = {"text": scaled(200, 800, 2_000), "images": scaled(64, 150, 300)}
MOST_PHASE = 1.1


class Run(NamedTuple):
    phase_s: float
    """First request to last reply."""
    before_s: float
    """From the start of the process to the first request."""
    peak_mb: float
    processor_s: float


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving() as found:
        yield found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bench")


def timed(url: str, words: list[str]) -> Run:
    """One process; its peak memory and processor time are the kernel's."""
    stats(url)
    started = time.time()
    ended = child(words)
    seen = stats(url)
    return Run(seen["last"] - seen["first"], seen["first"] - started, ended.peak_mb, ended.processor_s)


def stats(url: str) -> dict[str, float]:
    with urllib.request.urlopen(f"{url}/stats") as reply:
        return json.load(reply)


def bare(folder: Path, url: str, asked: Asked) -> Run:
    return timed(url, [sys.executable, str(HERE / "bare_client.py"), url, str(table(folder, asked))])


def ours(folder: Path, url: str, asked: Asked) -> Run:
    """`eval` of one arm, from the start of the process; its questions were read before, as after any first run."""
    recipe = RECIPE.replace("FILE", str(table(folder, asked))).replace("URL", url)
    file, out = folder / f"{asked.load}-{asked.num}.yaml", folder / f"{asked.load}-{asked.num}"
    file.write_text(recipe, encoding="utf-8")
    prepare(recipe, out, table(folder, asked))
    return timed(url, [sys.executable, "-m", "insightv_bench", "eval", str(file), "--out", str(out)])


def other(name: str, python: str) -> Callable[[Path, str, Asked], Run]:
    """Another harness, by its script in this folder."""

    def run(folder: Path, url: str, asked: Asked) -> Run:
        return timed(url, [python, str(HERE / f"with_{name}.py"), url, str(table(folder, asked)), str(folder)])

    return run


OTHERS = {
    "lm_eval": "lm_eval, tenacity",
    "inspect": "inspect_ai, openai, pyarrow",
    "lmms_eval": "lmms_eval.evaluator",
}
"""Other harnesses, and what each needs."""


def others_here() -> dict[str, str]:
    """Harness -> the Python that has it."""
    found = {harness: python_with(modules) for harness, modules in OTHERS.items()}
    for harness, python in found.items():
        if not python:
            print(f"\n{harness}: left out, no `{OTHERS[harness]}` here or in what BENCH_PYTHON names", end="")
    return {harness: python for harness, python in found.items() if python}


@pytest.mark.parametrize(("load", "num"), [(load, num) for load, sizes in SIZES.items() for num in sizes])
def test_eval_against_a_bare_client_and_other_harnesses(folder: Path, url: str, load: str, num: int) -> None:
    asked = Asked(load, num)
    runs = turn_about({"ours": lambda: ours(folder, url, asked), "bare client": lambda: bare(folder, url, asked)})
    if num == max(SIZES[load]):  # for the record, once
        runs |= {name: [other(name, python)(folder, url, asked)] for name, python in others_here().items()}
    keep_all(asked, runs)


def keep_all(asked: Asked, runs: dict[str, list[Run]]) -> None:
    """The phase of requests by the server's clock, all of the processor's time, and the wait for the first request."""
    mine, others = runs.pop("ours"), runs
    unit = "texts" if asked.load == "text" else "images"

    def figure(area: str, measure: str, column: str, aim: float | None = None) -> None:
        def took(found: list[Run]) -> list[Took]:
            return [Took(getattr(run, column), run.peak_mb) for run in found]

        work = Work(f"eval: {area}, {unit}", asked.num, unit, measure)
        keep(work, took(mine), {name: took(found) for name, found in others.items()}, aim)

    figure("requests", "s by the clock", "phase_s", MOST_PHASE)
    figure("whole command", "s", "processor_s")
    figure("first request after", "s by the clock", "before_s")
