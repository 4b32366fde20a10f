"""The whole loop from nothing, timed: base, both agents and two DPO rounds, and how good each system is by when.

Each system is run to its evaluation before the next is trained, so that what the time allows is told. Minutes are those
of making the models, their corpora and paths; evaluating them is not counted.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

NEEDED = ("accelerate", "datasets", "peft", "trl", "lm_eval")
"""What the loop imports beside this package's own needs, torch and transformers."""
SYSTEMS = ("base", "sft", "dpo-1", "dpo-2")
OVERRIDES = (
    "rounds.num=2",
    "workers=1",  # stages one after the other: their seconds are then the time that passed
    "eval.arms=[base, direct, reason, reason+summary]",
    "eval.num_paths=1",
    "eval.greedy=false",
)
OF_EVALUATION = ("eval-", "paths-eval-", "corpora-benchmark", "questions-test")
LEAST_SECONDS = 60


def whole_loop(seconds: float, toy: bool, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """`systems`: minutes and accuracies of each that was reached; `left_out`: why the next ones were not."""
    missing = [name for name in NEEDED if not find_spec(name)]
    if missing:
        return {"systems": [], "left_out": f"needs {', '.join(missing)}"}
    if seconds < LEAST_SECONDS:
        return {"systems": [], "left_out": f"{seconds:.0f} seconds are left, and it takes minutes"}
    with TemporaryDirectory() as folder:
        return _systems("walk" if toy else "small", Path(folder), time.monotonic() + seconds, overrides)


def _systems(recipe: str, folder: Path, end: float, overrides: Sequence[str]) -> dict[str, Any]:
    reached: list[dict[str, Any]] = []
    for system in SYSTEMS:
        problem = run_until(recipe, folder, f"eval-{system}", end, overrides)
        if problem:
            return {"recipe": recipe, "systems": reached, "left_out": f"`{system}` and what follows: {problem}"}
        reached.append({"system": system, "minutes": minutes(folder), "arms": list(arms(folder, system))})
    return {"recipe": recipe, "systems": reached}


def run_until(recipe: str, folder: Path, until: str, end: float, overrides: Sequence[str]) -> str:
    """As far as this stage; why it was not reached, or nothing."""
    words = [word for each in (*OVERRIDES, *overrides) for word in ("--set", each)]
    command = [sys.executable, "-m", "insightv_bench", "run", recipe, "--out", str(folder), "--until", until, *words]
    try:
        done = subprocess.run(
            command,
            env=environment(),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=max(end - time.monotonic(), 1),
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "the time is up"
    return f"it ended with code {done.returncode}: {done.stderr.strip()[-300:]}" if done.returncode else ""


def environment() -> dict[str, str]:
    """A process of the loop finds what this one does, wheels that were given included."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(place for place in sys.path if place)}


def minutes(folder: Path) -> float:
    """Spent so far on what is no evaluation."""
    manifests = [json.loads(file.read_text(encoding="utf-8")) for file in folder.glob("*/stages/*/manifest.json")]
    seconds = [manifest["seconds"] for manifest in manifests if not manifest["stage"].startswith(OF_EVALUATION)]
    return round(sum(seconds) / 60, 2)


def arms(folder: Path, system: str) -> Iterator[dict[str, Any]]:
    """Accuracy with its 95 % interval, arm by arm."""
    from insightv_bench.records import EvalRecord
    from insightv_bench.statistics import accuracy
    from insightv_bench.storage import read_rows

    (stage,) = [file.parent for file in folder.glob(f"*/stages/eval-{system}-*/manifest.json")]
    for arm, rows in groupby(read_rows(stage, EvalRecord), key=lambda row: row.arm):
        answered = [(row.correct, row.question_id) for row in rows]
        estimate = accuracy([correct for correct, _ in answered], [question for _, question in answered])
        yield {"arm": arm, **{name: round(value, 4) for name, value in estimate._asdict().items()}}


def as_lines(loop: dict[str, Any]) -> Iterator[str]:
    for row in loop["systems"]:
        for arm in row["arms"]:
            share = f"{100 * arm['value']:.1f} % ({100 * arm['low']:.1f} to {100 * arm['high']:.1f}) of {arm['n']:,}"
            yield f"{row['system'] + ' ' + arm['arm']:<26}{row['minutes']:>7.1f} min   {share}"
    if "left_out" in loop:
        yield f"{'whole loop':<26} left out: {loop['left_out']}"
