"""Where questions come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from insightv_bench.sources import Split as PathSplit
from insightv_bench.sources.benchmarks import BENCHMARKS
from insightv_bench.world import Split

from .base import Section


class WorldSource(Section):
    """Questions of the drawn world, at the recipe's level."""

    source: Literal["world"] = "world"
    split: Split
    num: int = Field(ge=1)
    seed: int = 0
    """Added to the run's seed, so that two slices of one split differ."""
    fixed: bool = False
    """The same questions whatever the run's seed: `seed` alone tells them."""


Names = Annotated[tuple[str, ...], BeforeValidator(lambda value: (value,) if isinstance(value, str) else value)]
"""One column, or several in order."""
if TYPE_CHECKING:
    Reader = str
else:
    Reader = Literal[tuple(BENCHMARKS)]
READERS: dict[str, Reader] = {name: benchmark.name for benchmark in BENCHMARKS.values() for name in benchmark.hub}
"""The reader of a data set by its Hub id, where the recipe names neither `columns` nor `reader`."""


OF_TEXT, MIXED = "none", "optional"


class PathColumns(Section):
    """Which columns hold the authors' own solution, and how it falls into steps."""

    columns: dict[str, str] | Names
    """One column, or several in order, of text or of lists of steps; or a table of columns and of what each does in a
    few words, `explanation: find the pattern` say, which becomes the summary of its steps."""
    split: PathSplit = "sentences"
    """Where the text of a column is cut: at sentences, at lines, or at numbers such as `Step 2:`."""

    @property
    def summaries(self) -> dict[str, str]:
        """Column -> what its steps do; empty where nothing is said."""
        return self.columns if isinstance(self.columns, dict) else dict.fromkeys(self.columns, "")


class Columns(Section):
    """Which column of a table holds what."""

    question: str
    answer: str
    """The answer's text; with options also their letter."""
    image: Names = ()
    """Bytes, a struct with `bytes`, a path inside the data's folder, or a list of these; several columns in order."""
    options: Names | None = None
    """A list, a list written as text, a table by letter, a text such as `A. cat; B. dog`, or one column an option."""
    index_from: Literal[0, 1] | None = None
    """Where the answer is an option's number: that of the first one."""
    id: str | None = None
    kind: str | None = None
    path: PathColumns | None = None
    """The authors' own solution, from which `source: gold` makes a path."""

    def named(self) -> list[tuple[str, tuple[str, ...]]]:
        """Each field that is mapped, with its columns."""
        given = self.model_dump(exclude_none=True, exclude={"index_from"})
        given |= {"path": tuple(self.path.summaries)} if self.path else {}
        return [(field, (names,) if isinstance(names, str) else tuple(names)) for field, names in given.items()]


class TableSource(Section):
    """What questions of a table have in common, wherever it lies."""

    columns: Columns | None = None
    reader: Reader | None = None
    """Knows a data set's columns, answer forms and several images; in place of `columns`."""
    images: str | None = None
    """`none`: questions of text alone; `optional`: a row without an image is one too; left out, it is dropped."""
    limit: int | None = Field(None, ge=1)
    """At most this many rows are read."""
    max_pixels: int = Field(40_000_000, ge=1)

    @property
    def set_name(self) -> str:
        raise NotImplementedError

    @property
    def known_reader(self) -> Reader | None:
        return self.reader or (None if self.columns else READERS.get(self.set_name))

    @property
    def has_rationale(self) -> bool:
        """Whether its rows hold their authors' own solutions."""
        if self.columns:
            return self.columns.path is not None
        return self.known_reader is not None and BENCHMARKS[self.known_reader].rationale

    @model_validator(mode="after")
    def _told_once(self) -> TableSource:
        if self.columns and self.reader:
            raise ValueError("`columns` and `reader` both say what its columns hold; leave one out")
        if not self.columns and not self.known_reader:
            raise ValueError(f"`columns` is missing: nothing else says what the columns of `{self.set_name}` hold")
        if self.columns and not self.columns.image and self.images != OF_TEXT:
            raise ValueError("`columns.image` is missing; of questions without images say `images: none`")
        return self


class FileSource(TableSource):
    """Questions of local files."""

    path: str
    """A file, or a folder of them; relative to the current folder."""
    name: str
    """The data set's name, its Hub id where it has one."""
    revision: str | None = None
    """Left out, it is a hash of the files."""
    license: str = "unknown"
    images: str | None = None
    """A folder where images lie that rows name by path, if not beside the data; links into it are followed. `none`:
    questions of text alone; `optional`: a row without an image is one too; else it is dropped."""

    @property
    def images_folder(self) -> str:
        """Where images lie that rows name by path; empty: beside the data."""
        return "" if self.images in (None, OF_TEXT, MIXED) else str(self.images)

    @property
    def set_name(self) -> str:
        return self.name


class ParquetSource(FileSource):
    source: Literal["parquet"]


class JsonlSource(FileSource):
    source: Literal["jsonl"]


class HubSource(TableSource):
    """Questions of a data set on the Hub."""

    source: Literal["hub"]
    id: str = Field(pattern=r"^[\w.-]+(/[\w.-]+)?$")
    config: str | None = None
    """`all`: every config of it, in order."""
    split: str
    revision: str | None = None
    """A branch, tag or commit; left out, the newest. A run asks once, and keeps to the commit that it was told."""
    license: str | None = None
    """Left out, it is the data set card's."""

    @property
    def set_name(self) -> str:
        return self.id


class TaskSource(Section):
    """Questions of an lm-eval task that generates: one of ours, one of lm-eval's own, or one from `include_path`."""

    source: Literal["task"]
    task: str
    include_path: str = ""
    """A folder with more task files."""
    revision: str | None = None
    """Of a task of ours on the Hub; left out, the newest commit."""
    data: str = ""
    """A parquet file or a folder of them, read in place of the Hub's, for a task of ours."""
    images: str | None = None
    """`none`: questions of text alone; `optional`: a row without an image is one too; left out, it is dropped."""
    limit: int | None = Field(None, ge=1)
    """At most this many rows are read."""
    max_pixels: int = Field(40_000_000, ge=1)


Source = Annotated[WorldSource | ParquetSource | JsonlSource | HubSource | TaskSource, Field(discriminator="source")]
