"""The models that assess: scores by one, and what a manifest says of them.

All right paths of a question are scored in one call, so that their scores compare. Their order is a shuffle by seed,
recorded as each one's position. A text that stands twice is shown once, and both get its score. With a second pass the
same paths are shown in reversed order and the score is the mean of both.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any, NamedTuple

from insightv_bench.agents import path_text
from insightv_bench.chat import load_prompt
from insightv_bench.engines import Caller, Costs, figures_of
from insightv_bench.judge_replies import ANSWER, SCORE, Rating, combine, read_ratings, score_chat
from insightv_bench.judging import REPAIR, AnswerFilter, Asked, ask_strictly
from insightv_bench.records import Path, Question, content_id
from insightv_bench.settings import AssessSettings, EngineSettings
from insightv_bench.stages import Context

Group = tuple[Question, list[Path]]


class Scored(NamedTuple):
    """What the judge gave one path."""

    position: int
    """0-based place in the first pass."""
    judge: str
    """The model's name and revision."""
    passes: tuple[Rating, ...] = ()
    """One a pass; empty where the judge failed."""
    reason: str = ""

    def mean(self, part: str) -> int:
        return round(sum(getattr(rating, part) for rating in self.passes) / len(self.passes))

    def scores(self, detail_share: float) -> tuple[int, ...]:
        return tuple(combine(rating, detail_share) for rating in self.passes)

    def score(self, detail_share: float) -> int:
        scores = self.scores(detail_share)
        return round(sum(scores) / len(scores))


class Scorer:
    """Rates the paths of one question at a time."""

    def __init__(self, settings: AssessSettings, caller: Caller, seed: int) -> None:
        self._settings, self.caller, self._seed = settings, caller, seed

    async def score(self, question: Question, paths: Sequence[Path]) -> dict[str, Scored]:
        """By path id. A pass that could not be read leaves all of the question's paths without a score."""
        by_text = await self.score_texts(question, [path_text(path) for path in paths])
        return {path.id: by_text[path_text(path)] for path in paths}

    async def score_texts(self, question: Question, texts: Sequence[str]) -> dict[str, Scored]:
        """By text."""
        # The distinct texts, shuffled by seed, the same whatever order they come in.
        shown = sorted(set(texts), key=lambda text: content_id(self._seed, question.id, text))
        first = await self._one_pass(question, shown)
        passes, reason = [first.value], first.reason
        if self._settings.second_pass and first.value:
            second = await self._one_pass(question, shown[::-1])
            passes.append(second.value[::-1] if second.value else None)
            reason = f"second pass: {second.reason}" if second.reason else ""
        ratings = [each for each in passes if each]
        whole = len(ratings) == len(passes)
        return {
            text: Scored(place, self.caller.model, tuple(each[place] for each in ratings) if whole else (), reason)
            for place, text in enumerate(shown)
        }

    async def _one_pass(self, question: Question, shown: Sequence[str]) -> Asked[list[Rating]]:
        read = partial(read_ratings, num_paths=len(shown))
        chat = score_chat(question, shown)
        return await ask_strictly(self.caller, chat, self._settings.sampling, self._settings.tries, read, SCORE)


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
