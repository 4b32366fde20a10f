"""The model card beside the weights: what it was trained on, how, and where it came from."""

from __future__ import annotations

import json

from insightv_bench.stage import MODEL, Context, git_commit
from insightv_bench.tables import write_text

CARD = """---
library_name: transformers
pipeline_tag: image-text-to-text
tags: [insightv-bench, {seat}]
---
# {name}

The model of stage `{name}` of recipe `{recipe}`, seed {seed}, made by insightv-bench{commit}.

| trained from | corpus |
|---|---|
{inputs}

## Figures of the training
```json
{figures}
```
## Settings
```json
{settings}
```
It is meant for research on two-agent reasoning; the tiny models know nothing but the drawn world.
"""


def write_card(context: Context) -> None:
    stage = context.stage
    folders = [context.inputs[name].name for name in stage.inputs]
    inputs = [*folders, "nothing"][:2] if len(folders) > 1 else ["nothing", *folders]
    commit = git_commit()
    text = CARD.format(
        name=stage.name,
        seat=stage.options.get("seat", "model"),
        recipe=context.recipe.name,
        seed=context.seed,
        commit=f" at `{commit[:12]}`" if commit else "",
        inputs="| " + " | ".join(f"`{name}`" for name in inputs) + " |",
        figures=json.dumps(context.totals, indent=2),
        settings=json.dumps(stage.settings.model_dump(mode="json"), indent=2),
    )
    write_text(context.folder / MODEL / "README.md", text)
