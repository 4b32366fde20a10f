"""The answer that most of several give (Wang et al., arXiv 2203.11171)."""

from __future__ import annotations

from collections.abc import Sequence

from insightv_bench.records import AnswerType

from .match import matches

VERDICTS = {"right": 100, "none": 50, "wrong": 1}
"""What a summary agent's verdict on a path counts as, where paths are chosen by it; 1-100."""


def majority(answers: Sequence[str], answer_type: AnswerType, options: Sequence[str] = ()) -> str | None:
    """The answer given most often, the earliest of them where several are, however they are spelt; None of none."""
    groups: list[list[str]] = []
    for answer in answers:
        group = next((group for group in groups if matches(answer, group[0], answer_type, options)), None)
        if group is None:
            groups.append([answer])
        else:
            group.append(answer)
    return max(groups, key=len)[0] if groups else None
