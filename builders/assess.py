"""Two steps, as in the paper: an answer filter, then scores 1-100 for the paths whose answer is right.

A path with a wrong answer is `not_scored`; a right one is scored by the exact `oracle` (drawn world) or by a model
(`engine`), else it is `unscored`. A judge whose replies cannot be read leaves `unscored` and the reason, after its
tries; a judge that cannot be asked at all (server down, wrong key) ends the stage with one line, since an outage is no
finding about a path: what it answered is kept, and the same command goes on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from itertools import groupby, islice
from typing import Any

from insightv_bench.answer_filter import RULE, AnswerFilter, Settled, is_right
from insightv_bench.asking import REPAIR
from insightv_bench.chat import load_prompt
from insightv_bench.engines import Caller, open_engine
from insightv_bench.errors import StageError
from insightv_bench.judging import ANSWER, SCORE
from insightv_bench.records import Assessment, Path, Question
from insightv_bench.settings import AssessSettings, EngineSettings
from insightv_bench.stage import Context
from insightv_bench.world.oracle import judge, rate

from .position_effect import position_effect
from .scoring import Scored, Scorer

__all__ = ["Judges", "assess", "assess_path", "is_right"]
Group = tuple[Question, list[Path]]
QUESTIONS_AT_ONCE = 1024
"""Rows are kept and written in such portions; a batch engine plans its batches within one."""


class Judges:
    """The models that assess, opened once: use as a context manager."""

    def __init__(self, context: Context, settings: AssessSettings, questions: Iterable[Question]) -> None:
        self._context, self._settings = context, settings
        self._scenes = {q.image_sha256[0]: q.scene for q in questions if q.scene}
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

    def _open(self, engine: EngineSettings) -> Caller:
        opened = open_engine(self._context.resolve(engine), self._scenes)
        self.callers.append(self._stack.enter_context(Caller(opened, self._context.journal, seed=self._context.seed)))
        return self.callers[-1]

    def score(self, groups: Sequence[Group]) -> dict[str, Scored]:
        """By path id; empty where no model scores."""
        if not self.scorer or not groups:
            return {}
        replies = self.scorer.caller.run([self.scorer.score(*group) for group in groups])
        return {path_id: scored for reply in replies for path_id, scored in reply.items()}

    def totals(self) -> dict[str, Any]:
        """For the manifest: who judged, with which prompts, at what cost."""
        if not self.callers:
            return {"judge": self._settings.judge}
        return {
            "judge": [caller.model for caller in self.callers],
            "prompts": [load_prompt(name).label for name in (ANSWER, SCORE, REPAIR)],
            "num_calls": sum(caller.num_calls + caller.num_hits for caller in self.callers),
            "num_tokens": sum(caller.num_tokens for caller in self.callers),
        }


def assess(context: Context) -> None:
    """Inputs: the questions' stage, then the paths' stage."""
    settings = context.stage.settings
    assert isinstance(settings, AssessSettings)
    questions = {question.id: question for question in context.rows(context.stage.inputs[0], Question)}
    paths = context.rows(context.stage.inputs[1], Path)
    with Judges(context, settings, questions.values()) as judges:
        context.write(Assessment, _assess_all(context, settings, judges, questions, paths))
        context.totals.update(judges.totals())


def _assess_all(
    context: Context, settings: AssessSettings, judges: Judges, questions: dict[str, Question], paths: Iterator[Path]
) -> Iterator[Assessment]:
    """In the order of the paths, a portion of questions at a time."""
    made: list[Assessment] = []
    bar = context.progress.start("assessing paths", context.num_rows_of(context.stage.inputs[1]))
    groups = _by_question(questions, paths)
    while portion := list(islice(groups, QUESTIONS_AT_ONCE)):
        for assessment in _assess_portion(settings, judges, portion):
            made.append(assessment)
            context.progress.advance(bar)
            yield assessment
    context.progress.stop(bar)
    context.totals.update(_figures(made, context.seed))


def _by_question(questions: dict[str, Question], paths: Iterable[Path]) -> Iterator[Group]:
    """A question's paths stand together, as the paths' stage writes them; raises StageError where they do not."""
    seen: set[str] = set()
    for question_id, group in groupby(paths, key=lambda path: path.question_id):
        if question_id in seen:
            raise StageError(f"the paths of question `{question_id}` do not stand together", "sort them by question")
        seen.add(question_id)
        yield questions[question_id], list(group)


def _assess_portion(settings: AssessSettings, judges: Judges, portion: Sequence[Group]) -> Iterator[Assessment]:
    settled = judges.filter.settle((question, path.answer) for question, paths in portion for path in paths)
    right = {
        question.id: [path for path in paths if settled[question.id, path.answer].correct]
        for question, paths in portion
    }
    scored = judges.score([(question, right[question.id]) for question, _ in portion if right[question.id]])
    for question, paths in portion:
        for path in paths:
            yield assess_path(settings, question, path, settled[question.id, path.answer], scored.get(path.id))


def assess_path(
    settings: AssessSettings,
    question: Question,
    path: Path,
    settled: Settled | None = None,
    scored: Scored | None = None,
) -> Assessment:
    """`settled`: by rule where it is left out. `scored`: what a model gave this path, where one was asked."""
    settled = settled or Settled(is_right(question, path), RULE)
    shared = {
        "path_id": path.id,
        "question_id": question.id,
        "correct": settled.correct,
        "answer_judge": settled.judge,
        "judge": scored.judge if scored else settings.judge,
    }
    if settings.judge == "oracle":
        shared |= _labelled(question, path)
    if settled.correct is None:
        return Assessment(**shared, status="unscored", reason=f"answer not judged: {settled.reason}")
    if not settled.correct:
        return Assessment(**shared, status="not_scored", reason="wrong answer")
    return Assessment(**shared, **_score(settings, question, path, scored))


def _labelled(question: Question, path: Path) -> dict[str, Any]:
    """What the oracle says of a path's steps, whatever its answer."""
    if not question.scene:
        raise StageError(
            f"the oracle judges the drawn world alone, not `{question.source}`",
            "set `assess.judge: rule`, or `engine` with a model",
        )
    judgement = judge(question.question, question.scene, path.steps)
    return {"step_labels": judgement.labels, "correction": judgement.correction}


def _score(settings: AssessSettings, question: Question, path: Path, scored: Scored | None) -> dict[str, Any]:
    """The columns of a path whose answer is right."""
    if settings.judge == "oracle":
        accuracy, detail = rate(question.question, question.scene, path.steps)
        score = judge(question.question, question.scene, path.steps).score
        return {"score": score, "status": "scored", "accuracy": accuracy, "detail": detail}
    if scored is None:
        return {"status": "unscored", "reason": "no judge rated it"}
    if not scored.passes:
        return {"status": "unscored", "reason": f"not rated: {scored.reason}", "position": scored.position}
    share = settings.detail_share
    return {
        "status": "scored",
        "score": scored.score(share),
        "accuracy": scored.mean("accuracy"),
        "detail": scored.mean("detail"),
        "position": scored.position,
        "pass_scores": scored.scores(share),
    }


def _figures(made: Sequence[Assessment], seed: int) -> dict[str, Any]:
    """For the manifest."""
    unscored = Counter(row.reason for row in made if row.status == "unscored")
    figures: dict[str, Any] = {
        "statuses": dict(Counter(row.status for row in made)),
        "answers_settled_by": dict(Counter(row.answer_judge for row in made)),
        "unscored": dict(unscored),
    }
    rated = [row for row in made if row.pass_scores]
    return figures | ({"position_effect": position_effect(rated, seed)} if rated else {})
