"""One function a drawing: rows of the board in, a painter of a matplotlib figure out. They compute no figure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from ..board import ANY, ARMS, ArmRow, ComparableSet, FlawRow, MeasureRow, RobustnessRow
from .style import GRID, INK, Draw, Looks, drawn_name, errors, finish, mark

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
    """Every arm of every system; arms are told apart by their names beside the points."""

    def paint(canvas: Any) -> None:
        from adjustText import adjust_text

        axes = canvas.subplots()
        axes.set_xscale("log")
        for row in rows:
            look = mark(*systems[row.system])
            tokens, bars = row.tokens_per_right_answer, errors(row.accuracy, row.low, row.high)
            axes.errorbar(tokens, 100 * row.accuracy, yerr=bars, **look, ls="none", label=drawn_name(row.system))
        names = []
        for arm in arms_of(rows) if len(rows) > 1 else []:
            best = max((row for row in rows if row.arm == arm), key=lambda row: row.accuracy)
            names.append(axes.text(best.tokens_per_right_answer, 100 * best.accuracy, arm, size=7.5, color=INK))
        axes.set(ylim=SHARES, xlabel="tokens for a right answer", ylabel="accuracy %")
        _tokens_axis(axes, [row.tokens_per_right_answer or 0.0 for row in rows])
        finish(canvas, [axes], "both")
        points = ([row.tokens_per_right_answer for row in rows], [100 * row.accuracy for row in rows])
        adjust_text(
            names, *points, ax=axes, expand=(1.2, 1.5), iter_lim=300, arrowprops={"arrowstyle": "-", "color": GRID}
        )

    return paint


def _tokens_axis(axes: Any, tokens: Sequence[float]) -> None:
    """Ticks with their number wherever the values lie: within one decade a logarithmic axis would have one, or none."""
    from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

    wide = max(tokens) > 10 * min(tokens)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)) if wide else MaxNLocator(6))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter("{x:,.0f}")


def severity(rows: Sequence[RobustnessRow], systems: Looks) -> Draw:
    """One panel a flaw, one line a system."""

    def paint(canvas: Any) -> None:
        flaws = flaws_of(rows)
        drawn = [system for system in systems if any(row.system == system for row in rows)]
        panels = canvas.subplots(-(-len(flaws) // 3), 3, sharex=True, sharey=True, squeeze=False).flat
        for panel, flaw in zip(panels, flaws, strict=False):
            for place, system in enumerate(drawn):
                points = [row for row in rows if row.flaw == flaw and row.system == system]
                aside = 0.02 * (place - (len(drawn) - 1) / 2)  # intervals side by side, not on top of each other
                _line(panel, [row.severity + aside for row in points], points, systems[system], system)
            panel.set_title("all flaws" if flaw == ANY else flaw, loc="left")
        for spare in panels[len(flaws) :]:
            spare.set_axis_off()
        used = list(panels[: len(flaws)])
        ticks = {"xticks": [0, 0.25, 0.5, 0.75, 1], "xticklabels": ["0", "¼", "½", "¾", "1"]}
        used[0].set(ylim=SHARES, yticks=range(0, 101, 25), **ticks)
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
        axes.set_xticks(axes.get_xticks(), flaws, rotation=30, ha="right", rotation_mode="anchor")
        axes.tick_params(axis="y", rotation=0)
        axes.tick_params(length=0)
        axes.collections[0].colorbar.set_label("accuracy %")

    return paint


def measures(rows: Sequence[MeasureRow], systems: Looks) -> Draw:
    """One panel a measure, one line a system. The axis is shared but for what may be below 0."""

    def paint(canvas: Any) -> None:
        names = list(dict.fromkeys(row.measure for row in rows))
        drawn = [system for system in systems if any(row.system == system for row in rows)]
        panels = canvas.subplots(-(-len(names) // 3), 3, squeeze=False, sharey=True).flat
        for panel, name in zip(panels, names, strict=False):
            members = [row for row in rows if row.measure == name]
            for row in members:
                _point(panel, row.system, systems, row.value, row.low, row.high, drawn.index(row.system))
            least = min(-2.0, *(100 * row.low - 2 for row in members))
            most = max(102.0, *(100 * row.high + 2 for row in members))
            panel.set(xlim=(least, most), ylim=(len(drawn) - 0.4, -0.6), yticks=[])
            panel.set_title(name.replace("_", " ") + (" %" if most < 200 else ""), loc="left")
        for spare in panels[len(names) :]:
            spare.set_axis_off()
        finish(canvas, list(panels[: len(names)]), "x")

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
        axes.set_xticks(numbers, ["SFT" if number == 0 else f"DPO {number}" for number in numbers])
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


def arms_of(rows: Sequence[ArmRow]) -> list[str]:
    """In the order of `ARMS`."""
    return [arm for arm in ARMS if any(row.arm == arm for row in rows)]


def flaws_of(rows: Sequence[RobustnessRow]) -> list[str]:
    return list(dict.fromkeys(row.flaw for row in rows))
