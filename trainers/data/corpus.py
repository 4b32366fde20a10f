"""A corpus folder as a `datasets.Dataset` with the columns that TRL reads, and how long its rows are.

Rows of like length share a batch, so that little of it is padding.
"""

from __future__ import annotations

import glob
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from insightv_bench.errors import StageError, require
from insightv_bench.storage import parquet_files

from ..trl import LENGTH

COMPLETIONS = ["images", "prompt", "completion"]
PAIRS = ["images", "prompt", "chosen", "rejected"]
PROMPTS = ["images", "prompt", "question", "options", "answer", "answer_type"]
"""Of rows that the model answers itself."""
MESSAGES = ("prompt", "completion", "chosen", "rejected")


def load_corpus(
    folders: Sequence[Path], columns: list[str], cache: Path, optional: Mapping[str, Any] | None = None
) -> Any:
    """The rows of all folders. `optional`: columns that a folder may lack, and what its rows then hold.

    Raises StageError where a needed column is missing or there are no rows.
    """
    datasets = require("datasets", "train", "training")
    datasets.disable_progress_bars()
    if optional and len(folders) > 1:
        parts = [load_corpus([folder], columns, cache, optional) for folder in folders]
        return datasets.concatenate_datasets(parts)
    files = [glob.escape(str(file)) for folder in folders for file in _checked(folder, columns)]
    there = [name for name in optional or {} if all(name in _columns(folder) for folder in folders)]
    corpus = datasets.Dataset.from_parquet(files, columns=[*columns, *there], cache_dir=str(cache))
    corpus = corpus.select_columns([*columns, *there])
    for name, value in (optional or {}).items():
        if name not in there:
            corpus = corpus.add_column(name, [value] * len(corpus))
    images = datasets.List(datasets.Image())
    # A file that another program wrote does not say that these are images.
    return corpus if corpus.features["images"] == images else corpus.cast_column("images", images)


def _checked(folder: Path, columns: list[str]) -> list[Path]:
    files = parquet_files(folder)
    frame = pl.scan_parquet(files, glob=False)
    schema = frame.collect_schema()
    missing = [column for column in columns if column not in schema]
    if missing:
        raise StageError(f"the corpus `{folder}` has no column `{missing[0]}`", _other_kind(schema.names()))
    if not frame.select(pl.len()).collect().item():
        dropped = (folder / "exclusions.parquet").exists()
        hint = "its `exclusions.parquet` says why each was left out" if dropped else "give one that has some"
        raise StageError(f"the corpus `{folder}` has no rows", hint)
    _check_messages(frame, schema, folder, [name for name in columns if name in MESSAGES])
    return files


def _other_kind(known: list[str]) -> str:
    """What the corpus is instead: the two kinds are easily given for each other."""
    if "chosen" in known:
        return "it holds pairs, which `train dpo` learns from; `train reason` and `train summary` take completions"
    if "completion" in known:
        return "it holds completions, which `train reason` and `train summary` learn from; `train dpo` takes pairs"
    return f"it has {', '.join(known)}"


def _check_messages(frame: pl.LazyFrame, schema: pl.Schema, folder: Path, columns: list[str]) -> None:
    """Raises StageError for a text where a list of messages is meant, and for a row that lacks it."""
    for name in columns:
        inner = getattr(schema[name], "inner", None)
        fields = {field.name: field.dtype for field in getattr(inner, "fields", ())}
        if fields.get("role") != pl.String or fields.get("content") != pl.String:
            raise StageError(
                f"the column `{name}` of the corpus `{folder}` holds {schema[name]}, not messages",
                'write each as a list: [{"role": "user", "content": "..."}]',
            )
        content = pl.col(name).list.eval(pl.element().struct.field("content").is_null()).list.any()
        lacking = pl.col(name).is_null() | (pl.col(name).list.len() == 0) | content
        row = frame.with_row_index("row").filter(lacking).select("row").head(1).collect()
        if row.height:
            raise StageError(f"row {row.item():,} of the corpus `{folder}` has no `{name}`", "leave the row out")


def check_images(folders: Sequence[Path]) -> None:
    """Raises StageError where an image's bytes are not in the corpus, but a place on somebody's disk."""
    for folder in folders:
        frame = pl.scan_parquet(parquet_files(folder), glob=False)
        _check_images(frame.collect_schema(), folder)
        frame = frame.select("images")
        image = pl.element().struct
        lacking = pl.col("images").list.eval(image.field("bytes").is_null()).list.any()
        places = pl.col("images").list.eval(image.field("path")).list.first()
        first = frame.with_row_index("row").filter(lacking).select("row", path=places).head(1).collect()
        if first.height:
            raise without_bytes(*first.row(0))


def _check_images(schema: pl.Schema, folder: Path) -> None:
    """Raises StageError where `images` is missing or is no list of images."""
    if "images" not in schema:
        raise StageError(f"the corpus `{folder}` has no column `images`", _other_kind(schema.names()))
    inner = getattr(schema["images"], "inner", None)
    fields = {field.name: field.dtype for field in getattr(inner, "fields", ())}
    if fields.get("bytes") != pl.Binary or fields.get("path") not in (pl.String, pl.Null):
        raise StageError(
            f"the column `images` of the corpus `{folder}` holds {schema['images']}, not images",
            'write each row\'s as a list: [{"bytes": ..., "path": null}]',
        )


def without_bytes(row: int, path: str | None) -> StageError:
    return StageError(
        f"row {row:,} of the corpus holds no image, only a place for one (`{path or 'no path'}`)",
        "write the images' bytes into the parquet files: `push_to_hub(embed_external_files=True)` does, "
        "and so do `build` and `pull`",
    )


def with_lengths(corpus: Any, processor: Any) -> Any:
    """The corpus with one more column, `length`: its tokens but for the images', which are the same in every row."""
    texts = [column for column in corpus.column_names if column not in ("images", "id")]
    lengths = [0] * len(corpus)
    for column in texts:
        contents = ["".join(message["content"] for message in row) for row in corpus[column]]
        tokens = processor.tokenizer(contents, add_special_tokens=False)["input_ids"]
        lengths = [length + len(ids) for length, ids in zip(lengths, tokens, strict=True)]
    return corpus.add_column(LENGTH, lengths)


def columns_of(folder: Path) -> list[str]:
    """The columns to train on: of pairs, or of completions."""
    return PAIRS if "chosen" in _columns(folder) else COMPLETIONS


def _columns(folder: Path) -> list[str]:
    return pl.scan_parquet(parquet_files(folder), glob=False).collect_schema().names()
