"""How a training went, as a figure: loss, accuracy, and what its method logs beside them, over its steps."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from ..methods import Panel
from ..training import HISTORY

CURVES = "curves.png"
IN_A_ROW = 3
LOW, HIGH = "_low", "_high"
"""What follows the name of a figure that is logged with its interval."""
PANELS = (
    Panel("Loss", {"loss": "training", "eval_loss": "validation"}),
    Panel("Share of tokens right", {"mean_token_accuracy": "training", "eval_mean_token_accuracy": "validation"}),
)
"""Of every method."""


def draw_curves(folder: Path, more: Sequence[Panel]) -> None:
    """`curves.png` from `training.jsonl`; nothing where there is no log, or seaborn is not installed.

    `more`: the panels of the method.
    """
    if not (folder / HISTORY).exists() or not find_spec("seaborn"):
        return
    lines = (folder / HISTORY).read_text(encoding="utf-8").splitlines()
    series: dict[str, list[tuple[int, float]]] = defaultdict(list)
    bounds: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for log in map(json.loads, lines):
        for name in (name for panel in (*PANELS, *more) for name in panel.series if log.get(name) is not None):
            series[name].append((log["step"], float(log[name])))
            if name + LOW in log:
                bounds[name].append((float(log[name + LOW]), float(log[name + HIGH])))
    panels = [panel for panel in (*PANELS, *more) if any(len(series.get(name, ())) > 1 for name in panel.series)]
    if panels:
        _draw(series, bounds, panels, folder / CURVES)


def _draw(
    series: Mapping[str, list[tuple[int, float]]],
    bounds: Mapping[str, list[tuple[float, float]]],
    panels: Sequence[Panel],
    file: Path,
) -> None:
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
        for axis, panel in zip(axes, panels, strict=False):
            drawn = [name for name in panel.series if name in series]
            for name, colour in zip(drawn, sns.color_palette("colorblind"), strict=False):
                steps, values = zip(*series[name], strict=True)
                marker = "o" if len(steps) < 30 else None
                sns.lineplot(
                    x=steps, y=values, ax=axis, label=panel.series[name], color=colour, marker=marker, legend=False
                )
                if name in bounds:
                    axis.fill_between(steps, *zip(*bounds[name], strict=True), color=colour, alpha=0.2, linewidth=0)
            axis.set(xlabel="step", ylabel=panel.label)
            axis.xaxis.set_major_locator(MaxNLocator(integer=True))
            if len(drawn) > 1:
                axis.legend(frameon=False)
            sns.despine(ax=axis)
        figure.suptitle(file.parent.name)
        figure.savefig(file, dpi=150)
