"""The answer that most of several give (Wang et al., arXiv 2203.11171)."""

from __future__ import annotations

from collections.abc import Sequence

from insightv_bench.records import AnswerType, content_id

from .match import matches

VERDICTS = {"right": 100, "none": 50, "wrong": 1}
"""What a summary agent's verdict on a path counts as, where paths are chosen by it; 1-100."""


def majority(answers: Sequence[str], answer_type: AnswerType, options: Sequence[str], question_id: str) -> str | None:
    """The answer given most often, however they are spelt; None of none.

    Of several given equally often one is drawn by `question_id`, whatever their order: were it the earliest, a vote of
    two would be the first path by construction.
    """
    groups: list[list[str]] = []
    for answer in answers:
        group = next((group for group in groups if matches(answer, group[0], answer_type, options)), None)
        if group is None:
            groups.append([answer])
        else:
            group.append(answer)
    most = max(map(len, groups), default=0)
    tied = [min(group) for group in groups if len(group) == most]
    drawn = min(tied, key=lambda answer: content_id(question_id, answer), default=None)
    return next((group[0] for group in groups if min(group) == drawn), None)
