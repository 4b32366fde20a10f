"""A chart of level `full`: bars, lines, a pie or a table, with title, axes, legend and a style of its own.

Every value can be read exactly: it stands beside its mark, or its axis has a tick for every unit. A legend has a place
of its own beside or below the data.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from insightv_bench.errors import require

from ..scene import Scene
from ..topics import TOPICS, Topic
from .sheet import Area, Sheet
from .style import sample_style

MARGIN = 12.0
MIN_TITLE = 0.7
"""A title that is too long is set smaller, down to this; what is longer still is left out."""


def draw_chart(scene: Scene, side: int) -> np.ndarray:
    """The chart as uint8 [height, width, 3]; no side of it is shorter than `side`.

    The same scene gives the same pixels with the same matplotlib. Raises MissingExtra where there is none.
    """
    from .axes import draw_bars, draw_lines
    from .pie_and_table import draw_pie, draw_table

    require("matplotlib", "plots", "level `full` of the drawn world")
    kinds = {"lines": draw_lines, "pie": draw_pie, "table": draw_table}
    with plain_settings():
        sheet, topic = Sheet(sample_style(scene, side)), TOPICS[scene.topic]
        area = draw_title(sheet, topic, whole(sheet))
        kinds.get(scene.chart, draw_bars)(sheet, scene, topic, area)
        return sheet.pixels()


@contextmanager
def plain_settings() -> Iterator[None]:
    """matplotlib as it comes: a user's settings file, or a style that someone set, changes no image."""
    import matplotlib

    with matplotlib.rc_context():
        drawn = ("text", "font", "lines", "patch", "path", "agg", "hatch", "markers", "mathtext")
        defaults = matplotlib.rcParamsDefault.items()
        matplotlib.rcParams.update({key: value for key, value in defaults if key.split(".")[0] in drawn})
        yield


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
