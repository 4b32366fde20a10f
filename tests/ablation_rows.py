"""Runs made by hand, whose truth is known, for the tests of the ablation table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import board_rows

from insightv_bench.leaderboard.ablations.build import compute
from insightv_bench.leaderboard.ablations.records import AblationRow, Ablations, PlannedRow
from insightv_bench.leaderboard.ablations.runs import read_runs
from insightv_bench.records import EvalRecord
from insightv_bench.storage import write_shards

NUM = 200
BOTH = "reason+summary"


def record(place: int, arm: str, correct: bool, **changes: Any) -> EvalRecord:
    """A row of system `sft`: gold 7, and 9 where it is wrong."""
    return board_rows.row(place, arm, correct, **{"parser": "1", **changes})


def flawed(place: int, correct: bool, **changes: Any) -> EvalRecord:
    """A reply to a path with a perception flaw that ends in 9."""
    planted = {"flaw": "perception", "severity": 0.5, "planted_answer": "9", "path_correct": False, "position": "early"}
    return record(place, "flawed", correct, **{**planted, **changes})


def arm(
    seed: int, name: str, num_right: int, samples: int = 1, system: str = "sft", **changes: Any
) -> list[EvalRecord]:
    """`num_right` of 100 questions right, in every sample; the questions are the seed's own."""
    keys = [(q, s) for q in range(NUM) for s in range(samples)]
    own = {"system": system, **changes}
    return [record(q, name, 100 * q < num_right * NUM, sample=s, question_id=f"s{seed}q{q}", **own) for q, s in keys]


def misled(seed: int, num_right: int, system: str = "sft", **changes: Any) -> list[EvalRecord]:
    return [
        flawed(q, 100 * q < num_right * NUM, system=system, question_id=f"s{seed}q{q}", propagated=True, **changes)
        for q in range(NUM)
    ]


def run(folder: Path, seed: int, rows: Sequence[EvalRecord], recipe: str = "ablations", settings: int = 1) -> Path:
    """A run's folder, with an evaluation stage for each system."""
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"recipe": recipe, "seed": seed}))
    for system in {row.system for row in rows}:
        stage(folder, system, [row for row in rows if row.system == system], "0f", settings)
    return folder


def stage(folder: Path, system: str, rows: Sequence[EvalRecord], fingerprint: str, settings: int = 1) -> Path:
    place = folder / "stages" / f"eval-{system}-{fingerprint}"
    place.mkdir(parents=True)
    write_shards(place, rows, EvalRecord)
    manifest = {"stage": f"eval-{system}", "settings": {"batch_size": settings}}
    (place / "manifest.json").write_text(json.dumps(manifest))
    return place


def whole(seed: int, gain: int = 10) -> list[EvalRecord]:
    """Every kind of system: two agents gain `gain` points, the majority 20, continued SFT nothing."""
    rows = arm(seed, "base", 20, system="base", total_tokens=4)
    rows += arm(seed, "direct", 20) + arm(seed, "reason", 60, 3, total_tokens=40)
    rows += arm(seed, "majority", 80, total_tokens=120) + arm(seed, BOTH, 60 + gain, 3, total_tokens=55)
    rows += arm(seed, "oracle", 100) + misled(seed, 40) + misled(seed, 50, flaw="arithmetic")
    rows += misled(seed, 0, "optimal-only") + misled(seed, 0, "optimal-only", flaw="arithmetic")
    rows += arm(seed, BOTH, 60, 3, "optimal-only") + arm(seed, "reason", 60, 3, "continued-sft")
    for number, right in ((1, 65), (2, 75)):
        rows += arm(seed, "reason", right, 3, f"dpo-{number}") + arm(seed, "reason", 65, 3, f"rejection-{number}")
    rows += arm(seed, "reason", 75, 3, "continued-sft-dpo")
    rows += arm(seed, "reason", 70, 1, "sft-greedy") + arm(seed, BOTH, 90, 1, "sft-greedy")
    return rows


def computed(*folders: Path) -> Ablations:
    return compute(read_runs(folders))


def row_of(found: Ablations, system: str, name: str) -> AblationRow:
    return next(row for row in found.table if (row.system, row.arm) == (system, name))


def difference(found: Ablations, b: str, a: str, decoding: str = "sampled") -> PlannedRow:
    return next(row for row in found.comparisons if (row.b, row.a, row.decoding) == (b, a, decoding))
