"""A corpus as other trainers read it: rows as JSON, pictures as files, and as many `<image>` as pictures.

llava          `conversations` of `human` and `gpt` (a JSON list), `image` one file or several
llama-factory  sharegpt rows and `dataset_info.json`; a preference corpus has `chosen` and `rejected` (`ranking: true`)
ms-swift       `messages` as JSON lines; a preference corpus has `rejected_response`
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from insightv_bench.chat import media_type
from insightv_bench.errors import SourceError
from insightv_bench.records import Image, PreferenceRow, ReasoningRow, Record, SummaryRow
from insightv_bench.tables import parquet_files, read_frame, read_rows, write_text

MARK = "<image>"
SUFFIXES = {"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/webp": "webp"}
WHO = {"user": "human", "assistant": "gpt", "system": "system"}
MARKED_WRONG = f"the text's `{MARK}` marks are not as many as its pictures"
Turn = dict[str, str]


class Exported(NamedTuple):
    file: Path
    num_rows: int
    num_images: int
    dropped: dict[str, int]
    """Reason -> rows."""


class Row(NamedTuple):
    """What every format is made of."""

    id: str
    images: list[str]
    """Files, relative to the folder."""
    prompt: list[Turn]
    reply: str
    rejected: str | None


def export(format_: str, corpus: Path, out: Path, name: str) -> Exported:
    """Write the corpus to `out`. Raises SourceError for rows to train nothing from, or a folder that is not empty."""
    record = record_of(corpus, format_)
    if out.exists() and any(out.iterdir()):
        raise SourceError(f"`{out}` is not empty", "name a new folder")
    (out / "images").mkdir(parents=True, exist_ok=True)
    dropped: Counter[str] = Counter()
    rows = list(_rows(corpus, record, out, dropped))
    file = WRITERS[format_](out, name, rows)
    return Exported(file, len(rows), len(list((out / "images").iterdir())), dict(dropped))


def record_of(corpus: Path, format_: str) -> type[Record]:
    columns = read_frame(parquet_files(corpus)[0], None).limit(0).columns
    if {"chosen", "rejected"} <= set(columns):
        if format_ == "llava":
            raise SourceError("LLaVA's `conversations` know no pairs", "export it to llama-factory or ms-swift")
        return PreferenceRow
    if {"prompt", "completion"} <= set(columns):
        return SummaryRow if "kind" in columns else ReasoningRow
    raise SourceError(
        f"`{corpus}` holds no rows to train from: it has neither `completion` nor `chosen`",
        "name a reasoning, summary or preference corpus",
    )


def _rows(corpus: Path, record: type[Record], out: Path, dropped: Counter[str]) -> Iterator[Row]:
    for row in read_rows(corpus, record):
        found: Any = row
        prompt = [{"role": turn.role, "content": turn.content} for turn in found.prompt]
        if not mark(prompt, len(found.images)):
            dropped[MARKED_WRONG] += 1
            continue
        images = [_keep(image, out) for image in found.images]
        reply, rejected = (found.chosen, found.rejected) if record is PreferenceRow else (found.completion, None)
        if any(MARK in turn.content for turn in [*reply, *(rejected or [])]):
            dropped[MARKED_WRONG] += 1
            continue
        yield Row(found.id, images, prompt, reply[0].content, rejected[0].content if rejected else None)


def mark(prompt: list[Turn], num_images: int) -> bool:
    """Put marks before the first user text, unless it has them already; whether they are as many as pictures."""
    there = sum(turn["content"].count(MARK) for turn in prompt)
    if not there and num_images:
        first = next(turn for turn in prompt if turn["role"] == "user")
        first["content"] = f"{MARK}\n" * num_images + first["content"]
        there = num_images
    return there == num_images


def _keep(image: Image, out: Path) -> str:
    """The picture's own bytes, once, under its hash."""
    name = f"images/{image.sha256}.{SUFFIXES[media_type(image)]}"
    if not (out / name).exists():
        (out / name).write_bytes(image.bytes)
    return name


def _said(turns: list[Turn]) -> list[Turn]:
    return [{"from": WHO[turn["role"]], "value": turn["content"]} for turn in turns]


def llava(out: Path, name: str, rows: list[Row]) -> Path:
    def item(row: Row) -> dict[str, Any]:
        image = {"image": row.images[0] if len(row.images) == 1 else row.images} if row.images else {}
        return {"id": row.id, **image, "conversations": [*_said(row.prompt), {"from": "gpt", "value": row.reply}]}

    return _json(out / f"{name}.json", [item(row) for row in rows])


def llama_factory(out: Path, name: str, rows: list[Row]) -> Path:
    """Train with `dataset_dir: OUT` and `dataset: NAME`."""
    ranking = any(row.rejected is not None for row in rows)
    columns = {"messages": "conversations", "images": "images"}
    columns |= {"chosen": "chosen", "rejected": "rejected"} if ranking else {}
    about = {"file_name": f"{name}.json", "formatting": "sharegpt", **({"ranking": True} if ranking else {})}
    _json(out / "dataset_info.json", {name: {**about, "columns": columns}})

    def item(row: Row) -> dict[str, Any]:
        reply = {"from": "gpt", "value": row.reply}
        if row.rejected is None:
            return {"conversations": [*_said(row.prompt), reply], "images": row.images}
        rejected = {"from": "gpt", "value": row.rejected}
        return {"conversations": _said(row.prompt), "chosen": reply, "rejected": rejected, "images": row.images}

    return _json(out / f"{name}.json", [item(row) for row in rows])


def ms_swift(out: Path, name: str, rows: list[Row]) -> Path:
    """Pictures are named from the current folder, as the trainer looks for them."""

    def item(row: Row) -> dict[str, Any]:
        rejected = {} if row.rejected is None else {"rejected_response": row.rejected}
        messages = [*row.prompt, {"role": "assistant", "content": row.reply}]
        return {"messages": messages, **rejected, "images": [(out / image).as_posix() for image in row.images]}

    lines = [json.dumps(item(row), ensure_ascii=False) for row in rows]
    write_text(out / f"{name}.jsonl", "\n".join(lines) + "\n")
    return out / f"{name}.jsonl"


def _json(file: Path, content: Any) -> Path:
    write_text(file, json.dumps(content, ensure_ascii=False, indent=1) + "\n")
    return file


WRITERS: dict[str, Callable[[Path, str, list[Row]], Path]] = {
    "llava": llava,
    "llama-factory": llama_factory,
    "ms-swift": ms_swift,
}
