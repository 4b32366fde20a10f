"""Two steps, as in the paper: an answer filter, then scores 1-100 for the paths whose answer is right.

The filter is by rule. The `oracle` judges every step of a path of the drawn world exactly; with `rule` alone a right
path is `unscored`, since nobody rated it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from insightv_bench.answers import matches
from insightv_bench.errors import StageError
from insightv_bench.records import Assessment, Path, Question
from insightv_bench.settings import AssessSettings
from insightv_bench.stage import Context
from insightv_bench.world.oracle import judge


def assess(context: Context) -> None:
    """Inputs: the questions' stage, then the paths' stage."""
    settings = context.stage.settings
    assert isinstance(settings, AssessSettings)
    questions = {question.id: question for question in context.rows(context.stage.inputs[0], Question)}
    paths = context.rows(context.stage.inputs[1], Path)
    context.write(Assessment, _assess_all(context, settings, questions, paths))


def _assess_all(
    context: Context, settings: AssessSettings, questions: dict[str, Question], paths: Iterator[Path]
) -> Iterator[Assessment]:
    statuses: Counter[str] = Counter()
    for path in context.progress.track(paths, "assessing paths", context.num_rows_of(context.stage.inputs[1])):
        assessment = assess_path(settings, questions[path.question_id], path)
        statuses[assessment.status] += 1
        yield assessment
    context.totals["statuses"] = dict(statuses)


def is_right(question: Question, path: Path) -> bool:
    """The answer filter: a path with no answer is wrong, never guessed at."""
    return path.answer is not None and matches(path.answer, question.answer, question.answer_type, question.options)


def assess_path(settings: AssessSettings, question: Question, path: Path) -> Assessment:
    correct = is_right(question, path)
    shared = {"path_id": path.id, "question_id": question.id, "correct": correct, "judge": settings.judge}
    if settings.judge == "rule":
        status = ("unscored", "no judge rated it") if correct else ("not_scored", "wrong answer")
        return Assessment(**shared, status=status[0], reason=status[1])
    if not question.scene:
        raise StageError(
            f"the oracle judges the drawn world alone, not `{question.source}`", "set `assess.judge: rule`"
        )
    judgement = judge(question.question, question.scene, path.steps)
    return Assessment(
        **shared,
        score=judgement.score if correct else None,
        status="scored" if correct else "not_scored",
        step_labels=judgement.labels,
        correction=judgement.correction,
        reason="" if correct else "wrong answer",
    )
