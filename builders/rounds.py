"""Which questions of a table a round asks: none that the evaluation asks, and fresh ones as long as there are."""

from __future__ import annotations

from collections.abc import Iterator

from insightv_bench.errors import StageError
from insightv_bench.records import Question, content_id
from insightv_bench.settings import RoundQuestions
from insightv_bench.stages import Context, Dropped, RoundOptions, drop

EVALUATED = "asked by the evaluation"
Told = tuple[str, tuple[str, ...]]


def round_questions(context: Context[RoundQuestions, RoundOptions]) -> None:
    """Inputs: `questions`, the table; `evaluated`, the evaluation's, where there is one. Raises StageError where no
    question is left.

    Rounds go through the table in an order drawn by the run's seed; once it is through, from its beginning again.
    """
    evaluated = {what_is_asked(question) for question in asked(context, "evaluated")}
    left = [question.id for question in asked(context, "questions") if what_is_asked(question) not in evaluated]
    if not left:
        raise StageError(
            f"`{context.stage.name}`: no question is left: the evaluation asks all of them",
            "set `limit` in the evaluation's source, or name other rows in `rounds.questions`",
        )
    num = context.settings.num or len(left)
    first = num * max(0, context.options.round - 1)
    in_order = sorted(left, key=lambda id_: content_id(context.seed, id_))
    wanted = {in_order[place % len(left)] for place in range(first, first + num)}
    context.write(Question, _rows(context, wanted, evaluated))
    context.totals["asked_by_rounds_before"] = min(len(wanted), max(0, first + num - len(left))) if first else 0


def asked(context: Context[RoundQuestions, RoundOptions], role: str) -> Iterator[Question]:
    return context.questions(role) if role in context.inputs else iter(())


def what_is_asked(question: Question) -> Told:
    """The same for a question that stands in two tables."""
    return " ".join(question.question.split()), question.image_sha256


def _rows(
    context: Context[RoundQuestions, RoundOptions], wanted: set[str], evaluated: set[Told]
) -> Iterator[Question | Dropped]:
    for question in context.questions():
        if what_is_asked(question) in evaluated:
            yield drop(question, EVALUATED)
        elif question.id in wanted:
            yield question
