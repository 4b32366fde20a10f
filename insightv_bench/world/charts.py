"""A chart of level `full`: bars, lines, a pie or a table, with title, axes, legend and a style of its own.

Every value can be read exactly: it stands beside its mark, or its axis has a tick for every unit. A legend has a place
of its own beside or below the data.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from insightv_bench.errors import require

from .chart_sheet import Sheet
from .chart_style import sample_style
from .scene import Scene
from .topics import TOPICS, Topic

MARGIN = 12.0
MIN_TITLE = 0.7
"""A title that is too long is set smaller, down to this; what is longer still is left out."""


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


def draw_chart(scene: Scene, side: int) -> np.ndarray:
    """The chart as uint8 [height, width, 3]; no side of it is shorter than `side`.

    The same scene gives the same pixels with the same matplotlib. Raises MissingExtra where there is none.
    """
    from .chart_axes import draw_bars, draw_lines
    from .chart_parts import draw_pie, draw_table

    require("matplotlib", "plots", "level `full` of the drawn world")
    kinds = {"lines": draw_lines, "pie": draw_pie, "table": draw_table}
    with plain_settings():
        sheet, topic = Sheet(sample_style(scene, side)), TOPICS[scene.topic]
        area = draw_title(sheet, topic, whole(sheet))
        kinds.get(scene.chart, draw_bars)(sheet, scene, topic, area)
        return sheet.pixels()


@contextmanager
def plain_settings() -> Iterator[None]:
    """matplotlib as it comes: a user's settings file, or a style that someone set, changes no picture."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcParams.update(_defaults())
        yield


def _defaults() -> dict[str, object]:
    import matplotlib

    drawn = ("text", "font", "lines", "patch", "path", "agg", "hatch", "markers", "mathtext")
    return {key: value for key, value in matplotlib.rcParamsDefault.items() if key.split(".")[0] in drawn}


def whole(sheet: Sheet) -> Area:
    margin = MARGIN * sheet.style.scale
    return Area(margin, margin, sheet.style.width - margin, sheet.style.height - margin)


def draw_title(sheet: Sheet, topic: Topic, area: Area) -> Area:
    style = sheet.style
    title = topic.titles[style.title % len(topic.titles)][0]
    width, height = sheet.measure(title, 1.2, bold=True)
    size = 1.2 * min(1.0, area.width / width)
    if not style.titled or size < MIN_TITLE:
        return area
    x, align = ((area.left + area.right) / 2, "center") if style.centred else (area.left, "left")
    sheet.text(x, area.top - height / 2, title, align, size=size, bold=True)
    return area._replace(top=area.top - 2 * height)


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
