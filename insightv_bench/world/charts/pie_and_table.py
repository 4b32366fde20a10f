"""Charts without axes: pies and tables. Their values always stand in them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from ..scene import Scene
from ..topics import Topic
from .axes import counted
from .sheet import Area, Sheet, dark, draw_legend

ROOMY = 0.09
"""Share from which on a slice has room for its value."""


class Label(NamedTuple):
    """A text beside a pie."""

    x: float
    y: float
    text: str
    align: str
    width: float
    height: float

    def box(self) -> Area:
        left = self.x - {"left": 0.0, "center": 0.5, "right": 1.0}[self.align] * self.width
        return Area(left, self.y - self.height / 2, left + self.width, self.y + self.height / 2)


def draw_pie(sheet: Sheet, scene: Scene, topic: Topic, area: Area) -> None:
    """Names around it, or in a legend where they have no room; values in the slices, or outside of thin ones."""
    style, total = sheet.style, sum(bar.value for bar in scene.bars)
    inside = min(bar.value for bar in scene.bars) >= ROOMY * total
    texts = [f"{bar.value}%" if total == 100 else str(bar.value) for bar in scene.bars]
    around = [bar.colour if inside else f"{bar.colour}: {text}" for bar, text in zip(scene.bars, texts, strict=True)]
    labels = [] if style.colouring in ("groups", "legend") else _labels(sheet, scene, area, around)
    if not labels or overlapping(labels, 2 * style.scale):
        entries = list(zip([bar.colour for bar in scene.bars], style.palette, strict=False))
        area = draw_legend(sheet, area, entries)
        labels = _labels(sheet, scene, area, [] if inside else texts)
    x, y, radius = _circle(sheet, area, [label.width for label in labels])
    for (start, stop), colour, text in zip(_angles(scene, style.start), style.palette, texts, strict=False):
        sheet.wedge(x, y, radius, start, stop, colour, style.ground)
        if inside:
            at = math.radians((start + stop) / 2)
            ink = "#ffffff" if dark(colour) else "#1a1a1a"
            sheet.text(x + 0.66 * radius * math.cos(at), y + 0.66 * radius * math.sin(at), text, colour=ink)
    for label in labels:
        sheet.text(label.x, label.y, label.text, label.align)


def _angles(scene: Scene, start: float) -> list[tuple[float, float]]:
    """Degrees of each slice."""
    total, angles = sum(bar.value for bar in scene.bars), []
    for bar in scene.bars:
        angles.append((start, start + 360 * bar.value / total))
        start = angles[-1][1]
    return angles


def _circle(sheet: Sheet, area: Area, widths: Sequence[float]) -> tuple[float, float, float]:
    """Middle and radius of the largest pie that leaves room for labels of these widths."""
    gap = 10 * sheet.style.scale
    beside = max(widths, default=0.0) + (gap if widths else 0)
    above = sheet.style.size * 1.6 if widths else 0.0
    radius = min(area.width / 2 - beside, area.height / 2 - above) * 0.97
    return (area.left + area.right) / 2, (area.bottom + area.top) / 2, radius


def _labels(sheet: Sheet, scene: Scene, area: Area, texts: Sequence[str]) -> list[Label]:
    sizes = [(width, max(height, sheet.line)) for width, height in map(sheet.measure, texts)]
    x, y, radius = _circle(sheet, area, [width for width, _ in sizes])
    away, labels = radius + 10 * sheet.style.scale, []
    for (start, stop), text, (width, height) in zip(_angles(scene, sheet.style.start), texts, sizes, strict=False):
        at = math.radians((start + stop) / 2)
        align = "center" if abs(math.cos(at)) < 0.15 else "left" if math.cos(at) > 0 else "right"
        lift = math.sin(at) * height * 0.5
        labels.append(Label(x + away * math.cos(at), y + away * math.sin(at) + lift, text, align, width, height))
    return labels


def overlapping(labels: Sequence[Label], gap: float) -> bool:
    """Whether two come nearer than `gap` pixels: letters are set on whole pixels, so measured boxes may just touch."""
    boxes = [Area(left, bottom, right + gap, top + gap) for left, bottom, right, top in map(Label.box, labels)]
    return any(
        one.left < other.right and other.left < one.right and one.bottom < other.top and other.bottom < one.top
        for place, one in enumerate(boxes)
        for other in boxes[:place]
    )


def draw_table(sheet: Sheet, scene: Scene, topic: Topic, area: Area) -> None:
    """Two columns, or two rows where the style wants it so and there is room."""
    rows = [(topic.heading, counted(sheet, topic)), *((bar.colour, str(bar.value)) for bar in scene.bars)]
    pad = sheet.style.size * 0.8
    across = [max(sheet.measure(text, bold=True)[0] for text in row) + 2 * pad for row in rows]
    if sheet.style.turned and sum(across) <= area.width:
        _cells(sheet, area, list(zip(*rows, strict=True)), across)
        return
    widths = [max(sheet.measure(row[at], bold=True)[0] for row in rows) + 3 * pad for at in (0, 1)]
    stretch = min(1.6, area.width / sum(widths))
    _cells(sheet, area, rows, [width * stretch for width in widths])


def _cells(sheet: Sheet, area: Area, rows: Sequence[Sequence[str]], widths: Sequence[float]) -> None:
    """The head is the first row, or of a turned table the first column."""
    style, turned = sheet.style, len(widths) > 2
    height = min(style.size * 2.4, area.height / len(rows))
    left = area.left + (area.width - sum(widths)) / 2
    top = (area.top + area.bottom + height * len(rows)) / 2
    head, ink = style.palette[0], "#ffffff" if dark(style.palette[0]) else "#1a1a1a"
    for row, cells in enumerate(rows):
        for at, text in enumerate(cells):
            heading = at == 0 if turned else row == 0
            x, y = left + sum(widths[:at]), top - (row + 1) * height
            ground = (
                head if heading else style.ground if row % 2 or not style.edged else _mixed(style.ground, style.grid)
            )
            sheet.box(x, y, widths[at], height, ground, style.grid if style.boxed else "")
            colour = ink if heading else style.ink
            sheet.text(x + widths[at] / 2, y + height / 2, text, bold=heading, colour=colour)
    sheet.lines([[(left, y), (left + sum(widths), y)] for y in (top, top - height * len(rows))], style.ink, 1.2)


def _mixed(one: str, other: str) -> str:
    """Halfway between two colours."""
    pairs = [(int(one[at : at + 2], 16), int(other[at : at + 2], 16)) for at in (1, 3, 5)]
    return "#" + "".join(f"{(a + b) // 2:02x}" for a, b in pairs)
