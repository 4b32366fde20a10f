"""Question -> K paths, with whatever engine the recipe names.

A malformed path is a row like any other: its status says so, and the manifest counts it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TypeVar

from insightv_bench.agents import ReasoningAgent
from insightv_bench.engines import Caller, open_engine
from insightv_bench.records import Path, Question
from insightv_bench.settings import PathsSettings
from insightv_bench.stage import Context
from insightv_bench.tables import batched

T = TypeVar("T")
QUESTIONS_AT_ONCE = 1024
"""Rows are kept and written in such portions; a batch engine plans its batches within one."""


def paths(context: Context) -> None:
    settings = context.stage.settings
    assert isinstance(settings, PathsSettings)
    questions = list(context.rows(context.stage.inputs[0], Question))
    context.write(Path, _write_paths(context, settings, questions))


def _write_paths(context: Context, settings: PathsSettings, questions: list[Question]) -> Iterator[Path]:
    statuses: Counter[str] = Counter()
    total = len(questions) * settings.num_paths
    scenes = {question.image_sha256[0]: question.scene for question in questions if question.scene}
    with Caller(open_engine(context.resolve(settings.engine), scenes), context.journal) as caller:
        agent = ReasoningAgent(caller, settings)
        task = context.progress.start("writing paths", total)
        for portion in batched(questions, QUESTIONS_AT_ONCE):
            chains = [agent.write(question, k) for question in portion for k in range(settings.num_paths)]
            for path in caller.run(chains):
                statuses[path.status] += 1
                yield path
                context.progress.advance(task, rate=f"{caller.num_tokens:,} tokens")
        context.progress.stop(task)
        context.totals.update(statuses=dict(statuses), num_calls=caller.num_calls + caller.num_hits)
        context.totals.update(num_tokens=caller.num_tokens, model=caller.model)
