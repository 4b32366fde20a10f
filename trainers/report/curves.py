"""How a training went, as a figure: loss, and for a DPO round rewards, log-probabilities and KL, over its steps."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..training import HISTORY

CURVES = "curves.png"
IN_A_ROW = 3
PANELS = (
    ("loss", "Loss", ("loss", "eval_loss")),
    ("accuracy", "Share of tokens right", ("mean_token_accuracy", "eval_mean_token_accuracy")),
    ("order", "Share of pairs in order", ("rewards/accuracies", "eval_rewards/accuracies")),
    ("margin", "Reward margin", ("rewards/margins", "eval_rewards/margins")),
    ("logps", "Log-probability of a path (nats)", ("logps/chosen", "logps/rejected")),
    ("kl", "KL from the reference (nats)", ("kl", "eval_kl")),
)
"""Name, label of its axis, and what is drawn in it."""
LABELS = {
    "loss": "training",
    "eval_loss": "validation",
    "mean_token_accuracy": "training",
    "eval_mean_token_accuracy": "validation",
    "rewards/accuracies": "training",
    "eval_rewards/accuracies": "validation",
    "rewards/margins": "training",
    "eval_rewards/margins": "validation",
    "logps/chosen": "chosen",
    "logps/rejected": "rejected",
    "kl": "training",
    "eval_kl": "validation",
}


def draw_curves(folder: Path) -> None:
    """`curves.png` from `training.jsonl`; nothing where there is no log, or seaborn is not installed."""
    if not (folder / HISTORY).exists() or not find_spec("seaborn"):
        return
    lines = (folder / HISTORY).read_text(encoding="utf-8").splitlines()
    series = read_series([json.loads(line) for line in lines])
    panels = [panel for panel in PANELS if any(len(series.get(name, ())) > 1 for name in panel[2])]
    if panels:
        _draw(series, panels, folder / CURVES)


def read_series(logs: list[dict[str, Any]]) -> dict[str, list[tuple[int, float]]]:
    """Step and value of each name that is drawn."""
    series: dict[str, list[tuple[int, float]]] = {}
    for log in logs:
        for name in LABELS:
            if name in log:
                series.setdefault(name, []).append((log["step"], float(log[name])))
    return series


def _draw(series: dict[str, list[tuple[int, float]]], panels: list[Any], file: Path) -> None:
    import seaborn as sns
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    with sns.axes_style("whitegrid"), sns.plotting_context("paper"):
        num_rows, num_columns = -(-len(panels) // IN_A_ROW), min(len(panels), IN_A_ROW)
        figure = Figure(figsize=(3.6 * num_columns, 2.8 * num_rows), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(num_rows, num_columns, squeeze=False).ravel()
        for axis in axes[len(panels) :]:
            axis.set_axis_off()
        for axis, (_, label, names) in zip(axes, panels, strict=False):
            drawn = [name for name in names if name in series]
            for name, colour in zip(drawn, sns.color_palette("colorblind"), strict=False):
                _line(axis, series[name], LABELS[name], colour)
            axis.set(xlabel="step", ylabel=label)
            axis.xaxis.set_major_locator(MaxNLocator(integer=True))
            if len(drawn) > 1:
                axis.legend(frameon=False)
            sns.despine(ax=axis)
        figure.suptitle(file.parent.name)
        figure.savefig(file, dpi=150)


def _line(axis: Any, points: list[tuple[int, float]], label: str, colour: Any) -> None:
    import seaborn as sns

    steps, values = zip(*points, strict=True)
    marker = "o" if len(points) < 30 else None
    sns.lineplot(x=steps, y=values, ax=axis, label=label, color=colour, marker=marker, legend=False)
