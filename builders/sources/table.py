"""Questions of tables: local parquet or JSON lines files, by a map of their columns or a reader that knows them.

A row that cannot be a question (no answer, a broken image, options that do not hold the answer) is dropped with its
reason; a file that cannot be read is an error.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence
from itertools import islice, tee
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from insightv_bench.answers import matches
from insightv_bench.chat import LETTERS
from insightv_bench.errors import SourceError
from insightv_bench.records import Image, Question, Step, content_id
from insightv_bench.settings import (
    MIXED,
    OF_TEXT,
    Columns,
    FileSource,
    JsonlSource,
    ParquetSource,
    PathColumns,
    TableSource,
)
from insightv_bench.sources import (
    NO_IMAGE,
    Draft,
    Layout,
    Origin,
    Part,
    Row,
    as_options,
    as_question,
    cell,
    check_image,
    gold_of,
    image_cells,
    inline_image,
    kept_letters,
    letter_of,
    problem_with,
    rationale_of,
    type_answer,
)
from insightv_bench.sources.benchmarks import BENCHMARKS
from insightv_bench.stages import Dropped

from .files import MAX_LIST, Beside, Fetched, Folder, hash_files, jsonl_rows, local_files, parquet_rows, parquet_schema
from .files import seen_columns as jsonl_columns

NESTED = (pl.List, pl.Array, pl.Struct)
TWO_GOLDS = "the same question has another answer elsewhere"
ODD = (ValueError, TypeError, AttributeError, LookupError, ArithmeticError, RecursionError)
UNREAD = "row cannot be read"
MAX_TEXT = 100_000
"""Characters of one text of a row."""
TWO_MEANINGS = "answer is one option's letter and another's text"
HOLDS = {
    "options": (pl.List, pl.Array, pl.String, pl.Struct),
    "image": (pl.Struct, pl.Binary, pl.String, pl.List, pl.Array),
    "path": (pl.List, pl.Array, pl.String),
}
"""What these columns hold; the others hold text or numbers."""


class Table(NamedTuple):
    """Files, read by one layout; images that rows name by path lie `beside` them."""

    source: TableSource
    origin: Origin
    files: Iterable[Path]
    beside: Beside
    mended: Counter[str]
    """Images that were written anew, by why; filled while the rows are read."""

    def questions(self) -> Iterator[Question | Dropped]:
        """Raises SourceError where a file or one of the needed columns is missing or unreadable."""
        layout = layout_of(self.source)
        first, again = tee(self.files)
        conflicts = conflicting(self._drafts(first, layout), self.beside)
        for number, draft in enumerate(self._drafts(again, layout)):
            if isinstance(draft, Dropped):
                yield draft
                continue
            yield self._question(draft, number, conflicts)

    def _question(self, draft: Draft, number: int, conflicts: Container[str]) -> Question | Dropped:
        try:
            if asked(draft, self.beside) in conflicts:
                draft = draft._replace(problem=draft.problem or TWO_GOLDS)
            return as_question(draft, self.origin, *self._images(draft), row=number)
        except ODD as error:
            return unread(number, error)

    def _drafts(self, files: Iterable[Path], layout: Layout) -> Iterator[Draft | Dropped]:
        rows = (row for file in files for row in file_rows(file, layout, self.source))
        images = {name for field, names in layout.needs if field == "image" for name in names}
        for number, row in enumerate(islice(rows, self.source.limit)):
            yield row if isinstance(row, Dropped) else drafted(row, layout, number, images)

    def _images(self, draft: Draft) -> tuple[tuple[Image, ...], str]:
        """All of the row's images in order, or the first problem with one."""
        if self.source.images == OF_TEXT:
            return (), ""
        checked = []
        for value in draft.images or (() if self.source.images == MIXED else (None,)):
            content, problem = fetched(value, self.beside)
            image = check_image(content, self.source.max_pixels)
            if problem or image.image is None:
                return (), problem or image.problem
            checked.append(image)
        self.mended.update(image.mended for image in checked if image.mended)
        return tuple(image.image for image in checked if image.image), ""


def conflicting(drafts: Iterable[Draft | Dropped], beside: Beside) -> set[str]:
    """What is asked with different answers: nobody can say which is right, so none of them is asked."""
    golds: dict[str, str] = {}
    conflicts: set[str] = set()
    for draft in drafts:
        if isinstance(draft, Dropped):
            continue
        try:
            if problem_with(draft):
                continue
            gold, answer_type = type_answer(draft)
            key = asked(draft, beside)
            known = golds.setdefault(key, gold)
            if known != gold and not matches(gold, known, answer_type, draft.options):
                conflicts.add(key)
        except ODD:
            continue  # it is left out with its reason when it is read
    return conflicts


def asked(draft: Draft, beside: Beside) -> str:
    """A key of what a row asks: an image is its bytes, whatever the file is called that holds them."""
    hashes = []
    for value in draft.images:
        content, problem = fetched(value, beside)
        hashes.append(f"{value}" if problem else hashlib.sha256(content).hexdigest())
    return content_id(draft.question, draft.options, hashes)


def drafted(row: dict[str, Any], layout: Layout, number: int, images: Container[str]) -> Draft | Dropped:
    """`images`: columns whose text may be an image, and is as long as one."""
    if problem := odd_value({name: value for name, value in row.items() if name not in images}):
        return Dropped(f"row {number}", problem)
    try:
        return layout.draft(row)
    except ODD as error:  # one row's own: whatever it holds in the place of what its column should
        return unread(number, error)


def unread(number: int, error: Exception) -> Dropped:
    return Dropped(f"row {number}", UNREAD, f"{type(error).__name__}: {str(error)[:200]}")


def odd_value(row: Row) -> str:
    """Why a row is no question, whatever its columns mean: its texts and lists have bounds."""
    for name, value in row.items():
        items = value if isinstance(value, (list, tuple)) else (value,)
        if len(items) > MAX_LIST:
            return f"`{name[:40]}` is a list of more than {MAX_LIST:,}"
        if any(isinstance(item, str) and len(item) > MAX_TEXT for item in items):
            return f"`{name[:40]}` is longer than {MAX_TEXT:,} characters"
    return ""


def read_local(source: FileSource, mended: Counter[str]) -> Table:
    """Raises SourceError where there are no files."""
    files = local_files(source)
    path = Path(source.path)
    folder = path if path.is_dir() else path.parent
    beside = Folder(Path(source.images_folder) if source.images_folder else folder, folder)
    origin = Origin(source.name, source.revision or hash_files(files), source.license)
    return Table(source, origin, files, beside, mended)


def layout_of(source: TableSource) -> Layout:
    reader = source.known_reader
    if reader:
        return BENCHMARKS[reader].layout
    assert source.columns is not None  # the settings hold one or the other
    return by_columns(source.columns)


def by_columns(columns: Columns) -> Layout:
    needs = tuple((field, (name,)) for field, names in columns.named() for name in names)

    def draft(row: Row) -> Draft:
        options, problem = _mapped_options(row, columns.options or ())
        answer, unread = gold_of(row.get(columns.answer), options, columns.index_from)
        letter = letter_of(answer, options)  # of one option, where it is the text of another: only a reader could tell
        means_two = letter and letter != answer.upper() and answer.upper() in LETTERS[: len(options)]
        return Draft(
            question=cell(row.get(columns.question)),
            answer=answer,
            images=image_cells(row.get(name) for name in columns.image),
            options=options,
            id=cell(row.get(columns.id)) if columns.id else "",
            kind=cell(row.get(columns.kind)) if columns.kind else "",
            problem=problem or unread or (TWO_MEANINGS if means_two else ""),
            rationale=mapped_rationale(row, columns.path),
        )

    return Layout(needs, draft)


def mapped_rationale(row: Row, mapped: PathColumns | None) -> tuple[Step, ...]:
    """The steps of the columns that hold the authors' own solution; each item of a list is a step of its own."""
    if mapped is None:
        return ()
    steps: list[Step] = []
    for name, summary in mapped.summaries.items():
        value = row.get(name)
        if isinstance(value, (list, tuple)):
            steps += rationale_of((Part(summary, cell(item).replace("\n", " ")) for item in value), "lines")
        else:
            steps += rationale_of([Part(summary, cell(value))], mapped.split)
    return tuple(
        step.model_copy(update={"action": "continue" if place < len(steps) else "summary"})
        for place, step in enumerate(steps, 1)
    )


def _mapped_options(row: Row, columns: Sequence[str]) -> tuple[tuple[str, ...], str]:
    """One column of lists, or one column an option of which the last may be empty."""
    if len(columns) != 1:
        return kept_letters([cell(row.get(name)) for name in columns])
    return as_options(row.get(columns[0]))


def file_rows(file: Path, layout: Layout, source: TableSource) -> Iterator[dict[str, Any] | Dropped]:
    """A local file is what its source says that it is, whatever its name; a Hub's file is told by its ending."""
    if isinstance(source, ParquetSource) or (file.suffix == ".parquet" and not isinstance(source, JsonlSource)):
        schema = parquet_schema(file)
        chosen = layout.choose(schema.names(), str(file))
        _check_types(schema, source.columns, file)
        yield from parquet_rows(file, chosen)
        return
    known = jsonl_columns(file)
    if known:
        layout.choose(known, str(file))
    yield from jsonl_rows(file)


def _check_types(schema: pl.Schema, columns: Columns | None, file: Path) -> None:
    for field, names in columns.named() if columns else ():
        for column in names:
            if not _fits(field, schema[column]):
                wanted = {"options": "lists, texts or a table by letter", "path": "text or lists of texts"}
                wanted["image"] = "bytes, structs with a field `bytes`, or paths"
                raise SourceError(
                    f"column `{column}` of `{file}`, for `{field}`, holds {schema[column]}",
                    f"make it {wanted.get(field, 'text or numbers')}",
                )


def _fits(field: str, dtype: pl.DataType) -> bool:
    plain = not isinstance(dtype, NESTED) and dtype != pl.Binary
    if field == "answer" and isinstance(dtype, (pl.List, pl.Array)):
        return True
    if field == "options" and isinstance(dtype, pl.Struct) and any(part.dtype == pl.Binary for part in dtype.fields):
        return False  # an image, not a table by letter
    return dtype == pl.Null or (isinstance(dtype, HOLDS[field]) if field in HOLDS else plain)


def fetched(value: Any, beside: Beside) -> Fetched:
    """The bytes of an image: the cell's own, or those of the file that it names."""
    if isinstance(value, dict):
        value = value.get("bytes") or value.get("path")
    if isinstance(value, str) and value.strip():
        inline = inline_image(value.strip())
        if inline is None:
            return beside.fetch(value.strip())
        return Fetched(b"", inline) if isinstance(inline, str) else Fetched(inline)
    return Fetched(value) if isinstance(value, bytes) and value else Fetched(b"", NO_IMAGE)
