"""A sheet of pixels to draw a chart on with matplotlib's artists, laid out by measured text.

Places are in pixels from the lower left corner. No pyplot and no axes: the layout is ours, so that nothing overlaps,
and an image costs half of what axes cost. The same calls give the same pixels with the same matplotlib.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from insightv_bench.errors import require

from .style import Style

DPI = 72.0  # so that a point is a pixel


class Sheet:
    def __init__(self, style: Style) -> None:
        agg = require("matplotlib.backends.backend_agg", "plots", "level `full` of the drawn world")
        from matplotlib.figure import Figure
        from matplotlib.transforms import IdentityTransform

        self.style = style
        self._plain = IdentityTransform()
        self._figure = Figure((style.width / DPI, style.height / DPI), DPI)
        self._renderer: Any = agg.RendererAgg(style.width, style.height, DPI)
        self.box(0, 0, style.width, style.height, style.ground)

    def pixels(self) -> np.ndarray:
        """uint8 [height, width, 3]."""
        return np.asarray(self._renderer.buffer_rgba())[:, :, :3].copy()

    @property
    def line(self) -> float:
        """Height that a line of text takes at least, whatever its letters: what is drawn is laid out by it."""
        return self.measure("lp")[1]

    def measure(self, text: str, size: float = 1.0, bold: bool = False) -> tuple[float, float]:
        """Width and height of the letters alone; `size` is relative to the style's."""
        properties = _font(self.style.font, bold, self.style.size * size)
        width, height, _ = self._renderer.get_text_width_height_descent(text, properties, False)
        return width, height

    def text(
        self,
        x: float,
        y: float,
        text: str,
        align: str = "center",
        vertical: str = "center",
        size: float = 1.0,
        bold: bool = False,
        colour: str = "",
        turned: float = 0.0,
        on: str = "",
    ) -> None:
        """`turned`: degrees; `on`: the colour of a ground behind the letters, none if empty."""
        from matplotlib.text import Text

        letters = Text(
            x,
            y,
            text,
            color=colour or self.style.ink,
            fontproperties=_font(self.style.font, bold, self.style.size * size),
            ha=align,
            va=vertical,
            rotation=turned,
            rotation_mode="anchor" if turned else "default",
            parse_math=False,
        )
        if on:
            letters.set_bbox({"facecolor": on, "edgecolor": "none", "pad": 1.0 * self.style.scale})
        self._draw(letters)

    def box(self, x: float, y: float, width: float, height: float, fill: str, edge: str = "") -> None:
        from matplotlib.patches import Rectangle

        line = self.style.scale if edge else 0.0
        self._draw(Rectangle((x, y), width, height, facecolor=fill, edgecolor=edge or "none", linewidth=line))

    def wedge(self, x: float, y: float, radius: float, start: float, stop: float, fill: str, edge: str) -> None:
        """A slice of a pie, from `start` to `stop` degrees."""
        from matplotlib.patches import Wedge

        self._draw(Wedge((x, y), radius, start, stop, facecolor=fill, edgecolor=edge, linewidth=1.5 * self.style.scale))

    def area(self, points: Sequence[tuple[float, float]], fill: str) -> None:
        from matplotlib.patches import Polygon

        self._draw(Polygon(points, closed=True, facecolor=fill, edgecolor="none", alpha=0.25))

    def lines(self, segments: Sequence[Sequence[tuple[float, float]]], colour: str, width: float) -> None:
        """Straight lines between two points each."""
        from matplotlib.collections import LineCollection

        if segments:
            self._draw(LineCollection(segments, colors=colour, linewidths=width * self.style.scale))

    def path(
        self, points: Sequence[tuple[float, float]], colour: str, width: float, marker: str = "", dashed: bool = False
    ) -> None:
        from matplotlib.lines import Line2D

        xs, ys = zip(*points, strict=True)
        self._draw(
            Line2D(
                xs,
                ys,
                color=colour,
                linewidth=width * self.style.scale,
                linestyle="--" if dashed else "-",
                marker=marker or "None",
                markersize=7.0 * self.style.scale,
            )
        )

    def _draw(self, artist: Any) -> None:
        artist.set_figure(self._figure)
        artist.set_transform(self._plain)
        artist.draw(self._renderer)


@cache
def _font(name: str, bold: bool, size: float) -> Any:
    """A font by its file, so that nothing of the machine's own fonts or settings comes in."""
    import matplotlib
    from matplotlib.font_manager import FontProperties

    file = {"STIXGeneral": "STIXGeneralBol"}.get(name, f"{name}-Bold") if bold else name
    return FontProperties(fname=str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{file}.ttf"), size=size)


def dark(colour: str) -> bool:
    """Whether white letters are the better ones on it."""
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return 0.299 * red + 0.587 * green + 0.114 * blue < 140


class Area(NamedTuple):
    """The part of a sheet that is still free, in pixels from the lower left corner."""

    left: float
    bottom: float
    right: float
    top: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.top - self.bottom


def draw_legend(sheet: Sheet, area: Area, entries: Sequence[tuple[str, str]]) -> Area:
    """(name, colour) in order, right of the data or below; what is left of the area."""
    return (_legend_below if sheet.style.legend_below else _legend_beside)(sheet, area, entries)


def _legend_beside(sheet: Sheet, area: Area, entries: Sequence[tuple[str, str]]) -> Area:
    line = sheet.style.size * 1.6
    width = line + max(sheet.measure(name)[0] for name, _ in entries)
    x, y = area.right - width, (area.bottom + area.top + line * len(entries)) / 2
    for place, (name, colour) in enumerate(entries):
        _entry(sheet, x, y - (place + 0.5) * line, name, colour)
    return area._replace(right=x - line)


def _legend_below(sheet: Sheet, area: Area, entries: Sequence[tuple[str, str]]) -> Area:
    line = sheet.style.size * 1.6
    widths = [line * 1.8 + sheet.measure(name)[0] for name, _ in entries]
    column = max(widths)
    num_columns = max(1, min(len(entries), int(area.width // column)))
    num_rows = -(-len(entries) // num_columns)
    left = area.left + (area.width - column * num_columns) / 2
    for place, (name, colour) in enumerate(entries):
        row, at = divmod(place, num_columns)
        _entry(sheet, left + at * column, area.bottom + (num_rows - row - 0.5) * line, name, colour)
    return area._replace(bottom=area.bottom + (num_rows + 0.4) * line)


def _entry(sheet: Sheet, x: float, y: float, name: str, colour: str) -> None:
    side = sheet.style.size * 0.85
    sheet.box(x, y - side / 2, side, side, colour, sheet.style.ink if sheet.style.edged else "")
    sheet.text(x + side * 1.5, y, name, "left")
