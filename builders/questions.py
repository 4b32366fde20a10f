"""The stages that leave Question rows, and the lessons that a base model starts from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from insightv_bench.records import Question, ReasoningRow
from insightv_bench.settings import LessonsSettings, ParquetSource, WorldSource
from insightv_bench.stage import Context, Dropped, drop
from insightv_bench.world.lessons import sample_lessons

from .sources.table import read_table
from .sources.world import read_world


def questions(context: Context) -> None:
    """A source -> Question rows, each once."""
    context.write(Question, _distinct(_read(context)))


def _read(context: Context) -> Iterable[Question | Dropped]:
    source = context.stage.settings
    if isinstance(source, ParquetSource):
        return read_table(source)
    assert isinstance(source, WorldSource)
    rows = read_world(source, context.recipe.world, context.seed)
    return context.progress.track(rows, "drawing questions", source.num)


def _distinct(rows: Iterable[Question | Dropped]) -> Iterator[Question | Dropped]:
    seen: set[str] = set()
    for row in rows:
        if isinstance(row, Question) and row.id in seen:
            yield drop(row, "duplicate")
        else:
            seen.add(row.id)
            yield row


def lessons(context: Context) -> None:
    """The drawn world's lessons as rows to train on."""
    settings = context.stage.settings
    assert isinstance(settings, LessonsSettings)
    rows = sample_lessons(context.recipe.world, context.seed, settings.num, settings.mix)
    context.write(ReasoningRow, context.progress.track(rows, "drawing lessons", settings.num))
