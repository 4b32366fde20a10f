"""Two steps, as in the paper: an answer filter, then scores 1-100 for the paths whose answer is right.

A path with a wrong answer is `not_scored`; a right one is scored by the exact `oracle` (drawn world) or by a model
(`engine`), else it is `unscored`. The authors' own solution, where no judge rates it, has their word for it: 100. A
judge whose replies cannot be read leaves `unscored` and the reason, after its tries; a judge that cannot be asked at
all (server down, wrong key) ends the stage with one line, since an outage is no finding about a path: what it answered
is kept, and the same command goes on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from insightv_bench.engines import Costs
from insightv_bench.errors import StageError
from insightv_bench.judge_replies import HIGHEST
from insightv_bench.judging import RULE, Settled, is_right
from insightv_bench.records import Assessment, Path, Question
from insightv_bench.settings import AssessSettings
from insightv_bench.sources import GOLD
from insightv_bench.stages import AskingOptions, Context
from insightv_bench.storage import Images, QuestionsById, questions_of, read_frame, read_slice, with_images
from insightv_bench.world import judge, rate

from ..portions import OpenedOnce, at_once
from .groups import apart, by_question
from .judges import Group, Judges, Scored, who_judged
from .position_effect import Rated, position_effect

__all__ = ["Assessor", "assess", "assess_path", "is_right"]


class Assessor(OpenedOnce):
    """Assesses the paths of a block of questions, and of the next; its models are opened once. A context manager."""

    def __init__(self, context: Context) -> None:
        self._settings = context.settings
        self.judges = Judges(context, self._settings)
        super().__init__(self.judges)
        self.callers = self.judges.callers

    @staticmethod
    def bounds(context: Context, size: int) -> Iterator[tuple[int, int]]:
        """In rows of the paths: those of `size` questions a block."""
        ids = read_frame(context.inputs["paths"], ["question_id"])["question_id"].to_list()
        starts = [place for place, name in enumerate(ids) if not place or name != ids[place - 1]]
        seen = Counter(ids[place] for place in starts)
        if len(seen) < len(starts):
            raise apart(seen.most_common(1)[0][0])
        edges = [*starts[::size], len(ids)]
        return zip(edges, edges[1:], strict=False)

    @staticmethod
    def read(context: Context, start: int, stop: int) -> list[Group]:
        questions, paths = context.inputs["questions"], context.inputs["paths"]
        rows = read_slice(paths, Path, start, stop)
        asked = questions_of(questions, {row.question_id for row in rows})
        return [(asked[name], group) for name, group in by_question(rows)]

    def write(self, groups: Sequence[Group], images: Images | None = None) -> list[Assessment]:
        if images:
            groups = [(with_images(question, images), paths) for question, paths in groups]
        self.judges.look_at(question for question, _ in groups)
        return list(self._assess(groups))

    def _assess(self, groups: Sequence[Group]) -> Iterator[Assessment]:
        settled = self.judges.filter.settle((question, path.answer) for question, paths in groups for path in paths)
        right = {
            question.id: [path for path in paths if settled[question.id, path.answer].correct]
            for question, paths in groups
        }
        scored = self.judges.score([(question, right[question.id]) for question, _ in groups if right[question.id]])
        for question, paths in groups:
            for path in paths:
                verdict = settled[question.id, path.answer]
                yield assess_path(self._settings, question, path, verdict, scored.get(path.id))


def assess(context: Context[AssessSettings, AskingOptions]) -> None:
    """Inputs: `questions`, `paths`."""
    settings = context.settings
    figures = Figures()
    rows = _over_cluster(context, settings) if goes_over(context, settings) else _here(context)
    rows = context.progress.track(rows, "assessing paths", context.num_rows_of("paths"))
    context.write(Assessment, figures.counted(rows))
    context.totals.update(figures.totals(context.seed))


def goes_over(context: Context, settings: AssessSettings) -> bool:
    """Rules and the oracle ask no model, and are as quick here."""
    engines = [engine for engine in (settings.engine, settings.filter_engine) if engine]
    asks = settings.judge == "engine" or settings.filter_engine is not None
    return context.cluster is not None and asks and all(map(context.cluster.takes_blocks, engines))


def _here(context: Context) -> Iterator[Assessment]:
    """In the order of the paths; the texts of a portion of questions are in memory."""
    questions = QuestionsById(context.inputs["questions"])
    groups = by_question(context.rows("paths", Path))
    with Assessor(context) as assessor:
        while portion := list(islice(groups, at_once(context))):
            asked = questions.of(name for name, _ in portion)
            yield from assessor.write([(asked[name], paths) for name, paths in portion])
        context.totals.update(assessor.judges.totals())


def _over_cluster(context: Context, settings: AssessSettings) -> Iterator[Assessment]:
    assert context.cluster
    yield from context.cluster.rows(context, "builders.assessment.stage:Assessor", Assessment)
    costs, models = Costs(**context.totals.pop("costs")), context.totals.pop("models")
    context.totals.update(who_judged(settings, models, costs))


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
    return Assessment(**{**shared, **_score(settings, question, path, scored)})


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
    if scored is None and path.generator == GOLD:
        return {"status": "scored", "score": HIGHEST, "judge": GOLD}
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


class Figures:
    """What the manifest tells of all assessments, counted as they pass."""

    def __init__(self) -> None:
        self._statuses, self._settled, self._unscored = Counter[str](), Counter[str](), Counter[str]()
        self._rated: list[Rated] = []

    def counted(self, rows: Iterable[Assessment]) -> Iterator[Assessment]:
        for row in rows:
            self._statuses[row.status] += 1
            self._settled[row.answer_judge] += 1
            if row.status == "unscored":
                self._unscored[row.reason] += 1
            if row.pass_scores:
                self._rated.append(Rated(row.question_id, row.position, row.pass_scores))
            yield row

    def totals(self, seed: int) -> dict[str, Any]:
        told = {"statuses": self._statuses, "answers_settled_by": self._settled, "unscored": self._unscored}
        figures: dict[str, Any] = {name: dict(counts) for name, counts in told.items()}
        return figures | ({"position_effect": position_effect(self._rated, seed)} if self._rated else {})
