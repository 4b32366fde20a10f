"""Figures of a judge that says of every step how likely it is right: F1, ranks, and whether its percent are percent.

Each has n and a 95 % interval over questions. Macro-F1 is the mean of that of right and of wrong steps, after
VisualProcessBench (arXiv 2503.10291); the first wrong step after ProcessBench (2412.06559); ECE after Guo et al. 2017
(1706.04599); intervals of a path's share of right steps by split conformal prediction (Vovk; Lei et al. 2018).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from insightv_bench.records import CalibrationRow, content_id
from insightv_bench.statistics import Interval, accuracy, auroc, calibration_error, first_wrong_f1, macro_f1, spearman

RIGHT = 50
"""From this percent on a step counts as called right."""
BINS = 10
COVERAGE = 0.9
UNREAD = -2


def step_figures(rows: Sequence[CalibrationRow], seed: int = 0) -> dict[str, Any]:
    """Over the rows whose steps are labelled; a reply that could not be read is a miss in the first wrong step, and is
    counted, and is in no other figure."""
    asked = [row for row in rows if row.step_truth]
    read = [row for row in asked if row.step_scores]
    pairs = [
        (row.question_id, score, truth == 1)
        for row in read
        for score, truth in zip(row.step_scores, row.step_truth, strict=True)
        if truth >= 0
    ]
    figures: dict[str, Any] = {"num_paths": len(asked), "num_unread": len(asked) - len(read), "num_steps": len(pairs)}
    if not pairs:
        return figures
    questions, scores, truth = [pair[0] for pair in pairs], [pair[1] for pair in pairs], [pair[2] for pair in pairs]
    called = [score >= RIGHT for score in scores]
    figures |= {name: plain(one) for name, one in macro_f1(called, truth, questions, seed).items()}
    first = first_wrong_f1(
        [_first_called(row) for row in asked], [_first(row.step_truth) for row in asked], _ids(asked), seed
    )
    figures |= {f"first_error_{name}": plain(one) for name, one in first.items()}
    figures["auroc"] = plain(auroc(scores, truth, questions))
    figures["rank_correlation"] = plain(spearman(*_shares(read), _ids(read), seed))
    figures["ece"] = plain(calibration_error([score / 100 for score in scores], truth, BINS, questions, seed))
    figures["reliability"] = reliability(questions, scores, truth, seed)
    return figures | {"conformal": conformal(read, seed)}


def reliability(
    questions: Sequence[str], scores: Sequence[int], truth: Sequence[bool], seed: int
) -> list[dict[str, Any]]:
    """The curve: in each tenth that scores fall into, their mean and the share of steps that are right."""
    places = [min(BINS - 1, score * BINS // 100) for score in scores]
    curve = []
    for place in sorted(set(places)):
        inside = [number for number, one in enumerate(places) if one == place]
        share = accuracy([truth[n] for n in inside], [questions[n] for n in inside], seed)
        mean = sum(scores[n] for n in inside) / len(inside) / 100
        curve.append({"from": place / BINS, "to": (place + 1) / BINS, "mean_score": round(mean, 4), **plain(share)})
    return curve


def conformal(rows: Sequence[CalibrationRow], seed: int) -> dict[str, Any]:
    """How wide an interval about the judge's mean must be to hold the true share of right steps nine times in ten: its
    half-width from one half of the questions, its coverage and mean width, within 0-1, on the other."""
    judged, truth = _shares(rows)
    fitted = [int(content_id(seed, "conformal", row.question_id), 16) % 2 == 0 for row in rows]
    off = sorted(abs(a - b) for a, b, fit in zip(judged, truth, fitted, strict=True) if fit)
    rank = math.ceil((len(off) + 1) * COVERAGE)
    if rank > len(off) or all(fitted):
        return {"coverage": plain(NOTHING), "width": plain(NOTHING), "half_width": None, "num_fitted": len(off)}
    half = off[rank - 1]
    kept = [(row, a, b) for row, a, b, fit in zip(rows, judged, truth, fitted, strict=True) if not fit]
    ids = [row.question_id for row, *_ in kept]
    held = accuracy([abs(a - b) <= half + 1e-9 for _, a, b in kept], ids, seed)
    widths = [min(1.0, a + half) - max(0.0, a - half) for _, a, _ in kept]
    mean = float(np.mean(widths))
    spread = 1.96 * float(np.std(widths, ddof=1)) / math.sqrt(len(widths)) if len(widths) > 1 else 0.0
    width = Interval(mean, max(0.0, mean - spread), min(1.0, mean + spread), len(widths))
    return {"coverage": plain(held), "width": plain(width), "half_width": round(half, 4), "num_fitted": len(off)}


NOTHING = Interval(math.nan, math.nan, math.nan, 0)


def _shares(rows: Sequence[CalibrationRow]) -> tuple[list[float], list[float]]:
    """Of each path: the judge's mean over its labelled steps, and the share of them that is right; 0-1."""
    judged, truth = [], []
    for row in rows:
        known = [(score, label) for score, label in zip(row.step_scores, row.step_truth, strict=True) if label >= 0]
        judged.append(sum(score for score, _ in known) / len(known) / 100 if known else 0.0)
        truth.append(sum(label for _, label in known) / len(known) if known else 0.0)
    return judged, truth


def _first_called(row: CalibrationRow) -> int | None:
    if not row.step_scores:
        return UNREAD
    return next((place for place, score in enumerate(row.step_scores) if score < RIGHT), None)


def _first(truth: Sequence[int]) -> int | None:
    return list(truth).index(0) if 0 in truth else None


def _ids(rows: Sequence[CalibrationRow]) -> list[str]:
    return [row.question_id for row in rows]


def plain(interval: Interval) -> dict[str, Any]:
    """For JSON, which knows no nan: a figure that cannot be told is null."""
    return {name: None if value != value else value for name, value in interval._asdict().items()}
