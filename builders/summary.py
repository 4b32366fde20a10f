"""The summary corpus: optimal paths, flawed ones of several score ranges, the trained agent's own, and plain questions.

The completion is the verdict on the path, the correction of its first wrong step where a judge knows it, and the gold
answer. The verdict is on the path's answer: a path that errs and still ends right may be followed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import chain

from insightv_bench.agents import path_text, summary_chat
from insightv_bench.answers import matches
from insightv_bench.chat import assistant
from insightv_bench.protocol import Verdict, render_summary
from insightv_bench.records import FlawedRow, Question, SummaryKind, SummaryRow
from insightv_bench.settings import CorporaSettings
from insightv_bench.stage import Context

from .assessed import judge_flawed
from .corpora import Assessed, columns_of, order_key, read_assessed, score_range


def summary(context: Context) -> None:
    """Inputs: questions, teacher's paths, assessments, flawed; then the agent's questions, paths, assessments."""
    settings = context.stage.settings
    assert isinstance(settings, CorporaSettings)
    questions, paths, assessments, flawed, agent_questions, agent_paths, agent_assessments = context.stage.inputs
    rows = chain(
        _optimal(read_assessed(context, questions, paths, assessments), settings),
        _flawed(context, questions, flawed, settings),
        _agent(read_assessed(context, agent_questions, agent_paths, agent_assessments), settings),
        _plain(context.rows(questions, Question)),
    )
    chosen = list(choose(rows, settings, context.seed))
    context.write(SummaryRow, chosen)
    context.totals["kinds"] = dict(Counter(row.kind for row in chosen))
    context.totals["score_ranges"] = dict(Counter(row.score_range for row in chosen))


def choose(rows: Iterable[SummaryRow], settings: CorporaSettings, seed: int) -> Iterator[SummaryRow]:
    """Each kind in its share of `summary_num`, or all there are, the agent's paths half right and half wrong at most.

    A question with the same path twice, as two samples may be, counts once.
    """
    by_kind: dict[tuple[SummaryKind, bool | None], list[SummaryRow]] = defaultdict(list)
    seen: set[tuple[str, str, str]] = set()
    for row in rows:
        key = (row.kind, row.id, row.prompt[0].content)
        if key not in seen:
            seen.add(key)
            by_kind[row.kind, row.path_correct if row.kind == "agent" else None].append(row)
    total_share = sum(settings.summary_shares.values())
    for (kind, verdict), group in by_kind.items():
        num = round(settings.summary_num * settings.summary_shares.get(kind, 0) / total_share)
        group.sort(key=lambda row: order_key(seed, row.id, row.prompt[0].content))
        yield from group[: num if verdict is None else num // 2]


def summary_row(
    question: Question, path: str, kind: SummaryKind, range_: str, correct: bool, correction: str
) -> SummaryRow:
    verdict: Verdict = "right" if correct else "wrong"
    completion = render_summary(question.answer, verdict, "" if correct else correction)
    return SummaryRow(
        **columns_of(question),
        prompt=summary_chat(question, path).messages,
        completion=(assistant(completion),),
        kind=kind,
        score_range=range_,
        path_correct=correct,
    )


def _optimal(rows: Iterable[Assessed], settings: CorporaSettings) -> Iterator[SummaryRow]:
    for row in rows:
        if row.path.status == "complete" and score_range(row.assessment, settings) == "high":
            yield summary_row(row.question, path_text(row.path), "optimal", "high", True, "")


def _flawed(context: Context, questions: str, flawed: str, settings: CorporaSettings) -> Iterator[SummaryRow]:
    by_id = {question.id: question for question in context.rows(questions, Question)}
    for row in context.rows(flawed, FlawedRow):
        question = by_id[row.id]
        correct = matches(row.planted_answer, row.answer, row.answer_type, row.options)
        judgement = judge_flawed(question, row)
        range_ = ("mid" if judgement.score >= settings.mid else "low") if correct else "wrong"
        yield summary_row(question, row.flawed_path, "flawed", range_, correct, judgement.correction)


def _agent(rows: Iterable[Assessed], settings: CorporaSettings) -> Iterator[SummaryRow]:
    for row in rows:
        if row.assessment.correct is None or not row.path.text:
            continue
        correct, range_ = row.assessment.correct, score_range(row.assessment, settings)
        yield summary_row(row.question, path_text(row.path), "agent", range_, correct, row.assessment.correction)


def _plain(questions: Iterable[Question]) -> Iterator[SummaryRow]:
    for question in questions:
        yield SummaryRow(
            **columns_of(question),
            prompt=summary_chat(question, "").messages,
            completion=(assistant(render_summary(question.answer)),),
            kind="plain",
            score_range="none",
            path_correct=None,
        )
