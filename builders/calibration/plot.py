"""A calibration as one image: scores by truth, the ROC curve, and AUROC by flaw with 95 % intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from insightv_bench.errors import require
from insightv_bench.records import CalibrationRow

SIZE = (13.0, 4.2)  # inches
DPI = 110
TRUTHS = ("sound", "flawed, answer right", "answer wrong")
COLOURS = ("#0173b2", "#de8f05", "#cc3311")
"""Told apart by colour-blind readers too."""


def truth_of(row: CalibrationRow) -> str:
    return TRUTHS[0] if row.sound else TRUTHS[1] if row.answer_right else TRUTHS[2]


def plot(rows: Sequence[CalibrationRow], figures: Mapping[str, Any], file: Path) -> bool:
    """Write `file`; False where there is nothing to draw, since no path was scored."""
    scored = [row for row in rows if row.score is not None]
    if not scored:
        return False
    seaborn = require("seaborn", "plots", "the plot of a calibration")
    from matplotlib.figure import Figure

    with seaborn.axes_style("whitegrid", {"axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=SIZE, dpi=DPI, layout="constrained")
        panels = figure.subplots(1, 3, width_ratios=(1.25, 1, 1.15))
    _scores(seaborn, panels[0], scored)
    _roc(panels[1], scored)
    _by_flaw(panels[2], figures["auroc"])
    judge = figures["judge"]
    figure.suptitle(f"Judge {judge if isinstance(judge, str) else ', '.join(judge)} against the oracle", fontsize=11)
    figure.savefig(file, metadata={"Software": None})
    return True


def _scores(seaborn: Any, axes: Any, rows: Sequence[CalibrationRow]) -> None:
    """Shares within each truth, so that a small group can be seen beside a large one."""
    truths = [truth_of(row) for row in rows]
    data: dict[str, Any] = {"score": [row.score for row in rows], "truth": truths}
    present = [truth for truth in TRUTHS if truth in truths]
    seaborn.histplot(
        data=data,
        x="score",
        hue="truth",
        hue_order=present,
        palette=[COLOURS[TRUTHS.index(truth)] for truth in present],
        bins=np.arange(0, 101, 5),
        stat="percent",
        common_norm=False,
        element="step",
        alpha=0.25,
        ax=axes,
    )
    seaborn.move_legend(axes, "upper left", title=None, frameon=False, fontsize=8)
    axes.set(title="Scores by truth", xlabel="judge's score (1-100)", ylabel="% of paths of this truth", xlim=(0, 100))


def _roc(axes: Any, rows: Sequence[CalibrationRow]) -> None:
    sound = [row.score or 0 for row in rows if row.sound]
    for truth, colour in zip(TRUTHS[1:], COLOURS[1:], strict=True):
        unsound = [row.score or 0 for row in rows if truth_of(row) == truth]
        if sound and unsound:
            axes.plot(*roc(sound, unsound), color=colour, label=f"sound against {truth}")
    axes.plot([0, 1], [0, 1], color="0.6", linestyle=":", label="chance")
    axes.legend(loc="lower right", frameon=False, fontsize=8)
    axes.set(title="ROC", xlabel="share of flawed paths passed", ylabel="share of sound paths passed")
    axes.set(xlim=(0, 1), ylim=(0, 1.01))


def roc(positive: Sequence[float], negative: Sequence[float]) -> tuple[list[float], list[float]]:
    """Shares (negative, positive) at or above each threshold, from none to all."""
    thresholds = sorted({*positive, *negative}, reverse=True)
    right, wrong = np.asarray(positive), np.asarray(negative)
    return (
        [0.0, *(float((wrong >= threshold).mean()) for threshold in thresholds)],
        [0.0, *(float((right >= threshold).mean()) for threshold in thresholds)],
    )


def _by_flaw(axes: Any, aurocs: Mapping[str, Any]) -> None:
    drawn = {name: each for name, each in aurocs.items() if each["value"] is not None}
    names = list(drawn)[::-1]
    values = np.array([drawn[name]["value"] for name in names])
    errors = np.array([[drawn[n]["value"] - drawn[n]["low"], drawn[n]["high"] - drawn[n]["value"]] for n in names])
    axes.errorbar(values, range(len(names)), xerr=errors.T.clip(0), fmt="o", markersize=4, color=COLOURS[0], capsize=2)
    axes.axvline(0.5, color="0.6", linestyle=":")
    axes.set_yticks(range(len(names)), [f"{name} ({drawn[name]['n']:,})" for name in names], fontsize=8)
    axes.set(
        title="AUROC, sound against",
        xlabel="0.5 is chance; bars: 95 % interval",
        xlim=(min(0.45, values.min() - 0.05), 1.01),
    )
