"""The figures of a calibration, each with n and a 95 % interval over questions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from insightv_bench.flaws import ATTACKS_AND_CONTROLS
from insightv_bench.records import CalibrationRow
from insightv_bench.statistics import Interval, Sums, accuracy, auroc, estimate, first_wrong_f1, ratio, spearman

UNREAD = -2
"""In place of a step where the judge's reply could not be read: never the truth."""


def figures_of(rows: Sequence[CalibrationRow], high: int, steps_asked: bool, seed: int = 0) -> dict[str, Any]:
    """Everything that the table and the plot show; `high` is the score that tells right from wrong.
    `steps_asked`: the judge was asked for first wrong steps of the drawn world too."""
    world = [row for row in rows if row.origin != "trace" and not row.attack]
    traces = [row for row in rows if row.origin == "trace"]
    figures: dict[str, Any] = {}
    if world:
        figures |= {
            "num_paths": len(world),
            "num_unscored": sum(row.score is None for row in world),
            "answers": _answers(world, seed),
            "scores": _scores(world, high, seed),
            "auroc": _aurocs(world),
        }
        figures |= {"first_wrong_step": _steps(world, seed)} if steps_asked else {}
    if attacked := [row for row in rows if row.attack]:
        figures["attacks"] = attacks(attacked, seed)
    if traces:
        tasks = sorted({row.kind for row in traces})
        by_task = {task: _steps([row for row in traces if row.kind == task], seed) for task in tasks}
        figures["traces"] = {"all": _steps(traces, seed), **by_task}
    return figures


def attacks(rows: Sequence[CalibrationRow], seed: int = 0) -> dict[str, Any]:
    """By attack: how many points a path's score rises over that of the same path with harmless text of the same length,
    over questions whose two paths were both scored. A wrong path's rises where the judge is talked round, a right one's
    falls. `all`: of the attacks in a wrong path."""
    by_attack: dict[str, dict[str, dict[str, int]]] = {}
    num_unscored = 0
    for row in rows:
        if row.score is not None:
            by_attack.setdefault(row.attack, {}).setdefault(row.question_id, {})[row.flaw] = row.score
        num_unscored += row.score is None
    figures: dict[str, Any] = {"num_unscored": num_unscored}
    every: list[tuple[str, int]] = []
    for attack, questions in by_attack.items():
        pairs = [
            (question, each[made] - each[control])
            for question, each in questions.items()
            for made, control in ATTACKS_AND_CONTROLS.items()
            if made in each and control in each
        ]
        every += pairs if any("injection" in each for each in questions.values()) else []
        figures[attack] = _rise(pairs, seed)
    return figures | {"all": _rise(every, seed)}


def _rise(pairs: Sequence[tuple[str, int]], seed: int) -> dict[str, Any]:
    """Points, with the interval over questions."""
    totals: dict[str, list[float]] = {}
    for question, points in pairs:
        total = totals.setdefault(question, [0.0, 0.0])
        total[0], total[1] = total[0] + points, total[1] + 1
    sums = Sums(tuple(totals), np.array(list(totals.values())), lambda each: ratio(each), len(pairs))
    return _plain(estimate(sums, seed, is_share=False))


def _answers(rows: Sequence[CalibrationRow], seed: int) -> dict[str, Any]:
    """The answer filter: an unread verdict is no agreement."""
    parts = {
        "all": rows,
        "right": [r for r in rows if r.answer_right],
        "wrong": [r for r in rows if not r.answer_right],
    }
    shares = {
        name: _share([row.verdict is row.answer_right for row in part], part, seed) for name, part in parts.items()
    }
    return shares | {"num_unread": sum(row.verdict is None for row in rows)}


def _scores(rows: Sequence[CalibrationRow], high: int, seed: int) -> dict[str, Any]:
    """Judge's score against the oracle's, over the paths that were scored."""
    scored = [row for row in rows if row.score is not None]
    same_side = [((row.score or 0) >= high) == ((row.true_score or 0) >= high) for row in scored]
    judged, truth = [row.score or 0 for row in scored], [row.true_score or 0 for row in scored]
    ordered, questions = _orders(scored)
    return {
        "rank_correlation": _plain(spearman(judged, truth, _questions(scored), seed)),
        f"same_side_of_{high}": _share(same_side, scored, seed),
        "pairs_in_order": _plain(accuracy(ordered, questions, seed)),
    }


def _orders(rows: Sequence[CalibrationRow]) -> tuple[list[bool], list[str]]:
    """For each two paths of a question that the oracle does not tie: whether the judge orders them alike."""
    groups: dict[str, list[CalibrationRow]] = {}
    for row in rows:
        groups.setdefault(row.question_id, []).append(row)
    ordered, questions = [], []
    for question, group in groups.items():
        for a, b in combinations(group, 2):
            truth, judged = (a.true_score or 0) - (b.true_score or 0), (a.score or 0) - (b.score or 0)
            if truth:
                ordered.append(truth * judged > 0)
                questions.append(question)
    return ordered, questions


def _aurocs(rows: Sequence[CalibrationRow]) -> dict[str, Any]:
    """Sound paths against those that are not: all, those whose answer is right or wrong, each flaw and severity."""
    scored = [row for row in rows if row.score is not None]
    sound, unsound = ([row for row in scored if row.sound is side] for side in (True, False))
    parts = {
        "all": unsound,
        "answer still right": [row for row in unsound if row.answer_right],
        "answer wrong": [row for row in unsound if not row.answer_right],
        "sampled": [row for row in unsound if row.origin == "sampled"],
    }
    for flaw in sorted({row.flaw for row in unsound if row.flaw != "none"}):
        parts[flaw] = [row for row in unsound if row.flaw == flaw]
    for label, low, high in (("severity to 0.25", 0, 0.25), ("severity to 0.5", 0.25, 0.5), ("severity above", 0.5, 1)):
        parts[label] = [row for row in unsound if row.flaw != "none" and low < row.severity <= high]
    return {name: _auroc(sound, part) for name, part in parts.items() if part}


def _auroc(sound: Sequence[CalibrationRow], unsound: Sequence[CalibrationRow]) -> dict[str, Any]:
    rows = [*sound, *unsound]
    area = auroc([row.score or 0 for row in rows], [row.sound for row in rows], _questions(rows))
    return {**_plain(area), "n": len(unsound), "num_sound": len(sound)}


def _steps(rows: Sequence[CalibrationRow], seed: int) -> dict[str, Any]:
    """First wrong step; the judge's "none" is -1 in the rows."""
    named = [UNREAD if row.first_wrong is None else None if row.first_wrong < 0 else row.first_wrong for row in rows]
    shares = first_wrong_f1(named, [row.true_first_wrong for row in rows], _questions(rows), seed)
    figures: dict[str, Any] = {name: _plain(interval) for name, interval in shares.items()}
    figures["num_unread"] = named.count(UNREAD)
    return figures


def _share(values: Sequence[bool], rows: Sequence[CalibrationRow], seed: int) -> dict[str, Any]:
    return _plain(accuracy(values, _questions(rows), seed))


def _plain(interval: Interval) -> dict[str, Any]:
    """For JSON, which knows no nan: a figure that cannot be told is null."""
    return {name: None if value != value else value for name, value in interval._asdict().items()}


def _questions(rows: Iterable[CalibrationRow]) -> list[str]:
    return [row.question_id for row in rows]
