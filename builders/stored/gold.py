"""The authors' own solution of each question as a path, where it ends in the gold answer."""

from __future__ import annotations

from insightv_bench.errors import StageError
from insightv_bench.protocol import render_path
from insightv_bench.records import Dropped, Path, Question, Step, content_id, drop
from insightv_bench.settings import GoldPaths
from insightv_bench.sources import GOLD, gold_path
from insightv_bench.stages import Context, StoredOptions
from insightv_bench.storage import read_rows


def gold_paths(context: Context[GoldPaths, StoredOptions]) -> None:
    """Input: `questions`. Raises StageError where not one question has a solution that is a path."""
    questions = read_rows(context.inputs["questions"], Question, ["images"])
    context.write(Path, map(gold_or_dropped, questions))
    context.totals.update(num_calls=0, num_tokens=0, model=GOLD)
    if not context.num_rows and not context.options.may_be_none:
        reasons = ", ".join(f"{reason}: {num:,}" for reason, num in context.dropped.items()) or "there are none"
        raise StageError(
            f"`{context.stage.name}`: not one question has a solution that is a path ({reasons})",
            "map the columns of its solution with `columns.path`, or name another source of paths",
        )


def gold_or_dropped(question: Question) -> Path | Dropped:
    found = gold_path(question)
    return drop(question, found) if isinstance(found, str) else as_gold(question, found)


def as_gold(question: Question, steps: tuple[Step, ...]) -> Path:
    return Path(
        id=content_id(question.id, GOLD, [step.model_dump() for step in steps]),
        question_id=question.id,
        sample=0,
        generator=GOLD,
        prompt="",
        steps=steps,
        answer=question.answer,
        status="complete",
        dialect="json",
        text=render_path(steps, question.answer),
        num_calls=0,
    )
