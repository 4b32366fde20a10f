"""The stages that leave Question rows, and the lessons that a base model starts from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from insightv_bench.errors import StageError
from insightv_bench.records import Question, ReasoningRow
from insightv_bench.settings import HubSource, LessonsSettings, WorldSource
from insightv_bench.sources import NO_IMAGE, distinct
from insightv_bench.stages import Context, WorldOptions
from insightv_bench.world import Level, sample_lessons, sample_questions

from .sources import read_hub, read_local

NO_IMAGES = "of questions without images say `images: none` in their source"


def questions(context: Context[Any, WorldOptions]) -> None:
    """A source -> Question rows, each once. Raises StageError where not one row of a table is a question."""
    source = context.settings
    if isinstance(source, WorldSource):
        rows = read_world(source, context.recipe.world, context.seed, context.options.salt)
        context.write(Question, distinct(context.progress.track(rows, "drawing questions", source.num)))
        return
    mended: Counter[str] = Counter()
    is_hub = isinstance(source, HubSource)
    table = read_hub(source, context.run_folder, mended) if is_hub else read_local(source, mended)
    context.write(Question, distinct(table.questions()))
    context.totals.update(source=table.origin.name, source_revision=table.origin.revision)
    context.totals.update(source_license=table.origin.license, images_mended=dict(mended))
    if not context.num_rows:
        reasons = ", ".join(f"{reason}: {num:,}" for reason, num in context.dropped.items()) or "there are no rows"
        raise StageError(
            f"`{context.stage.name}`: not one row of `{table.origin.name}` is a question ({reasons})",
            NO_IMAGES if set(context.dropped) == {NO_IMAGE} else "check `columns` or `reader`, and the split",
        )


def read_world(source: WorldSource, level: Level, seed: int, salt: str = "") -> Iterator[Question]:
    """Questions of the drawn world; a fixed set is the same whatever the run's seed."""
    own = source.seed if source.fixed else seed * 1000 + source.seed
    return sample_questions(level, source.split, own, source.num, salt)


def lessons(context: Context[LessonsSettings, WorldOptions]) -> None:
    """The drawn world's lessons as rows to train on."""
    settings = context.settings
    rows = sample_lessons(context.recipe.world, context.seed, settings.num, settings.mix)
    context.write(ReasoningRow, context.progress.track(rows, "drawing lessons", settings.num))
