"""The model card beside the weights: what it was trained on, how, what it is meant for, and where it came from."""

from __future__ import annotations

import json
import shutil
from typing import Any

from insightv_bench.stages import MODEL, Context, git_commit, read_manifest
from insightv_bench.storage import write_text

from ..job import Job
from ..methods import method_of
from .curves import CURVES

CARD = """---
library_name: transformers
pipeline_tag: image-text-to-text
tags: [insightv-bench, {seat}]
{base}---
# {name}

{use}

Made by stage `{name}` of recipe `{recipe}`, seed {seed}, with insightv-bench{commit}. Trained from {start}.

## Use
```python
from transformers import AutoModelForImageTextToText, AutoProcessor

model = AutoModelForImageTextToText.from_pretrained("FOLDER_OR_HUB_ID")
processor = AutoProcessor.from_pretrained("FOLDER_OR_HUB_ID")  # with the chat template
```
The prompts that it was trained on are the column `prompt` of its corpora.
`insightv-bench eval --model FOLDER_OR_HUB_ID` gives its accuracy with an interval.

## Corpora
| corpus | rows | fingerprint |
|---|---|---|
{corpora}

{dropped}The fingerprint is of the stage's settings and inputs; of a corpus from elsewhere, of its content.

{weights}{note}
## Figures of the training
Over the rows that it was trained on, and no measure of how well it answers: that takes questions which it has not seen.

| figure | value | |
|---|---|---|
{figures}
{mix}{curves}
## Limits
{limits}

## Settings
Under `trainer` are TRL's options; what is not named has TRL's default or insightv-bench's.
```json
{settings}
```
"""
MEANINGS = {
    "num_rows": "rows trained on",
    "num_steps": "optimizer steps",
    "num_tokens": "tokens seen, padding not counted, images counted",
    "train_seconds": "seconds of training in its last start",
    "peak_gpu_gib": "GiB of GPU memory at the most, on the first device",
    "first_loss": "loss over the first logged steps",
    "last_loss": "loss over the last logged steps",
    "last_mean_token_accuracy": "share of the answers' tokens that were the likeliest, the ones before them given",
}
"""What stands in the card's table, in this order; then the method's own figures, and the last."""
BEST = {
    "best_validation_loss": "loss on the questions kept for validation; these weights are the best step's",
    "best_validation_reward": "reward on the questions kept for validation; these weights are the best step's",
}
USES = {
    "base": "The model that both agents are trained from. It answers directly and is the baseline of an evaluation.",
    "reason": "The reasoning agent: it writes a step-by-step path for an image and a question. Its answers are read "
    "from the path, and are not meant to be used without the summary agent's look at it.",
    "summary": "The summary agent: it reads an image, a question and a path, judges the path, and answers.",
    "both": "One model for both seats, a control for the two agents.",
}
LIMITS = (
    "It is meant for research on two-agent reasoning, and not for decisions about people. What it can do beyond the "
    "kind of questions in its corpora was not looked at. Its answers may be wrong, and a wrong path may sound right."
)
FROM_NOTHING = " It was made from nothing and knows nothing but the drawn world: charts of a few bars."


def write_card(context: Context, job: Job[Any]) -> None:
    stage, note = context.stage, method_of(job.settings).card_note(job)
    seat = getattr(stage.options, "seat", "") or "model"
    reasons = "; ".join(f"{reason}: {num:,}" for reason, num in sorted(context.dropped.items()))
    commit = git_commit()
    text = CARD.format(
        name=stage.name,
        seat=seat,
        base=_base(context),
        recipe=context.recipe.name,
        seed=context.seed,
        commit=f" at `{commit[:12]}`" if commit else "",
        start=_start(context, job),
        corpora="\n".join(_corpus(context, job)),
        dropped=f"Rows left out: {reasons}.\n\n" if reasons else "",
        weights=_weights(context, job),
        note=f"\n{note}\n" if note else "",
        figures="\n".join(_figures(context, job)),
        mix=_mix(context),
        curves=_curves(context),
        settings=json.dumps(stage.settings.model_dump(mode="json"), indent=2),
        use=USES.get(seat, "A model of the recipe."),
        limits=LIMITS + (FROM_NOTHING if job.from_nothing else ""),
    )
    write_text(context.folder / MODEL / "README.md", text)


def _start(context: Context, job: Job[Any]) -> str:
    """The stage whose model it starts from, and what that goes back to."""
    base = context.recipe.base
    root = "nothing" if base is None or base.from_nothing else f"`{base.model}`"
    own = job.start.is_relative_to(context.folder)
    return (
        f"nothing (`{base.model if base else 'tiny'}`)" if own else f"`{job.start.parent.name}`, the base being {root}"
    )


def _figures(context: Context, job: Job[Any]) -> list[str]:
    own = {f"last_{name}": meaning for name, meaning in method_of(job.settings).figures.items()}
    meanings = {**MEANINGS, **own, **BEST}
    values = {name: context.totals[name] for name in meanings if context.totals.get(name) is not None}
    short = {name: f"{value:,}" if isinstance(value, int) else f"{value:,.4g}" for name, value in values.items()}
    return [f"| `{name}` | {value} | {meanings[name]} |" for name, value in short.items()]


def _mix(context: Context) -> str:
    """Rows and tokens of each kind, where the corpora tell kinds apart."""
    mix = context.totals.get("mix", {})
    if len(mix) < 2:
        return ""
    rows = [f"| {kind} | {num['rows']:,} | {num['tokens']:,} |" for kind, num in mix.items()]
    return "\n" + "\n".join(["| kind of row | rows | tokens |", "|---|---|---|", *rows]) + "\n"


def _curves(context: Context) -> str:
    """A copy of them goes where the card goes."""
    file = context.folder / CURVES
    if not file.exists():
        return ""
    shutil.copyfile(file, context.folder / MODEL / CURVES)
    return f"\n![How the training went, over its steps]({CURVES})\n"


def _base(context: Context) -> str:
    """The Hub's own key for lineage, where the base is of the Hub."""
    base = context.recipe.base
    if base is None or base.from_nothing or base.model.count("/") != 1 or base.model[0] in "./":
        return ""
    return f"base_model: {base.model}\n"


def _corpus(context: Context, job: Job[Any]) -> list[str]:
    """Each corpus by its stage's fingerprint; a given one by what its files hold."""
    lines = []
    for folder in job.corpora:
        manifest: dict[str, Any] = read_manifest(folder)
        content = manifest["totals"].get("content") or folder.name.rpartition("-")[2]
        lines.append(f"| `{folder.name}` | {manifest['num_rows']:,} | `{content}` |")
    return lines


def _weights(context: Context, job: Job[Any]) -> str:
    totals = context.totals
    frozen = totals.get("num_frozen", 0)
    sentence = f"{totals['num_trained']:,} of {totals['num_parameters']:,} parameters were trained"
    if job.settings.lora is not None:
        sentence += ", LoRA's: the adapter lies in `adapter/`, and is merged into these weights"
    if frozen:
        sentence += f"; the vision tower ({frozen:,}) was left as it was, its projector not"
    return f"{sentence}.\n"
