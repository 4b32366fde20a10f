"""inspect_ai on the same rows, 64 connections: `python with_inspect.py URL PARQUET FOLDER`."""

from __future__ import annotations

import base64
import os
import sys

os.environ["INSPECT_DISPLAY"] = "none"


def main(url: str, file: str, folder: str) -> None:
    import pyarrow.parquet as pq
    from inspect_ai import Task, eval
    from inspect_ai.dataset import MemoryDataset, Sample
    from inspect_ai.model import ChatMessageUser, ContentImage, ContentText, get_model
    from inspect_ai.scorer import includes

    samples = []
    for row in pq.read_table(file).to_pylist():
        content: list[ContentImage | ContentText] = [ContentText(text=row["question"])]
        if row.get("image"):
            image = base64.b64encode(row["image"]).decode()
            content.insert(0, ContentImage(image=f"data:image/png;base64,{image}"))
        samples.append(Sample(input=[ChatMessageUser(content=content)], target=row["answer"]))
    model = get_model("openai/m", base_url=f"{url}/v1", api_key="none", responses_api=False)
    task = Task(dataset=MemoryDataset(samples), scorer=includes())
    eval(task, model=model, max_connections=64, max_samples=64, log_dir=folder, log_images=False)


if __name__ == "__main__":
    main(*sys.argv[1:4])
