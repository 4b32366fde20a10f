"""Question -> K paths, with whatever engine the recipe names.

A malformed path is a row like any other: its status says so, and the manifest counts it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TypeVar

from insightv_bench.agents import ReasoningAgent
from insightv_bench.costs import costs_of
from insightv_bench.engines import Caller, open_engine
from insightv_bench.journal import Reply
from insightv_bench.records import Path, Question
from insightv_bench.settings import OpenAIEngine, PathsSettings
from insightv_bench.stage import Context
from insightv_bench.tables import batched

T = TypeVar("T")
QUESTIONS_AT_ONCE = 1024
"""Rows are kept and written in such portions; a batch engine plans its batches within one."""


def paths(context: Context) -> None:
    settings = context.stage.settings
    assert isinstance(settings, PathsSettings)
    questions = list(context.questions(context.stage.inputs[0]))
    context.write(Path, _write_paths(context, settings, questions))


def _write_paths(context: Context, settings: PathsSettings, questions: list[Question]) -> Iterator[Path]:
    statuses: Counter[str] = Counter()
    scenes = {question.image_sha256[0]: question.scene for question in questions if question.scene}
    bar = context.progress.start("writing paths", len(questions) * settings.num_paths)
    one_call = settings.mode == "one-call"

    def advance(reply: Reply | None = None, hit: bool = False) -> None:
        spent = caller.budget.spent.cost_usd
        context.progress.advance(bar, rate=f"{caller.num_tokens:,} tokens" + (f" ${spent:,.2f}" if spent else ""))

    async def write(question: Question, sample: int) -> Path:
        path = await agent.write(question, sample)
        if not one_call:
            advance()
        return path

    engine = open_engine(context.resolve(settings.engine), scenes)
    with Caller(engine, context.journal, advance if one_call else None, context.seed) as caller:
        agent = ReasoningAgent(caller, settings)
        for portion in batched(questions, QUESTIONS_AT_ONCE):
            for path in caller.run([write(question, k) for question in portion for k in range(settings.num_paths)]):
                statuses[path.status] += 1
                yield path
        context.totals.update(statuses=dict(statuses), num_calls=caller.num_calls + caller.num_hits)
        context.totals.update(num_tokens=caller.num_tokens, model=caller.model)
        context.totals.update(costs=costs_of(caller))
        if isinstance(settings.engine, OpenAIEngine):
            context.totals.update(cost_usd=round(context.journal.spent(caller.model).cost_usd, 4))
    context.progress.stop(bar)
