"""lm-eval's stock path on the same rows: `local-chat-completions`, 64 at once, images as PIL images.

`python with_lm_eval.py URL PARQUET FOLDER`.
"""

from __future__ import annotations

import io
import sys
from typing import Any


def main(url: str, file: str) -> None:
    import datasets
    import polars as pl
    from lm_eval import simple_evaluate
    from PIL import Image

    rows = datasets.Dataset.from_list(pl.read_parquet(file).to_dicts())
    has_images = "image" in rows.column_names

    def images(doc: dict[str, Any]) -> list[Any]:
        return [Image.open(io.BytesIO(doc["image"])).convert("RGB")]

    task = {
        "task": "bench",
        "custom_dataset": lambda **_: {"test": rows},
        "test_split": "test",
        "output_type": "generate_until",
        "doc_to_text": ("<image>" if has_images else "") + "{{question}}",
        "doc_to_target": "{{answer}}",
        "generation_kwargs": {"until": [], "max_gen_toks": 256, "do_sample": False},
        "metric_list": [{"metric": "exact_match"}],
        **({"doc_to_image": images} if has_images else {}),
    }
    simple_evaluate(
        model="local-chat-completions",
        model_args={"model": "m", "base_url": f"{url}/v1/chat/completions", "num_concurrent": 64},
        tasks=[task],
        apply_chat_template=True,
        bootstrap_iters=0,
    )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
