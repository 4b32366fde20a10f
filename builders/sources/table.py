"""Questions of a local parquet file or folder, by a map of its columns.

A row that cannot be a question (no answer, a broken picture, options that do not hold the answer) is dropped with its
reason; a file that cannot be read is an error.
"""

from __future__ import annotations

import io
import json
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from insightv_bench.answer_forms import number_value
from insightv_bench.answers import matches
from insightv_bench.chat import LETTERS
from insightv_bench.errors import SourceError
from insightv_bench.records import AnswerType, Image, Question, content_id
from insightv_bench.settings import ParquetSource
from insightv_bench.stage import Dropped
from insightv_bench.tables import first_line

NUM_ROWS_AT_ONCE = 256
NESTED = {"options": (pl.List, pl.Array), "image": (pl.Struct, pl.Binary)}
"""What these columns hold; the others hold text or numbers."""
MATHEMATICAL = re.compile(r"[\d\\^_=+*/<>(){}\[\]|]")
"""In an answer that is no number: it is an expression, not words."""


def read_table(source: ParquetSource) -> Iterator[Question | Dropped]:
    """Raises SourceError where the file or one of the mapped columns is missing or unreadable."""
    frame = _open(source)
    for chunk in frame.iter_slices(NUM_ROWS_AT_ONCE):
        for row in chunk.iter_rows(named=True):
            yield as_question(row, source)


def _open(source: ParquetSource) -> pl.DataFrame:
    path = Path(source.path)
    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    if not files or not all(file.exists() for file in files):
        raise SourceError(
            f"no parquet file at `{source.path}`", f"download `{source.name}` and name its place: --data FILE"
        )
    try:
        frame = pl.read_parquet(files, n_rows=source.limit)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise SourceError(
            f"`{source.path}` cannot be read as parquet: {first_line(error)}", "it may be truncated; download it again"
        ) from error
    for field, column in source.columns.model_dump(exclude_none=True).items():
        if column not in frame.columns:
            known = ", ".join(f"`{name}`" for name in frame.columns)
            raise SourceError(f"`{source.path}` has no column `{column}` for `{field}`", f"its columns are {known}")
        dtype = frame.schema[column]
        if not _fits(field, dtype):
            wanted = {"options": "lists", "image": "bytes, or structs with a field `bytes`"}.get(
                field, "text or numbers"
            )
            raise SourceError(
                f"column `{column}` of `{source.path}`, for `{field}`, holds {dtype}", f"make it {wanted}"
            )
    return frame


def _fits(field: str, dtype: pl.DataType) -> bool:
    plain = not dtype.is_nested() and dtype != pl.Binary
    return dtype == pl.Null or (isinstance(dtype, NESTED[field]) if field in NESTED else plain)


def as_question(row: dict[str, Any], source: ParquetSource) -> Question | Dropped:
    columns = source.columns
    text, gold = _cell(row[columns.question]), _cell(row[columns.answer])
    options = tuple(_cell(option) for option in (row[columns.options] or ())) if columns.options else ()
    row_id = _cell(row[columns.id]) if columns.id else content_id(text, options, gold)
    image, problem = check_image(row[columns.image], source.max_pixels)
    answer, answer_type = type_answer(gold, options)
    problem = (
        "no question"
        if not text
        else "no answer"
        if not gold
        else "too many options"
        if len(options) > len(LETTERS)
        else problem or ("" if answer else "answer not an option")
    )
    if problem or image is None:
        kept = {"question": text, "options": options, "answer": gold}
        return Dropped(row_id, problem, json.dumps(kept, ensure_ascii=False))
    return Question(
        id=content_id(source.name, text, options, [image.sha256]),
        images=(image,),
        image_sha256=(image.sha256,),
        question=text,
        options=options,
        answer=answer,
        answer_type=answer_type,
        source=source.name,
        source_revision=source.revision,
        source_license=source.license,
        kind=_cell(row[columns.kind]) if columns.kind else "",
    )


def _cell(value: object) -> str:
    """The text of a cell; 0 is a value, None is not."""
    return "" if value is None else str(value).strip()


def check_image(value: Any, max_pixels: int) -> tuple[Image | None, str]:
    """The picture's own bytes, and why they cannot be used where they cannot. The size is read before any pixel."""
    from PIL import Image as Picture

    content = value.get("bytes") if isinstance(value, dict) else value
    if not isinstance(content, bytes) or not content:
        return None, "no image"
    try:
        with warnings.catch_warnings(action="ignore"), Picture.open(io.BytesIO(content)) as picture:
            if picture.width * picture.height > max_pixels:
                return None, "image too large"
            picture.load()
    except Picture.DecompressionBombError:
        return None, "image too large"
    except (OSError, SyntaxError, ValueError):
        return None, "image cannot be decoded"
    return Image(bytes=content), ""


def type_answer(gold: str, options: tuple[str, ...]) -> tuple[str, AnswerType]:
    """The gold answer in the form that its type asks for; empty where the options do not hold it."""
    if options:
        letters = LETTERS[: len(options)]
        if len(gold) == 1 and gold.upper() in letters:
            return gold.upper(), "option"
        held = [letter for letter, option in zip(letters, options, strict=False) if option == gold]
        return (held[0] if len(held) == 1 else ""), "option"
    if matches(gold, gold, "yes_no"):
        return gold, "yes_no"
    if number_value(gold) is not None:
        return gold, "number"
    return gold, "expression" if MATHEMATICAL.search(gold) else "text"
