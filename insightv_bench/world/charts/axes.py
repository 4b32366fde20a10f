"""Charts with a value axis: upright and lying bars, and lines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from ..scene import Scene
from ..topics import Topic
from .sheet import Area, Sheet, draw_legend

STEPS = (1, 2, 5, 10, 20)
MAX_STEPS = 8
TURNED = 35.0  # degrees
"""Of labels that have no room to lie flat."""


class Axis(NamedTuple):
    """Values to pixels: `origin + value * unit`, along one of the two directions."""

    origin: float
    unit: float
    ticks: tuple[int, ...]
    """With a number."""
    lines: tuple[int, ...]
    """Grid lines beside those of the ticks."""
    units: tuple[int, ...]
    """Small ticks, one a unit, where values stand on the axis alone."""

    def at(self, value: float) -> float:
        return self.origin + value * self.unit


def make_axis(scene: Scene, printed: bool, start: float, stop: float) -> Axis:
    highest = max(bar.value for bar in scene.bars)
    step = next(step for step in STEPS if highest / step <= MAX_STEPS)
    top = math.ceil(highest / step) * step
    room = 1.1 if printed else 1.02
    ticks = tuple(range(0, top + 1, step))
    if printed:
        return Axis(start, (stop - start) / (top * room), ticks, (), ())
    between = 1 if top <= 20 else 5
    lines = tuple(value for value in range(0, top + 1, between) if value not in ticks)
    return Axis(start, (stop - start) / (top * room), ticks, lines, tuple(range(top + 1)))


def colours_of(sheet: Sheet, scene: Scene) -> list[str]:
    style = sheet.style
    if style.colouring == "one":
        return [style.palette[0]] * len(scene.bars)
    if style.colouring == "groups":
        return [style.palette[group] for group in style.group_of]
    return list(style.palette[: len(scene.bars)])


def legend_of(sheet: Sheet, scene: Scene, area: Area) -> Area:
    style = sheet.style
    if style.colouring == "groups":
        shown = sorted(set(style.group_of))
        return draw_legend(sheet, area, [(style.group_names[group], style.palette[group]) for group in shown])
    if style.colouring == "legend":
        names = [bar.colour for bar in scene.bars]
        return draw_legend(sheet, area, list(zip(names, style.palette, strict=False)))
    return area


def draw_bars(sheet: Sheet, scene: Scene, topic: Topic, area: Area) -> None:
    area = legend_of(sheet, scene, area)
    names = [] if sheet.style.colouring == "legend" else [bar.colour for bar in scene.bars]
    (_lying if scene.chart == "bars-horizontal" else _upright)(sheet, scene, topic, area, names)


def _upright(sheet: Sheet, scene: Scene, topic: Topic, area: Area, names: Sequence[str]) -> None:
    style = sheet.style
    plot, axis = upright_frame(sheet, scene, topic, area, names)
    slot = plot.width / len(scene.bars)
    for place, (bar, colour) in enumerate(zip(scene.bars, colours_of(sheet, scene), strict=True)):
        middle, width = plot.left + (place + 0.5) * slot, slot * style.bar_share
        height = bar.value * axis.unit
        sheet.box(middle - width / 2, plot.bottom, width, height, colour, style.ink if style.edged else "")
        if style.printed:
            sheet.text(middle, axis.at(bar.value) + 3 * style.scale, str(bar.value), vertical="bottom")
    _spines(sheet, plot)


def _lying(sheet: Sheet, scene: Scene, topic: Topic, area: Area, names: Sequence[str]) -> None:
    style = sheet.style
    plot, axis = lying_frame(sheet, scene, topic, area, names)
    slot = plot.height / len(scene.bars)
    for place, (bar, colour) in enumerate(zip(scene.bars, colours_of(sheet, scene), strict=True)):
        middle, height = plot.top - (place + 0.5) * slot, slot * style.bar_share
        width = bar.value * axis.unit
        sheet.box(plot.left, middle - height / 2, width, height, colour, style.ink if style.edged else "")
        if style.printed:
            sheet.text(axis.at(bar.value) + 5 * style.scale, middle, str(bar.value), "left")
    _spines(sheet, plot)


def draw_lines(sheet: Sheet, scene: Scene, topic: Topic, area: Area) -> None:
    style = sheet.style
    if style.colouring in ("groups", "legend"):
        area = draw_legend(sheet, area, [(counted(sheet, topic), style.palette[0])])
    plot, axis = upright_frame(sheet, scene, topic, area, [bar.colour for bar in scene.bars])
    slot = plot.width / len(scene.bars)
    points = [(plot.left + (place + 0.5) * slot, axis.at(bar.value)) for place, bar in enumerate(scene.bars)]
    if style.filled:
        sheet.area([(points[0][0], plot.bottom), *points, (points[-1][0], plot.bottom)], style.palette[0])
    _spines(sheet, plot)
    sheet.path(points, style.palette[0], 2.2, style.marker, style.dashed)
    for place, bar in enumerate(scene.bars) if style.printed else ():
        _point_value(sheet, points, place, bar.value, plot)


def _point_value(sheet: Sheet, points: Sequence[tuple[float, float]], place: int, value: int, plot: Area) -> None:
    """Above its point; below where the line comes down to it from both sides and there is room."""
    x, y = points[place]
    beside = [points[near][1] for near in (place - 1, place + 1) if 0 <= near < len(points)]
    away = 8 * sheet.style.scale
    below = min(beside) > y and y - away - sheet.style.size * 1.4 > plot.bottom
    at, vertical = (y - away, "top") if below else (y + away, "bottom")
    sheet.text(x, at, str(value), vertical=vertical, on=sheet.style.ground)


def upright_frame(sheet: Sheet, scene: Scene, topic: Topic, area: Area, names: Sequence[str]) -> tuple[Area, Axis]:
    """Everything but the marks, for a value axis that goes up; the room for the marks, and the axis."""
    style, gap = sheet.style, 6 * sheet.style.scale
    line = style.size * 1.5
    left = area.left + (line if style.named_axes else 0) + sheet.measure("00")[0] + 2 * gap
    widths = [sheet.measure(name)[0] for name in names]
    slot = (area.right - left) / len(scene.bars)
    turned = bool(widths) and max(widths) > slot * 0.94
    slope = math.radians(TURNED)
    if turned:  # the first label hangs out to the left of its bar
        left = max(left, area.left + widths[0] * math.cos(slope) - slot / 2)
    below = (max(widths) * math.sin(slope) + line if turned else line if names else 0) + gap
    bottom = area.bottom + (line if style.named_axes else 0) + below
    plot = Area(left, bottom, area.right, area.top - (line * 0.4))
    axis = make_axis(scene, style.printed, plot.bottom, plot.top)
    _grid(sheet, axis, plot, upright=True)
    slot = plot.width / len(scene.bars)
    for place, name in enumerate(names):
        x = plot.left + (place + 0.5) * slot
        if turned:
            sheet.text(x + gap / 2, bottom - gap * 1.5, name, "right", "top", turned=TURNED)
        else:
            sheet.text(x, bottom - gap, name, vertical="top")
    if style.named_axes:
        sheet.text((plot.left + plot.right) / 2, area.bottom + line / 2, topic.heading)
        sheet.text(area.left + line / 2, (plot.bottom + plot.top) / 2, counted(sheet, topic), turned=90.0)
    return plot, axis


def lying_frame(sheet: Sheet, scene: Scene, topic: Topic, area: Area, names: Sequence[str]) -> tuple[Area, Axis]:
    """The same for a value axis that goes to the right."""
    style, gap = sheet.style, 6 * sheet.style.scale
    line = style.size * 1.5
    left = area.left + max([sheet.measure(name)[0] for name in names], default=0.0) + gap
    bottom = area.bottom + (line if style.named_axes else 0) + line + gap / 2
    right = area.right - (sheet.measure("00")[0] if style.printed else 0)
    plot = Area(left, bottom, right, area.top)
    axis = make_axis(scene, style.printed, plot.left, plot.right)
    _grid(sheet, axis, plot, upright=False)
    slot = plot.height / len(scene.bars)
    for place, name in enumerate(names):
        sheet.text(plot.left - gap, plot.top - (place + 0.5) * slot, name, "right")
    if style.named_axes:
        sheet.text((plot.left + plot.right) / 2, area.bottom + line / 2, counted(sheet, topic))
    return plot, axis


def counted(sheet: Sheet, topic: Topic) -> str:
    return topic.titles[sheet.style.title % len(topic.titles)][1]


def _grid(sheet: Sheet, axis: Axis, plot: Area, upright: bool) -> None:
    style, gap = sheet.style, 6 * sheet.style.scale
    if style.gridded:
        sheet.lines([_across(axis, plot, value, upright) for value in axis.lines], style.grid, 0.6)
        sheet.lines([_across(axis, plot, value, upright) for value in axis.ticks], style.grid, 1.3)
    sheet.lines([_tick(axis, plot, value, gap * 0.5, upright) for value in axis.units], style.ink, 0.7)
    sheet.lines([_tick(axis, plot, value, gap * 0.8, upright) for value in axis.ticks], style.ink, 1.0)
    for value in axis.ticks:
        if upright:
            sheet.text(plot.left - gap * 1.2, axis.at(value), str(value), "right")
        else:
            sheet.text(axis.at(value), plot.bottom - gap * 1.2, str(value), vertical="top")


def _across(axis: Axis, plot: Area, value: int, upright: bool) -> list[tuple[float, float]]:
    at = axis.at(value)
    return [(plot.left, at), (plot.right, at)] if upright else [(at, plot.bottom), (at, plot.top)]


def _tick(axis: Axis, plot: Area, value: int, length: float, upright: bool) -> list[tuple[float, float]]:
    at = axis.at(value)
    return [(plot.left - length, at), (plot.left, at)] if upright else [(at, plot.bottom - length), (at, plot.bottom)]


def _spines(sheet: Sheet, plot: Area) -> None:
    left, bottom, right, top = plot
    sides = [[(left, bottom), (left, top)], [(left, bottom), (right, bottom)]]
    if sheet.style.boxed:
        sides += [[(left, top), (right, top)], [(right, bottom), (right, top)]]
    sheet.lines(sides, sheet.style.ink, 1.0)
