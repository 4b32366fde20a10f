"""One function a drawing: rows of the board in, a painter of a matplotlib figure out. They compute no figure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from ..board import ANY, ARMS, ArmRow, ComparableSet, FlawRow, MeasureRow, RobustnessRow
from .style import GRID, INK, Draw, Looks, drawn_name, errors, finish, mark

COLUMNS = 3
"""Panels beside each other."""
QUARTERS = {0.25: "¼", 0.5: "½", 0.75: "¾"}
SHARES = (0, 104)
"""Percent; above 100 there is room for a marker."""


def accuracy(rows: Sequence[ArmRow], comparable: ComparableSet, systems: Looks) -> Draw:
    """Arms from top to bottom, within an arm the systems: a point and its interval.

    Chance is drawn where every question has options, so that it is chance of what is shown.
    """

    def paint(canvas: Any) -> None:
        axes = canvas.subplots()
        y, ticks = 0.0, {}
        for arm in arms_of(rows):
            members = [row for row in rows if row.arm == arm]
            ticks[y + (len(members) - 1) / 2] = arm
            for row in members:
                _point(axes, row.system, systems, row.accuracy, row.low, row.high, y)
                y += 1
            y += 1
        if comparable.chance is not None and comparable.num_with_options == comparable.num_questions:
            axes.axvline(100 * comparable.chance, color=INK, lw=1, ls=(0, (4, 3)), zorder=0, label="chance")
        axes.set_yticks(list(ticks), list(ticks.values()))
        axes.tick_params(axis="y", length=0)
        axes.set(xlim=(-2, 102), ylim=(y - 1, -1), xlabel="accuracy %, with 95 % interval")
        finish(canvas, [axes], "x")

    return paint


def _point(axes: Any, system: str, systems: Looks, value: float, low: float, high: float, y: float) -> None:
    look = mark(*systems[system])
    axes.errorbar(100 * value, y, xerr=errors(value, low, high), **look, ls="none", label=drawn_name(system))


def cost(rows: Sequence[ArmRow], systems: Looks) -> Draw:
    """One panel an arm: no name stands among the points, however many there are."""

    def paint(canvas: Any) -> None:
        panels = _panels(canvas, arms_of(rows), sharex=True, sharey=True)
        for arm, panel in panels.items():
            for row in (row for row in rows if row.arm == arm):
                bars = errors(row.accuracy, row.low, row.high)
                look = mark(*systems[row.system])
                name = drawn_name(row.system)
                panel.errorbar(
                    row.tokens_per_right_answer, 100 * row.accuracy, yerr=bars, **look, ls="none", label=name
                )
        first = next(iter(panels.values()))
        first.set(ylim=SHARES, yticks=range(0, 101, 25), xscale="log")
        _tokens_axis(first, [row.tokens_per_right_answer or 0.0 for row in rows])
        canvas.supxlabel("tokens for a right answer", size=9)
        canvas.supylabel("accuracy %", size=9)
        finish(canvas, list(panels.values()), "both")

    return paint


def _tokens_axis(axes: Any, tokens: Sequence[float]) -> None:
    """Ticks with their number wherever the values lie: within one decade a logarithmic axis would have one, or none."""
    from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

    low, high = min(tokens), max(tokens)
    room = max(1.12, (high / low) ** 0.08)
    axes.set_xlim(low / room, high * room)
    axes.xaxis.set_major_locator(LogLocator(numticks=4) if high > 100 * low else MaxNLocator(3, steps=[1, 2, 5, 10]))
    if 10 * low < high <= 100 * low:
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter("{x:,.0f}")


def _panels(canvas: Any, names: Sequence[str], **shared: Any) -> dict[str, Any]:
    """A titled panel a name, three beside each other; what is left of the last row stays empty, and the panels above it
    keep their numbers."""
    drawn = canvas.subplots(panel_rows(names), COLUMNS, squeeze=False, **shared).flat
    for spare in drawn[len(names) :]:
        spare.set_axis_off()
    panels = dict(zip(names, drawn, strict=False))
    for place, (name, panel) in enumerate(panels.items()):
        panel.set_title(name, loc="left")
        if shared.get("sharex") and place + COLUMNS >= len(names):
            panel.tick_params(labelbottom=True)
    return panels


def severity(rows: Sequence[RobustnessRow], systems: Looks) -> Draw:
    """One panel a flaw, one line a system."""

    def paint(canvas: Any) -> None:
        flaws = flaws_of(rows)
        drawn = [system for system in systems if any(row.system == system for row in rows)]
        titles = {"all flaws" if flaw == ANY else flaw: flaw for flaw in flaws}
        panels = _panels(canvas, list(titles), sharex=True, sharey=True)
        for title, panel in panels.items():
            flaw = titles[title]
            for place, system in enumerate(drawn):
                points = [row for row in rows if row.flaw == flaw and row.system == system]
                aside = 0.02 * (place - (len(drawn) - 1) / 2)  # intervals side by side, not on top of each other
                _line(panel, [row.severity + aside for row in points], points, systems[system], system)
        used = list(panels.values())
        severities = sorted({row.severity for row in rows})
        used[0].set_xticks(severities, [QUARTERS.get(severity, f"{severity:g}") for severity in severities])
        used[0].set(ylim=SHARES, yticks=range(0, 101, 25))
        canvas.supxlabel("severity: share of steps corrupted", size=9)
        canvas.supylabel("accuracy %", size=9)
        finish(canvas, used, "y")

    return paint


def heat(rows: Sequence[FlawRow], systems: Collection[str]) -> Draw:
    """Flaws from left to right, systems from top to bottom; the figure stands in its cell."""

    def paint(canvas: Any) -> None:
        import numpy as np
        import seaborn

        flaws = list(dict.fromkeys(row.flaw for row in rows))
        drawn = [system for system in systems if any(row.system == system for row in rows)]
        cells = np.full((len(drawn), len(flaws)), np.nan)
        for row in rows:
            cells[drawn.index(row.system), flaws.index(row.flaw)] = 100 * row.accuracy
        axes = canvas.subplots()
        look = {"vmin": 0, "vmax": 100, "cmap": "cividis", "linewidths": 1, "linecolor": GRID}
        names = [drawn_name(system) for system in drawn]
        seaborn.heatmap(cells, annot=True, fmt=".0f", xticklabels=flaws, yticklabels=names, ax=axes, **look)
        for figure in axes.texts:
            figure.set_color(_readable_on(axes.collections[0].cmap(float(figure.get_text()) / 100)))
        axes.set_xticks(axes.get_xticks(), flaws, rotation=30, ha="right", rotation_mode="anchor")
        axes.tick_params(axis="y", rotation=0)
        axes.tick_params(length=0)
        axes.collections[0].colorbar.set_label("accuracy %")

    return paint


def _readable_on(colour: Sequence[float]) -> str:
    """Black or white, whichever has the greater contrast with a colour, red, green, blue 0-1 (WCAG 2.2)."""
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour[:3]]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#000000" if luminance > 0.179 else "#ffffff"


def measures(rows: Sequence[MeasureRow], systems: Looks) -> Draw:
    """One panel a measure, one line a system. The axis is shared but for what may be below 0."""

    def paint(canvas: Any) -> None:
        names = list(dict.fromkeys(row.measure for row in rows))
        drawn = [system for system in systems if any(row.system == system for row in rows)]
        panels = _panels(canvas, names, sharey=True)
        for name, panel in panels.items():
            members = [row for row in rows if row.measure == name]
            for row in members:
                _point(panel, row.system, systems, row.value, row.low, row.high, drawn.index(row.system))
            least = min(-4.0, *(100 * row.low - 4 for row in members))
            most = max(104.0, *(100 * row.high + 4 for row in members))
            panel.set(xlim=(least, most), ylim=(len(drawn) - 0.4, -0.6), yticks=[])
            panel.set_title(name.replace("_", " ") + (" %" if most < 200 else ""), loc="left")
        finish(canvas, list(panels.values()), "x")

    return paint


def rounds(rows: Sequence[ArmRow]) -> Draw:
    """One line an arm and base model; round 0 is supervised fine-tuning."""

    def paint(canvas: Any) -> None:
        axes = canvas.subplots()
        several = len({row.base for row in rows}) > 1
        keys = sorted({(row.arm, row.base) for row in rows})
        for place, (arm, base) in enumerate(keys):
            points = sorted((row for row in rows if (row.arm, row.base) == (arm, base)), key=lambda row: row.round)
            xs = [row.round + 0.03 * place for row in points]
            _line(axes, xs, points, (place, False), f"{arm} ({base})" if several else arm)
        numbers = sorted({row.round for row in rows})
        axes.set_xticks(numbers, ["SFT" if number == 0 else f"round {number}" for number in numbers])
        # The intervals with room around them, ten points at least: what a round changes is small beside 100.
        low, high = 100 * min(row.low for row in rows), 100 * max(row.high for row in rows)
        room = max(0.1 * (high - low), (10 - (high - low)) / 2)
        axes.set(ylim=(max(0.0, low - room), min(float(SHARES[1]), high + room)))
        axes.set(xlim=(numbers[0] - 0.25, numbers[-1] + 0.25), ylabel="accuracy %")
        finish(canvas, [axes], "y")

    return paint


def _line(
    axes: Any, xs: Sequence[float], rows: Sequence[ArmRow | RobustnessRow], style: tuple[int, bool], label: str
) -> None:
    ys = [100 * row.accuracy for row in rows]
    bars = [[100 * (row.accuracy - row.low) for row in rows], [100 * (row.high - row.accuracy) for row in rows]]
    if rows:
        axes.errorbar(xs, ys, yerr=bars, **mark(*style), lw=1.3, label=drawn_name(label))


def panel_rows(names: Collection[str]) -> int:
    """Rows of panels that a drawing of so many needs."""
    return -(-len(names) // COLUMNS)


def arms_of(rows: Sequence[ArmRow]) -> list[str]:
    """In the order of `ARMS`."""
    return [arm for arm in ARMS if any(row.arm == arm for row in rows)]


def flaws_of(rows: Sequence[RobustnessRow]) -> list[str]:
    return list(dict.fromkeys(row.flaw for row in rows))
