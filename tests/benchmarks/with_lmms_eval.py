"""lmms-eval on the same rows: its `async_openai` model, 64 at once, images as PIL images, as its tasks have them.

`python with_lmms_eval.py URL PARQUET FOLDER`.
"""

from __future__ import annotations

import io
import os
import shutil
import sys
from pathlib import Path
from typing import Any

TASK = """
task: bench
dataset_path: parquet
dataset_kwargs: {data_files: {test: FILE}}
test_split: test
output_type: generate_until
doc_to_visual: !function with_lmms_eval.images
doc_to_text: question
doc_to_target: answer
generation_kwargs: {max_new_tokens: 256, temperature: 0, do_sample: false}
metric_list: [{metric: exact_match, aggregation: mean, higher_is_better: true}]
"""


def images(doc: dict[str, Any]) -> list[Any]:
    from PIL import Image

    return [Image.open(io.BytesIO(doc["image"])).convert("RGB")] if doc.get("image") else []


def main(url: str, file: str, folder: str) -> None:
    from lmms_eval.evaluator import simple_evaluate
    from lmms_eval.tasks import TaskManager

    tasks = Path(folder) / "lmms-eval"
    tasks.mkdir(exist_ok=True)
    (tasks / "bench.yaml").write_text(TASK.replace("FILE", file), encoding="utf-8")
    shutil.copy(__file__, tasks)  # `!function` looks beside the task
    os.environ["HF_DATASETS_CACHE"] = str(tasks / "cache")
    model = {"model_version": "m", "base_url": f"{url}/v1", "api_key": "none", "num_cpus": 64}
    simple_evaluate(
        model="async_openai",
        model_args=",".join(f"{name}={value}" for name, value in model.items()),
        tasks=["bench"],
        task_manager=TaskManager(include_path=str(tasks), include_defaults=False, model_name="async_openai"),
        bootstrap_iters=0,
    )


if __name__ == "__main__":
    main(*sys.argv[1:4])
