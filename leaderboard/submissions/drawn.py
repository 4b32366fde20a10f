"""The drawn world's public sets, drawn again: what a submission says of a question is what the question is.

Of other questions nobody here knows the gold answers. These come from a level and a seed, so a gold answer that was
changed in every row, a tolerance that was widened, a question that was made easier, are all seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import polars as pl

from insightv_bench.errors import SourceError
from insightv_bench.world import LEVELS, fixed_questions, fixed_version

TASK = re.compile(rf"insightv_({'|'.join(LEVELS)})")
VERSION = re.compile(rf"{re.escape(fixed_version())}(?:-fresh-(\d{{1,18}}))?(?:-first-\d{{1,9}})?")
COLUMNS = {"question": "question", "options": "options", "gold": "answer", "answer_type": "answer_type"}
COLUMNS |= {"kind": "kind", "tolerance": "tolerance"}
"""Of a row -> of the question."""


def problems(frame: pl.DataFrame) -> Iterator[str]:
    """What rows of the drawn world's sets say otherwise than their questions, a line each."""
    asked = frame.select("task", "task_version", "question_id", *COLUMNS).unique(maintain_order=True)
    for (task, version), rows in asked.group_by("task", "task_version", maintain_order=True):
        level, told = TASK.fullmatch(str(task)), VERSION.fullmatch(str(version))
        if not level or not told:
            continue  # a set, or a version of one, that this package does not draw
        try:
            drawn = {each.id: each for each in fixed_questions(level[1], int(told[1]) if told[1] else None)}
        except SourceError as error:
            yield f"`{task}`, version `{version}`, cannot be drawn: {error.fact}"
            continue
        for row in rows.iter_rows(named=True):
            question = drawn.get(row["question_id"])
            if question is None:
                yield f"question `{row['question_id']}` is none of `{task}`, version `{version}`"
                continue
            for column, name in COLUMNS.items():
                ours = getattr(question, name)
                ours = list(ours) if isinstance(ours, tuple) else ours
                if row[column] != ours:
                    said, is_ = str(row[column])[:60], str(ours)[:60]
                    yield f"question `{row['question_id']}` of `{task}`: `{column}` says `{said}`, and it is `{is_}`"
