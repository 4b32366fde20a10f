"""Hard-question mining: questions are answered directly first, and those that no try gets right are kept for paths.

An unreadable reply is a wrong one, since a generator that cannot say its answer needs the path; it is counted apart. A
question that some try gets right is left out with that reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

from insightv_bench.answers import is_gold, read
from insightv_bench.chat import ask
from insightv_bench.engines import Caller, open_engine
from insightv_bench.errors import StageError
from insightv_bench.journal import Reply, Request
from insightv_bench.records import Question
from insightv_bench.settings import HardSettings, TeacherEngine
from insightv_bench.stages import Context, Dropped, Options, drop

from .portions import QUESTIONS_AT_ONCE

EASY = "answered right without a path"


def hard(context: Context[HardSettings, Options]) -> None:
    """Input: `questions`. Raises StageError where every question is answered right."""
    settings = context.settings
    num = context.num_rows_of("questions")
    context.write(Question, _mine(context, settings, num))
    if not context.num_rows:
        raise StageError(
            f"`{context.stage.name}`: `{context.totals['model']}` answers all {num:,} questions right",
            "ask harder questions, or leave `hard` out of the recipe",
        )


def _mine(context: Context, settings: HardSettings, num: int) -> Iterator[Question | Dropped]:
    assert settings.engine is not None
    replies: Counter[str] = Counter()
    teacher = isinstance(settings.engine, TeacherEngine)
    scenes = {q.image_sha256[0]: q.scene for q in context.rows("questions", Question) if q.scene} if teacher else {}
    bar = context.progress.start("answering directly", num * settings.num_tries)

    def advance(reply: Reply, hit: bool) -> None:
        context.progress.advance(bar, rate=f"{caller.num_tokens:,} tokens")

    engine = open_engine(context.resolve(settings.engine), scenes)
    with Caller(engine, context.journal, advance, context.seed) as caller:
        context.totals["model"] = caller.model
        questions = context.rows("questions", Question)  # a portion at a time: all images may not fit
        while portion := list(islice(questions, QUESTIONS_AT_ONCE)):
            for question, verdicts in zip(portion, _verdicts(caller, settings, portion), strict=True):
                replies.update(verdicts)
                yield drop(question, EASY) if "right" in verdicts else question
        context.totals.update(replies=dict(replies), num_tokens=caller.num_tokens)
        context.totals.update(num_calls=caller.num_calls + caller.num_hits)
    context.progress.stop(bar)


def _verdicts(caller: Caller, settings: HardSettings, questions: Sequence[Question]) -> Iterator[list[str]]:
    """For each question the verdicts on its tries."""
    tries = range(settings.num_tries)
    requests = [Request(ask("direct", q), settings.sampling, sample) for q in questions for sample in tries]
    replies = caller.ask_all(requests)
    for place, question in enumerate(questions):
        start = place * settings.num_tries
        yield [verdict(question, reply) for reply in replies[start : start + settings.num_tries]]


def verdict(question: Question, reply: Reply) -> str:
    """`right`, `wrong`, or `unread` where no answer can be read."""
    reading = read(reply.text, question.answer_type, question.options, finish=reply.finish, opened=reply.opened)
    if reading.answer is None:
        return "unread"
    return "right" if is_gold(reading.answer, question) else "wrong"
