"""One row of the summary corpus: the prompt with a path or without, and the verdict with the answer."""

from __future__ import annotations

from insightv_bench.agents import summary_chat
from insightv_bench.chat import assistant
from insightv_bench.protocol import Verdict, parse_path, render_summary
from insightv_bench.records import Question, SummaryKind, SummaryRow, columns_of
from insightv_bench.world import parse_question, reread, scene_from_json


def summary_row(
    question: Question, path: str, kind: SummaryKind, range_: str, correct: bool, correction: str
) -> SummaryRow:
    """`correction`, of the first wrong step, stands in where no scene says what the steps should have read."""
    verdict: Verdict = "right" if correct else "wrong"
    check = _reread(question, path) if question.scene else "" if correct else correction
    completion = render_summary(question.answer, verdict, check)
    return SummaryRow(
        **columns_of(question),
        prompt=summary_chat(question, path).messages,
        completion=(assistant(completion),),
        kind=kind,
        score_range=range_,
        path_correct=correct,
    )


def _reread(question: Question, path: str) -> str:
    scene = scene_from_json(question.scene)
    return reread(scene, parse_path(path).steps, parse_question(question.question, scene))


def plain_row(question: Question) -> SummaryRow:
    return SummaryRow(
        **columns_of(question),
        prompt=summary_chat(question, "").messages,
        completion=(assistant(render_summary(question.answer)),),
        kind="plain",
        score_range="none",
        path_correct=None,
    )
