"""Question -> K paths, with whatever engine the recipe names, here or over a cluster.

A malformed path is a row like any other: its status says so, and the manifest counts it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby, islice

from insightv_bench.agents import ReasoningAgent
from insightv_bench.engines import Caller, costs_of
from insightv_bench.records import Path, Question
from insightv_bench.settings import OpenAIEngine, PathsSettings
from insightv_bench.stages import AskingOptions, Context
from insightv_bench.storage import Images, question_slice, spans, with_images

from .portions import OpenedOnce, at_once

FEW, MOST = 5, 0.9
"""Of so many questions with several paths, the share with equal ones above which it is said."""


class Writer(OpenedOnce):
    """Writes the paths of a block of questions, and of the next; its model is opened once. A context manager."""

    def __init__(self, context: Context, advance: Callable[[], None] = lambda: None) -> None:
        """`advance` is called for each path."""
        self._settings, self._advance = context.settings, advance
        self._one_call = self._settings.mode == "one-call"
        self._scenes: dict[str, str] = {}
        engine = context.open_engine(self._settings.engine, self._scenes)
        self.caller = Caller(engine, context.journal, lambda *_: advance() if self._one_call else None, context.seed)
        super().__init__(self.caller)
        self.callers = (self.caller,)
        self._agent = ReasoningAgent(self.caller, self._settings)

    @staticmethod
    def bounds(context: Context, size: int) -> Iterator[tuple[int, int]]:
        return spans(context.num_rows_of("questions"), size)

    @staticmethod
    def read(context: Context, start: int, stop: int) -> list[Question]:
        return question_slice(context.inputs["questions"], start, stop)

    def write(self, questions: Sequence[Question], images: Images | None = None) -> list[Path]:
        if images:
            questions = [with_images(question, images) for question in questions]
        self._scenes.clear()
        self._scenes.update({q.image_sha256[0]: q.scene for q in questions if q.scene})
        return self.caller.run([self._write(q, k) for q in questions for k in range(self._settings.num_paths)])

    async def _write(self, question: Question, sample: int) -> Path:
        path = await self._agent.write(question, sample)
        if not self._one_call:
            self._advance()
        return path


def paths(context: Context[PathsSettings, AskingOptions]) -> None:
    settings = context.settings
    over = context.cluster is not None and context.cluster.takes_blocks(settings.engine)
    context.write(Path, _counted(context, _over_cluster(context, settings) if over else _here(context, settings)))
    if isinstance(settings.engine, OpenAIEngine):
        context.totals["cost_usd"] = round(context.journal.spent(context.totals["model"]).cost_usd, 4)


def _counted(context: Context, rows: Iterable[Path]) -> Iterator[Path]:
    statuses: Counter[str] = Counter()
    dialects: Counter[str] = Counter()
    num_several = num_equal = 0
    for _, group in groupby(rows, lambda path: path.question_id):
        texts = []
        for path in group:
            statuses[path.status] += 1
            dialects[path.dialect] += 1
            texts.append(path.text)
            yield path
        num_several += len(texts) > 1
        num_equal += len(texts) > 1 and len(set(texts)) == 1
    context.totals.update(statuses=dict(statuses), dialects=dict(dialects))
    if num_equal:
        context.totals["equal_paths"] = {"questions": num_several, "all_equal": num_equal}
    if num_several >= FEW and num_equal >= MOST * num_several:
        words = f"warning: of {num_several:,} questions {num_equal:,} have paths that are all the same text"
        context.progress.say(f"{words}: the model ignores `temperature` or `seed`, or is sure of every word")


def _here(context: Context, settings: PathsSettings) -> Iterator[Path]:
    questions, num = context.questions(), context.num_rows_of("questions")
    bar = context.progress.start("writing paths", num * settings.num_paths)

    def advance() -> None:
        spent = caller.budget.spent.cost_usd
        context.progress.advance(bar, rate=f"{caller.num_tokens:,} tokens" + (f" ${spent:,.2f}" if spent else ""))

    with Writer(context, advance) as writer:
        caller = writer.caller
        while portion := list(islice(questions, at_once(context))):
            yield from writer.write(portion)
        context.totals.update(num_calls=caller.num_calls + caller.num_hits, num_tokens=caller.num_tokens)
        context.totals.update(model=caller.model, costs=costs_of(caller))
    context.progress.stop(bar)


def _over_cluster(context: Context, settings: PathsSettings) -> Iterator[Path]:
    assert context.cluster
    num = context.num_rows_of("questions") * settings.num_paths
    rows = context.cluster.rows(context, "builders.paths:Writer", Path)
    yield from context.progress.track(rows, "writing paths", num)
    costs, models = context.totals["costs"], context.totals.pop("models")
    context.totals.update(num_calls=int(costs["num_calls"]), num_tokens=int(costs["num_tokens"]), model="".join(models))
