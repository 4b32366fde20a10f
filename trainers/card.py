"""The model card beside the weights: what it was trained on, how, what it is meant for, and where it came from."""

from __future__ import annotations

import json
from typing import Any

from insightv_bench.settings import DpoSettings
from insightv_bench.stage import MODEL, Context, git_commit, read_manifest
from insightv_bench.tables import write_text

from .job import Job

CARD = """---
library_name: transformers
pipeline_tag: image-text-to-text
tags: [insightv-bench, {seat}]
{base}---
# {name}

The model of stage `{name}` of recipe `{recipe}`, seed {seed}, made by insightv-bench{commit}.

| trained from | corpus |
|---|---|
{inputs}

## Corpora
| corpus | rows | content |
|---|---|---|
{corpora}

{weights}{reference}
## Figures of the training
```json
{figures}
```
## Settings
```json
{settings}
```
## Intended use
{use}
"""
USES = {
    "base": "The model that both agents are trained from. It answers directly and is the baseline of an evaluation.",
    "reason": "The reasoning agent: it writes a step-by-step path for an image and a question. Its answers are read "
    "from the path, and are not meant to be used without the summary agent's look at it.",
    "summary": "The summary agent: it reads an image, a question and a path, judges the path, and answers.",
    "both": "One model for both seats, a control for the two agents.",
}
LIMITS = (
    "It is meant for research on two-agent reasoning, and was checked on the questions of its evaluation alone. "
    "A model from nothing knows nothing but the drawn world."
)


def write_card(context: Context, job: Job) -> None:
    stage = context.stage
    seat = stage.options.get("seat", "model")
    folders = [context.inputs[name].name for name in stage.inputs]
    inputs = [*folders, "nothing"][:2] if len(folders) > 1 else ["nothing", *folders]
    commit = git_commit()
    text = CARD.format(
        name=stage.name,
        seat=seat,
        base=_base(context),
        recipe=context.recipe.name,
        seed=context.seed,
        commit=f" at `{commit[:12]}`" if commit else "",
        inputs="| " + " | ".join(f"`{name}`" for name in inputs) + " |",
        corpora="\n".join(_corpus(context, job)),
        weights=_weights(context, job),
        reference=_reference(context, job),
        figures=json.dumps(context.totals, indent=2),
        settings=json.dumps(stage.settings.model_dump(mode="json"), indent=2),
        use=f"{USES.get(seat, '')} {LIMITS}".strip(),
    )
    write_text(context.folder / MODEL / "README.md", text)


def _base(context: Context) -> str:
    """The Hub's own key for lineage, where the base is of the Hub."""
    base = context.recipe.base
    is_hub = base and not base.from_nothing and base.model.count("/") == 1 and base.model[0] not in "./"
    return f"base_model: {base.model}\n" if is_hub else ""


def _corpus(context: Context, job: Job) -> list[str]:
    """Each corpus by its stage's fingerprint; a given one by what its files hold."""
    lines = []
    for folder in job.corpora:
        manifest: dict[str, Any] = read_manifest(folder)
        content = manifest["totals"].get("content") or folder.name.rpartition("-")[2]
        lines.append(f"| `{folder.name}` | {manifest['num_rows']:,} | `{content}` |")
    return lines


def _weights(context: Context, job: Job) -> str:
    totals = context.totals
    frozen = totals.get("num_frozen", 0)
    told = f"{totals['num_trained']:,} of {totals['num_parameters']:,} parameters were trained"
    if job.settings.lora is not None:
        told += ", LoRA's: the adapter lies in `adapter/`, and is merged into these weights"
    if frozen:
        told += f"; the vision tower ({frozen:,}) was left as it was, its projector not"
    return f"{told}.\n"


def _reference(context: Context, job: Job) -> str:
    settings = job.settings
    if not isinstance(settings, DpoSettings) or job.reference is None:
        return ""
    how = "the adapter off" if job.under_adapter else "its log-probabilities kept" if job.cached else "a second model"
    return f"\nReference policy: `{settings.reference}` (`{job.reference.parent.name}`), {how}.\n"
