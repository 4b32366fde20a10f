"""The flawed benchmark as inspect's loader of Hub data sets reads it: two more columns, and the task in `eval.yaml`.

`inspect eval hf/ORG/NAME --model MODEL` takes text and one picture as a data URI from columns, lets the model reply,
and holds what a pattern finds in the reply against the gold answer. Field names after inspect's `HFTask`.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from insightv_bench.chat import ask, media_type
from insightv_bench.records import DECODERS, FlawedRow, Image

FRAMEWORK = "inspect-ai"
INPUT, PICTURE = "inspect_input", "inspect_image"
ANSWER = r'(?s:.*)"answer"\s*:\s*"?([^"}\n]+)'
"""The last answer of a reply in our form."""


def task(corpus: str, split: str) -> dict[str, Any]:
    """One task of `eval.yaml`."""
    return {
        "id": corpus,
        "config": corpus,
        "split": split,
        "field_spec": {
            "input": INPUT,
            "input_image": PICTURE,
            "target": "answer",
            "metadata": ["id", "flaw", "severity", "position", "planted_answer"],
        },
        "solvers": [{"name": "generate"}],
        "scorers": [{"name": "pattern", "args": {"pattern": ANSWER}}],
    }


def with_inspect_columns(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The rows of the flawed benchmark with what the summary agent is asked, and its picture."""
    rows = [FlawedRow.model_validate({name: row[name] for name in _known(batch)}) for row in batch.to_pylist()]
    texts = [ask("summary", row, path=row.flawed_path).messages[0].content for row in rows]
    batch = batch.append_column(INPUT, pa.array(texts, pa.string()))
    batch = batch.append_column(PICTURE, pa.array([data_uri(row.images) for row in rows], pa.string()))
    return batch.replace_schema_metadata(_metadata(batch.schema))


def _known(batch: pa.RecordBatch) -> list[str]:
    return [name for name in batch.schema.names if name in FlawedRow.model_fields]


def _metadata(schema: pa.Schema) -> dict[bytes, bytes]:
    """The `datasets` features with the two columns."""
    metadata = dict(schema.metadata or {})
    if told := metadata.get(b"huggingface"):
        info = json.loads(told)
        info["info"]["features"] |= {name: {"dtype": "string", "_type": "Value"} for name in (INPUT, PICTURE)}
        metadata[b"huggingface"] = json.dumps(info).encode()
    return metadata


def data_uri(images: Sequence[Image]) -> str:
    """The picture, or several side by side, as the loader takes one; empty: none."""
    if not images:
        return ""
    shown = images[0] if len(images) == 1 else Image(bytes=_side_by_side(images))
    return f"data:{media_type(shown)};base64,{base64.b64encode(shown.bytes).decode()}"


def _side_by_side(images: Sequence[Image]) -> bytes:
    from PIL import Image as PILImage

    opened = [PILImage.open(io.BytesIO(image.bytes), formats=DECODERS).convert("RGB") for image in images]
    canvas = PILImage.new("RGB", (sum(one.width for one in opened), max(one.height for one in opened)), "white")
    left = 0
    for one in opened:
        canvas.paste(one, (left, 0))
        left += one.width
    buffer = io.BytesIO()
    canvas.save(buffer, "PNG")
    return buffer.getvalue()
