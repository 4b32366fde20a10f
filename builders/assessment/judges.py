"""The models that assess, and what a manifest says of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from typing import Any

from insightv_bench.chat import load_prompt
from insightv_bench.engines import Caller, Costs, figures_of
from insightv_bench.judging import REPAIR, AnswerFilter
from insightv_bench.protocol import ANSWER, SCORE
from insightv_bench.records import Path, Question
from insightv_bench.settings import AssessSettings, EngineSettings
from insightv_bench.stages import Context

from .scores import Scored, Scorer

Group = tuple[Question, list[Path]]


class Judges:
    """The models that assess, opened once: use as a context manager."""

    def __init__(self, context: Context, settings: AssessSettings, questions: Iterable[Question] = ()) -> None:
        self._context, self._settings = context, settings
        self._scenes: dict[str, str] = {}
        self.look_at(questions)
        self._stack = ExitStack()
        self.callers: list[Caller] = []

    def __enter__(self) -> Judges:
        settings, engine = self._settings, self._settings.filter_engine
        caller = self._open(settings.engine) if settings.judge == "engine" and settings.engine else None
        self.scorer = Scorer(settings, caller, self._context.seed) if caller else None
        same = caller if engine == settings.engine else None
        self.filter = AnswerFilter(settings, same or (self._open(engine) if engine else None))
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)

    def look_at(self, questions: Iterable[Question]) -> None:
        """The scenes that a teacher knows, if one judges, are theirs."""
        self._scenes.clear()
        self._scenes.update({q.image_sha256[0]: q.scene for q in questions if q.scene})

    def _open(self, engine: EngineSettings) -> Caller:
        opened = self._context.open_engine(engine, self._scenes)
        self.callers.append(self._stack.enter_context(Caller(opened, self._context.journal, seed=self._context.seed)))
        return self.callers[-1]

    def score(self, groups: Sequence[Group]) -> dict[str, Scored]:
        """By path id; empty where no model scores."""
        if not self.scorer or not groups:
            return {}
        replies = self.scorer.caller.run([self.scorer.score(*group) for group in groups])
        return {path_id: scored for reply in replies for path_id, scored in reply.items()}

    def totals(self) -> dict[str, Any]:
        """For the manifest."""
        costs = figures_of(self.callers)
        return who_judged(self._settings, [caller.model for caller in self.callers], costs)


def who_judged(settings: AssessSettings, models: Sequence[str], costs: Costs) -> dict[str, Any]:
    """For the manifest: who judged, with which prompts, at what cost."""
    if not models:
        return {"judge": settings.judge}
    prompts = [load_prompt(name).label for name in (ANSWER, SCORE, REPAIR)]
    calls = {"num_calls": int(costs.num_calls), "num_tokens": int(costs.num_tokens)}
    return {"judge": list(models), "prompts": prompts, **calls}
