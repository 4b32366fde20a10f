"""What an evaluation of the shipped agents says: `figures.json`, and a model card beside each agent's weights."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from insightv_bench.errors import RunError
from insightv_bench.records import EvalRecord
from insightv_bench.storage import read_rows, write_text

from .weights import FOLDER, agent_names

FIGURES = "figures.json"
CARD = """---
library_name: transformers
pipeline_tag: image-text-to-text
license: apache-2.0
tags: [insightv-bench]
---
# {name}

{use}

Trained by stage `{stage}` of recipe `{recipe}`, seed {seed}, with insightv-bench at `{commit}`: {num_steps:,} steps, \
{trained:,} of {parameters:,} parameters ({frozen}). Started from {start}. It was made from nothing and knows nothing \
but the drawn world's bars. Weights are kept in bfloat16, the vision tower once for all agents in `../shared`.

## Figures
On {num_questions:,} scenes that no training saw (`insightv-bench run {evaluated}`, seed {evaluated_seed}, these \
weights), though a quarter of them stood in training with their bars in another order. Accuracy % with its 95 % \
interval over questions; another training of the same recipe would have others.

| system | arm | accuracy % | n |
|---|---|---|---|
{figures}

## Use
`insightv-bench run quickstart` lays it out as a model folder, `{stage}-*/model`, which `from_pretrained` loads. It is \
meant for trying this suite and for tests, and for nothing else. What it can do beyond drawn bars was not looked at.
"""
GREEDY = {"base": ("base", "base"), "summary": ("sft", "oracle"), "optimal-only": ("optimal-only", "oracle")}
"""Agents that are asked without sampling: where, as system and arm."""
NUM_REPLIES = 24
"""Of each of them that are kept, so that it can be told whether the weights still say what they said."""
USES = {
    "base": "The model that both agents were trained from: it sees, and answers without a path.",
    "reason": "The reasoning agent: it writes a path for an image and a question.",
    "summary": "The summary agent: it reads a path, judges it and answers.",
    "optimal-only": "A control: a summary agent that was trained on right paths alone, so that it follows wrong ones.",
}
OF_ROUND = "The reasoning agent after DPO round {round}."


def read_figures(folder: Path = FOLDER) -> dict[str, Any]:
    """What the agents' evaluation gave: its recipe and seed, `arms`, a row each, and the first `replies` by agent."""
    return dict(json.loads((folder / FIGURES).read_text(encoding="utf-8")))


def write_cards(trained: Path, evaluated: Path, folder: Path = FOLDER) -> None:
    """`trained`: the run that the weights are of; `evaluated`: one of recipe `quickstart`, over these weights.

    Raises RunError where either is not finished.
    """
    summary = _summary(evaluated)
    kept = ("system", "arm", "accuracy", "low", "high", "n", "num_questions")
    arms = [{name: row[name] for name in kept} for row in summary["arms"]]
    figures = {"recipe": summary["recipe"], "seed": summary["seed"], "arms": arms, "replies": _replies(evaluated)}
    write_text(folder / FIGURES, json.dumps(figures, indent=1) + "\n")
    for name in agent_names(folder):
        write_text(folder / name / "README.md", _card(name, trained, figures, _sits_in(evaluated)))


def _summary(run: Path) -> dict[str, Any]:
    try:
        return dict(json.loads((run / "summary.json").read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise RunError(f"`{run}` is no finished run", "name one that has `summary.json`") from error


def stage_of(run: Path, name: str) -> Path:
    """The finished stage of a run that trained the agent. Raises RunError where there is none, or several."""
    found = [file.parent for file in run.glob(f"stages/train-{name}-*/manifest.json")]
    found = [folder for folder in found if folder.name.rpartition("-")[0] == f"train-{name}"]
    if len(found) != 1:
        raise RunError(f"`{run}` has {len(found) or 'no'} finished stages `train-{name}`", "name a run of `method`")
    return found[0]


def _replies(evaluated: Path) -> dict[str, list[str]]:
    """Agent -> what it said, greedy, of the first questions."""
    rows = {name: list(_first(evaluated, system, arm)) for name, (system, arm) in GREEDY.items()}
    return {name: [row.response for row in found] for name, found in rows.items()}


def _first(evaluated: Path, system: str, arm: str) -> Iterator[EvalRecord]:
    for folder in evaluated.glob(f"stages/eval-{system}-*"):
        if folder.name.rpartition("-")[0] == f"eval-{system}":
            yield from islice((row for row in read_rows(folder, EvalRecord) if row.arm == arm), NUM_REPLIES)


def _sits_in(evaluated: Path) -> dict[str, set[str]]:
    """System -> the agents in its seats."""
    seated: dict[str, set[str]] = {}
    for file in evaluated.glob("stages/eval-*/manifest.json"):
        manifest = json.loads(file.read_text(encoding="utf-8"))
        models = {seat["model"] for seat in manifest["options"]["seats"].values()}
        seated[manifest["options"]["system"]] = {model.removeprefix("stage:train-") for model in models}
    return seated


def _card(name: str, run: Path, figures: Mapping[str, Any], seated: Mapping[str, set[str]]) -> str:
    stage = stage_of(run, name)
    manifest = json.loads((stage / "manifest.json").read_text(encoding="utf-8"))
    begun = json.loads((run / "run.json").read_text(encoding="utf-8"))
    totals, round_ = manifest["totals"], manifest["options"].get("round", 0)
    rows = [row for row in figures["arms"] if name in seated.get(row["system"], ())]
    frozen = f"the vision tower's {totals['num_frozen']:,} left as they were" if totals.get("num_frozen") else "all"
    start = manifest["inputs"].get("model")
    return CARD.format(
        name=name,
        use=USES.get(name) or OF_ROUND.format(round=round_),
        stage=f"train-{name}",
        recipe="method",
        seed=begun["seed"],
        commit=manifest["git_commit"][:12],
        num_steps=totals["num_steps"],
        trained=totals["num_trained"],
        parameters=totals["num_parameters"],
        frozen=frozen,
        start=f"`{start}`" if start else "nothing",
        num_questions=max((row["num_questions"] for row in rows), default=0),
        evaluated=figures["recipe"],
        evaluated_seed=figures["seed"],
        figures="\n".join(_rows(rows)),
    )


def _rows(rows: list[dict[str, Any]]) -> Iterator[str]:
    for row in rows:
        accuracy, low, high = (f"{100 * row[part]:.1f}" for part in ("accuracy", "low", "high"))
        yield f"| `{row['system']}` | `{row['arm']}` | {accuracy} [{low}, {high}] | {row['n']:,} |"
