"""What every drawing shares: style, a system's mark, frames and legends. The same board gives the same bytes.

Colours have a contrast of 3 or more on a white page and on a dark one, differ for the colour-blind, and a marker tells
systems apart too. The dark drawing is the light one with the colours of text and grid replaced, so that a figure is
laid out once; the PNG is the light one on white.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..tables import short

WIDTH = 6.4  # inches, as are all sizes here
ROW_HEIGHT = 0.17
DOTS_PER_INCH = 200
INK, GRID = "#1f2328", "#d0d7de"
DARK = {INK: "#e6edf3", GRID: "#3d444d"}
"""Colour of the light drawing -> of the dark one."""
PALETTE = ("#0078c0", "#c06000", "#606078", "#9060f0", "#786030", "#789090", "#9000f0", "#a89060")
"""Searched for: of all eights with that contrast one whose nearest two are farthest apart for every kind of sight."""
MARKERS = "osD^vPXdp*"
NAME_LENGTH = 28
"""Of a system, in a figure and in its alternative."""
MAX_SYSTEMS = 12
"""In one drawing: more cannot be told apart."""

Draw = Callable[[Any], None]
"""Draws on a matplotlib figure."""


def style() -> dict[str, Any]:
    import seaborn

    colours = dict.fromkeys(["text.color", "axes.labelcolor", "xtick.color", "ytick.color", "axes.edgecolor"], INK)
    own = {"grid.color": GRID, "font.size": 9, "axes.titlesize": 9, "axes.labelsize": 9, "svg.fonttype": "none"}
    own.update(dict.fromkeys(["xtick.labelsize", "ytick.labelsize", "legend.fontsize"], 9))
    fonts = {"font.family": ["sans-serif"], "font.sans-serif": ["DejaVu Sans", "Verdana", "sans-serif"]}
    return {**seaborn.axes_style("ticks"), **own, **fonts, **colours, "svg.hashsalt": "insightv-bench"}


def save(paint: Draw, size: tuple[float, float], folder: Path, name: str) -> None:
    """Write `<name>.svg`, `<name>-dark.svg` and `<name>.png`."""
    from matplotlib.figure import Figure as Canvas

    canvas, buffer = Canvas(figsize=size, layout="constrained"), io.StringIO()
    paint(canvas)
    canvas.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    drawn = buffer.getvalue()
    (folder / f"{name}.svg").write_text(drawn, encoding="utf-8")
    for light, dark in DARK.items():
        drawn = drawn.replace(light, dark)
    (folder / f"{name}-dark.svg").write_text(drawn, encoding="utf-8")
    canvas.savefig(folder / f"{name}.png", dpi=DOTS_PER_INCH, facecolor="white", metadata={"Software": None})


Looks = Mapping[str, tuple[int, bool]]
"""The systems of a drawing, in order: the place of each one's mark, and whether it is hollow."""


def looks(systems: Sequence[str], twins: Mapping[str, str]) -> Looks:
    """A greedy system wears its sampled twin's mark, hollow."""
    places = list(dict.fromkeys(twins.get(system, system) for system in systems))
    return {system: (places.index(twins.get(system, system)), system in twins) for system in systems}


def mark(place: int, hollow: bool) -> dict[str, Any]:
    marker = MARKERS[place % len(MARKERS)]  # the ninth has the first's colour, and another marker
    # Caps reach beyond the marker: the narrowest interval is seen.
    look = {"color": PALETTE[place % len(PALETTE)], "marker": marker, "ms": 4.5, "elinewidth": 1.3, "capsize": 2.8}
    return {**look, "mfc": "none"} if hollow else look


def errors(value: float, low: float, high: float) -> list[list[float]]:
    """An interval as matplotlib takes it; never negative, however a mean was rounded."""
    return [[100 * max(0.0, value - low)], [100 * max(0.0, high - value)]]


def finish(canvas: Any, panels: Sequence[Any], grid: str) -> None:
    """A quiet frame, and one legend for all panels above them."""
    import seaborn

    entries: dict[str, Any] = {}
    for panel in panels:
        panel.grid(axis=grid, lw=0.6)
        panel.set_axisbelow(True)
        seaborn.despine(ax=panel, left=grid == "x")
        handles, labels = panel.get_legend_handles_labels()
        entries.update({label: handle for label, handle in zip(labels, handles, strict=True) if label not in entries})
    if entries:
        columns = legend_columns(list(entries))
        canvas.legend(entries.values(), entries.keys(), loc="outside upper center", ncols=columns, frameon=False)


def legend_columns(labels: Sequence[str]) -> int:
    return max(1, min(len(labels), 84 // (max(map(len, labels)) + 7)))


def legend_height(systems: Collection[str]) -> float:
    """Inches that the legend's lines after the second need."""
    labels = [drawn_name(system) for system in systems]
    return ROW_HEIGHT * max(0, -(-len(labels) // legend_columns(labels)) - 2) if labels else 0.0


def drawn_name(text: str) -> str:
    """A name that matplotlib draws as it stands: `$` would start a formula, a leading `_` would hide the entry."""
    name = short(text, NAME_LENGTH).replace("$", r"\$")
    return f" {name}" if name.startswith("_") else name
