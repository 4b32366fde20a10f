"""Rows, images and text on disk.

files.py     text written whole, a file's hash, trouble with the disk in a user's words
parquet.py   records to parquet and back, one schema a record
by_place.py  rows of a stage by their place, or beside those of another: read when they are asked for
images.py  questions whose images stay on disk until they are shown

It knows records; not stages, settings, or what a row is for.
"""

from __future__ import annotations

from .by_place import Matched, Rows
from .files import explain_disk, first_line, sha256, write_text
from .images import (
    Images,
    ImageStore,
    QuestionsById,
    StoredImage,
    group_sizes,
    image_of,
    question_slice,
    questions_of,
    read_group,
    read_questions,
    with_images,
)
from .parquet import (
    Appending,
    batched,
    guard_parquet,
    missing_columns,
    parquet_files,
    pieces_of,
    read_frame,
    read_rows,
    read_slice,
    repeated_columns,
    row_counts,
    schema_of,
    spans,
    write_file,
    write_frames,
    write_shards,
)
