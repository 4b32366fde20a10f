"""Evaluation rows made by hand whose replies read as their answers, and runs around them. Tests alone."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from insightv_bench.answers import PARSER, read
from insightv_bench.controls import CONTROLS
from insightv_bench.protocol import render_answer
from insightv_bench.records import EvalRecord
from insightv_bench.storage import write_shards, write_text


def as_planned(system: str) -> dict[str, Any]:
    """Role, round and greedy twin of the names that a recipe's plan gives; any other name stands for itself."""
    twin_of = system.removesuffix("-greedy") if system.endswith("-greedy") else ""
    name = twin_of or system
    number = int(name.rpartition("-")[2]) if re.fullmatch(r"(dpo|rejection|grpo)-\d+", name) else 0
    if any(spec.is_of(name, number) for spec in CONTROLS.values()):
        role = "control"
    else:
        role = {"base": "base", "sft": "agent"}.get(name, "round" if number else "other")
    return {"role": role, "round": number, "twin_of": twin_of}


def row(place: int, arm: str, right: bool, **changes: Any) -> EvalRecord:
    """A reply `{"answer": "7"}`, the gold one, or 9."""
    answer = "7" if right else "9"
    response = changes.pop("response", render_answer(answer))
    reading = read(response, "number", ())
    columns: dict[str, Any] = {
        "system": "sft",
        "base": "org/tiny",
        "round": 0,
        "arm": arm,
        "task": "drawn",
        "task_version": "1",
        "question_id": f"q{place:03d}",
        "kind": "sum",
        "question": f"What is the sum of {place}?",
        "options": (),
        "gold": "7",
        "answer_type": "number",
        "sample": 0,
        "path_id": "",
        "path": "",
        "path_correct": None,
        "path_status": "none",
        "flaw": "none",
        "severity": 0.0,
        "position": "none",
        "propagated": False,
        "planted_answer": "",
        "response": response,
        "answer": reading.answer,
        "span": reading.span,
        "method": reading.method,
        "sure": reading.sure,
        "correct": right,
        "verdict": "none",
        "num_prompt_tokens": 50,
        "num_tokens": 10,
        "total_tokens": 10,
        "token_cap": 512,
        "finish": "stop",
        "prompt": f"{arm}@1",
        "parser": PARSER,
    }
    return EvalRecord(**{**columns, **as_planned(changes.get("system", "sft")), **changes})


def of(arm: str, right: str, **changes: Any) -> list[EvalRecord]:
    """One row a question: `right` is a string of 1 and 0."""
    return [row(place, arm, mark == "1", **changes) for place, mark in enumerate(right)]


def small(num: int = 12, **changes: Any) -> list[EvalRecord]:
    """One system in four arms, flawed paths at two severities."""
    marks = "".join("1" if place % 3 else "0" for place in range(num))
    made = of("direct", marks, **changes) + of("reason", marks, num_tokens=40, total_tokens=40, **changes)
    made += of("reason+summary", "1" * num, total_tokens=50, **changes)
    planted = {"flaw": "perception", "planted_answer": "9", "path_correct": False, "position": "early"}
    for severity in (0.5, 1.0):
        made += [row(q, "flawed", q % 2 == 0, severity=severity, **planted, **changes) for q in range(num)]
    return made


def written(folder: Path, rows: Sequence[EvalRecord], manifest: dict[str, Any] | None = None) -> Path:
    """The rows as an evaluation's folder, with a manifest where one is given."""
    folder.mkdir(parents=True, exist_ok=True)
    write_shards(folder, rows, EvalRecord)
    if manifest is not None:
        stage(folder, **manifest)
    return folder


def stage(folder: Path, **columns: Any) -> Path:
    """A finished stage's manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = {
        "stage": folder.name.rpartition("-")[0],
        "kind": "reasoning",
        "settings": {},
        "options": {},
        "seed": 0,
        "inputs": {},
        "num_rows": 0,
        "num_dropped": 0,
        "totals": {},
        "versions": {"insightv-bench": "0.1.0"},
        "git_commit": "f" * 40,
        "started": "2026-01-01T00:00:00+00:00",
    }
    write_text(folder / "manifest.json", json.dumps({**whole, **columns}))
    return folder


def run(folder: Path, seed: int = 0, right: int = 6, mark: str = "a1") -> Path:
    """A run of recipe `mine`: a base, sft and two DPO rounds, with the stages that they came from."""
    stages = folder / "stages"
    stages.mkdir(parents=True)
    write_text(folder / "run.json", json.dumps({"recipe": "mine", "seed": seed}))
    stage(stages / f"corpora-reasoning-{mark}", num_rows=590)
    stage(stages / f"train-reason-{mark}", kind="sft", inputs={"c": f"corpora-reasoning-{mark}"})
    for number in (1, 2):
        stage(
            stages / f"corpora-preference-{number}-{mark}",
            kind="preference",
            num_rows=50,
        )
        before = f"train-dpo-{number - 1}-{mark}" if number > 1 else f"train-reason-{mark}"
        stage(
            stages / f"train-dpo-{number}-{mark}",
            kind="dpo",
            inputs={"m": before, "p": f"corpora-preference-{number}-{mark}"},
            totals={"num_rows": 50, "last_rewards/margins": 0.25 * number, "reference": "previous", "num_steps": 9},
            settings={"trainer": {"learning_rate": 1e-5, "output_dir": "/home/someone/secret"}},
        )
    for number, system in enumerate(["sft", "dpo-1", "dpo-2"]):
        trained = f"train-dpo-{number}" if number else "train-reason"
        options = {
            "system": system,
            "seats": {"reason": f"stage:{trained}", "summary": {"model": "m", "base_url": "x"}},
        }
        rows = small(12, system=system, round=number) if not number else []
        marks = "1" * (right + 3 * number) + "0" * (12 - right - 3 * number)
        if number:
            rows = of("reason", marks, system=system, round=number, num_tokens=40 + number, total_tokens=40 + number)
            rows += of("reason+summary", marks, system=system, round=number, total_tokens=60)
        manifest = {
            "kind": "evaluate",
            "options": options,
            "inputs": {trained: f"{trained}-{mark}"},
            "seed": seed,
        }
        written(stages / f"eval-{system}-{mark}", rows, manifest)
    return folder
