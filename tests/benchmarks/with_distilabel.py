"""distilabel on the same rows: K texts a question in one pipeline, 64 requests at once, images as base64.

A request a text, as ours has it: with `num_generations` it would ask for `n` in one, which this server does not count.

`python with_distilabel.py URL PARQUET FOLDER K`.
"""

from __future__ import annotations

import base64
import os
import sys
from typing import Any

CONNECTIONS = 64


def main(url: str, file: str, folder: str, num_paths: int) -> None:
    os.environ["HF_DATASETS_CACHE"] = f"{folder}/distilabel"
    import datasets
    import pyarrow.parquet as pq
    from distilabel.models import OpenAILLM
    from distilabel.pipeline import Pipeline
    from distilabel.steps.tasks import TextGeneration, TextGenerationWithImage

    rows = [made for row in pq.read_table(file).to_pylist() for made in [asked(row)] * num_paths]
    generation = {"max_new_tokens": 1024, "temperature": 0.7, "top_p": 0.95}
    model = OpenAILLM(model="m", base_url=f"{url}/v1", api_key="none", generation_kwargs=generation)
    given: dict[str, Any] = {"llm": model, "input_batch_size": CONNECTIONS}
    with Pipeline(name="bench", cache_dir=folder) as pipeline:
        if "image" in rows[0]:
            TextGenerationWithImage(name="paths", image_type="base64", **given)
        else:
            TextGeneration(name="paths", **given)
    made = pipeline.run(dataset=datasets.Dataset.from_list(rows), use_cache=False)
    num = sum(map(bool, made["default"]["train"]["generation"]))
    assert num == len(rows), f"{num} texts for {len(rows)} requests"


def asked(row: dict[str, Any]) -> dict[str, Any]:
    image = {"image": base64.b64encode(row["image"]).decode()} if row.get("image") else {}
    return {"instruction": row["question"], **image}


if __name__ == "__main__":
    main(*sys.argv[1:4], int(sys.argv[4]))
