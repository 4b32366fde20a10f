"""A corpus as other trainers read it: rows as JSON, images as files, and as many `<image>` as images.

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

import polars as pl

from insightv_bench.chat import lay_out, media_type
from insightv_bench.errors import SourceError
from insightv_bench.records import Image, PreferenceRow, ReasoningRow, Record, SummaryRow
from insightv_bench.storage import parquet_files, read_frame, read_rows, write_text

MARK = "<image>"
SUFFIXES = {"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/webp": "webp"}
WHO = {"user": "human", "assistant": "gpt", "system": "system"}
MARKED_WRONG = f"the text's `{MARK}` marks are not as many as its images"
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
    suffix, item = WRITERS[format_]
    file = out / f"{name}{suffix}"
    num_rows = write_items(file, (item(row, out) for row in _rows(corpus, record, out, dropped)))
    if format_ == "llama-factory":
        describe(out / "dataset_info.json", name, file.name, record is PreferenceRow)
    return Exported(file, num_rows, len(list((out / "images").iterdir())), dict(dropped))


def write_items(file: Path, items: Iterator[dict[str, Any]]) -> int:
    """One item a line, as a JSON list or as JSON lines; whole or absent. Returns their number."""
    partial, as_list, num = file.with_name(file.name + ".partial"), file.suffix == ".json", 0
    with partial.open("w", encoding="utf-8") as handle:
        handle.write("[" if as_list else "")
        for num, item in enumerate(items, 1):
            handle.write((",\n" if as_list and num > 1 else "") + json.dumps(item, ensure_ascii=False))
            handle.write("" if as_list else "\n")
        handle.write("]\n" if as_list else "")
    partial.replace(file)
    return num


def record_of(corpus: Path, format_: str) -> type[Record]:
    first = parquet_files(corpus)[0]
    read_frame(first, [])  # says so where it is no parquet
    columns = pl.scan_parquet(first, glob=False).collect_schema()
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
        order = mark(prompt, len(found.images))
        if order is None:
            dropped[MARKED_WRONG] += 1
            continue
        images = [_keep(found.images[place], out) for place in order]
        reply, rejected = (found.chosen, found.rejected) if record is PreferenceRow else (found.completion, None)
        if any(MARK in turn.content for turn in [*reply, *(rejected or [])]):
            dropped[MARKED_WRONG] += 1
            continue
        yield Row(found.id, images, prompt, reply[0].content, rejected[0].content if rejected else None)


def mark(prompt: list[Turn], num_images: int) -> list[int] | None:
    """Put a mark where each image stands, unless the text has them already; the images in their order, or None where
    there are not as many marks as images."""
    there = sum(turn["content"].count(MARK) for turn in prompt)
    if there:
        return list(range(num_images)) if there == num_images else None
    layout = lay_out([(turn["role"], turn["content"]) for turn in prompt], num_images)
    for turn, pieces in zip(prompt, layout.pieces, strict=True):
        first = f"{MARK}\n" if not layout.is_placed else MARK
        turn["content"] = "".join(piece if isinstance(piece, str) else first for piece in pieces)
    return layout.order


def _keep(image: Image, out: Path) -> str:
    """The image's own bytes, once, under its hash."""
    name = f"images/{image.sha256}.{SUFFIXES[media_type(image)]}"
    if not (out / name).exists():
        (out / name).write_bytes(image.bytes)
    return name


def _said(turns: list[Turn]) -> list[Turn]:
    return [{"from": WHO[turn["role"]], "value": turn["content"]} for turn in turns]


def llava(row: Row, out: Path) -> dict[str, Any]:
    image = {"image": row.images[0] if len(row.images) == 1 else row.images} if row.images else {}
    return {"id": row.id, **image, "conversations": [*_said(row.prompt), {"from": "gpt", "value": row.reply}]}


def llama_factory(row: Row, out: Path) -> dict[str, Any]:
    reply = {"from": "gpt", "value": row.reply}
    if row.rejected is None:
        return {"conversations": [*_said(row.prompt), reply], "images": row.images}
    rejected = {"from": "gpt", "value": row.rejected}
    return {"conversations": _said(row.prompt), "chosen": reply, "rejected": rejected, "images": row.images}


def describe(file: Path, name: str, rows: str, ranking: bool) -> None:
    """`dataset_info.json`: train with `dataset_dir: OUT` and `dataset: NAME`."""
    columns = {"messages": "conversations", "images": "images"}
    columns |= {"chosen": "chosen", "rejected": "rejected"} if ranking else {}
    about = {"file_name": rows, "formatting": "sharegpt", **({"ranking": True} if ranking else {}), "columns": columns}
    write_text(file, json.dumps({name: about}, ensure_ascii=False, indent=2) + "\n")


def ms_swift(row: Row, out: Path) -> dict[str, Any]:
    """Images are named by their whole path: the trainer looks for others from wherever it is started."""
    rejected = {} if row.rejected is None else {"rejected_response": row.rejected}
    messages = [*row.prompt, {"role": "assistant", "content": row.reply}]
    return {"messages": messages, **rejected, "images": [(out.resolve() / image).as_posix() for image in row.images]}


WRITERS: dict[str, tuple[str, Callable[[Row, Path], dict[str, Any]]]] = {
    "llava": (".json", llava),
    "llama-factory": (".json", llama_factory),
    "ms-swift": (".jsonl", ms_swift),
}
"""Format -> suffix of the rows' file, and one row of it."""
