"""Whether a judge that sees several paths at once favours a place in its prompt.

Places are compared within a question, as score less the question's mean score, so that questions with many paths do not
stand for the late places. Where there was a second pass in reversed order, the ranks of the two are correlated: 1 says
that the order does not matter.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

from insightv_bench.records import Assessment
from insightv_bench.statistics import spearman


class Rated(NamedTuple):
    """Of an Assessment, what is looked at here: all those of a run are held."""

    question_id: str
    position: int | None
    pass_scores: tuple[int, ...]


def position_effect(rows: Sequence[Rated | Assessment], seed: int) -> dict[str, Any]:
    """For the manifest; `rows` are scored and have `pass_scores` and `position`. Scores are 1-100."""
    places = _placed(rows)
    figures: dict[str, Any] = {
        "num": {place: len(scores) for place, scores in places.items()},
        "mean_score": {place: _mean([score for score, _ in scores]) for place, scores in places.items()},
        "mean_score_less_questions": {place: _mean([less for _, less in scores]) for place, scores in places.items()},
    }
    twice = [row for row in rows if len(row.pass_scores) > 1]
    if twice:
        first, second = ([row.pass_scores[number] for row in twice] for number in (0, 1))
        correlation = spearman(first, second, [row.question_id for row in twice], seed)
        figures["rank_correlation_of_passes"] = correlation._asdict()
        figures["mean_score_of_passes"] = [_mean(first), _mean(second)]
    return figures


def _placed(rows: Sequence[Rated | Assessment]) -> dict[int, list[tuple[int, float]]]:
    """By place in the prompt, over all passes: the score, and the score less its question's mean in that pass."""
    questions: dict[str, dict[int, Rated | Assessment]] = defaultdict(dict)
    for row in rows:
        assert row.position is not None  # a rated path was shown somewhere
        questions[row.question_id].setdefault(row.position, row)  # a text that stands twice was shown once
    places: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for shown in questions.values():
        for number in range(len(next(iter(shown.values())).pass_scores)):
            mean = sum(row.pass_scores[number] for row in shown.values()) / len(shown)
            for position, row in shown.items():
                place = position if number == 0 else len(shown) - 1 - position
                score = row.pass_scores[number]
                places[place].append((score, score - mean))
    return dict(sorted(places.items()))


def _mean(values: Sequence[float]) -> float:
    return round(sum(values) / len(values), 3)
