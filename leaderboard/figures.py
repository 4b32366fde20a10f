"""The board as drawings: SVG files, one for a light page and one for a dark, each with a text alternative.

The same board gives the same bytes. Colours are seaborn's colour-blind palette, and a marker tells systems apart too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from insightv_bench.errors import require

from .alternatives import NAME_LENGTH, accuracy_words, rounds_words, severity_words
from .board import ARMS, ArmRow, Board, ComparableSet, RobustnessRow
from .robustness import ANY
from .systems import ROUND_ARMS, is_greedy, twin
from .text import short

WIDTH = 4.8  # inches, as are all sizes here
ROW_HEIGHT = 0.17
PANEL_HEIGHT = 1.5
INK = {"": "#1f2328", "-dark": "#e6edf3"}
"""Suffix of the file name -> colour of text and axes."""
GRID = {"": "#d0d7de", "-dark": "#3d444d"}
MARKERS = "osD^vPXdp*"
SHARES = (0, 104)
"""Percent; above 100 there is room for a marker."""


class Figure(NamedTuple):
    """A drawing on disk."""

    set: str
    section: str
    """The page's section: `board`, `robustness` or `rounds`."""
    name: str
    """Its file's name without suffix; the dark one's ends in `-dark`."""
    alternative: str
    """What it shows, in words."""


Draw = Callable[[Any, str], None]
"""Draws on a matplotlib figure, in a theme."""


def draw(board: Board, folder: Path) -> list[Figure]:
    """Write every figure the board has rows for. Raises MissingExtra without seaborn."""
    require("seaborn", "plots", "the figures")
    import matplotlib

    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for place, found in enumerate(board.sets, start=1):
        for section, alternative, width_height, paint in _planned(board, found):
            name = f"{section}-{place}"
            for theme in INK:
                with matplotlib.rc_context(_style(theme)):
                    _save(paint, width_height, theme, folder / f"{name}{theme}.svg")
            made.append(Figure(found.name, section, name, alternative))
    return made


def _planned(board: Board, found: ComparableSet) -> Iterator[tuple[str, str, tuple[float, float], Draw]]:
    """Section, text alternative, size and painter of each figure of one set."""
    arms = [row for row in board.arms if row.set == found.name]
    yield (
        "board",
        accuracy_words(arms, found),
        (WIDTH, 1.1 + ROW_HEIGHT * (len(arms) + len(_arms(arms))) + _legend_height(found.systems)),
        _accuracy(arms, found),
    )
    curve = [row for row in board.robustness if row.set == found.name]
    if curve:
        num_rows = (len(_flaws(curve)) + 1) // 2
        yield (
            "robustness",
            severity_words(curve),
            (WIDTH, 0.9 + PANEL_HEIGHT * num_rows + _legend_height(list({row.system for row in curve}))),
            _severity(curve, found.systems),
        )
    rounds = [row for row in arms if row.arm in ROUND_ARMS and row.trained]
    if len({row.round for row in rounds}) > 1:
        yield "rounds", rounds_words(rounds), (WIDTH, 2.8), _rounds(rounds)


def _style(theme: str) -> dict[str, Any]:
    import seaborn

    ink = INK[theme]
    colours = dict.fromkeys(["text.color", "axes.labelcolor", "xtick.color", "ytick.color", "axes.edgecolor"], ink)
    own = {"grid.color": GRID[theme], "font.size": 9, "axes.titlesize": 9, "axes.labelsize": 9, "svg.fonttype": "none"}
    own.update(dict.fromkeys(["xtick.labelsize", "ytick.labelsize", "legend.fontsize"], 9))
    fonts = {"font.family": ["sans-serif"], "font.sans-serif": ["DejaVu Sans", "Verdana", "sans-serif"]}
    return {**seaborn.axes_style("ticks"), **own, **fonts, **colours, "svg.hashsalt": "insightv-bench"}


def _save(paint: Draw, size: tuple[float, float], theme: str, file: Path) -> None:
    from matplotlib.figure import Figure as Canvas

    canvas = Canvas(figsize=size, layout="constrained")
    paint(canvas, theme)
    canvas.savefig(file, transparent=True, metadata={"Date": None, "Creator": None})


def _accuracy(rows: Sequence[ArmRow], found: ComparableSet) -> Draw:
    """Arms from top to bottom, within an arm the systems: a point and its interval.

    Chance is drawn where every question has options, so that it is chance of what is shown.
    """

    def paint(canvas: Any, theme: str) -> None:
        axes = canvas.subplots()
        y, ticks = 0.0, {}
        for arm in _arms(rows):
            members = [row for row in rows if row.arm == arm]
            ticks[y + (len(members) - 1) / 2] = arm
            for row in members:
                _point(axes, row, found.systems, y)
                y += 1
            y += 1
        if found.chance is not None and found.num_with_options == found.num_questions:
            axes.axvline(100 * found.chance, color=INK[theme], lw=1, ls=(0, (4, 3)), zorder=0, label="chance")
        axes.set_yticks(list(ticks), list(ticks.values()))
        axes.tick_params(axis="y", length=0)
        axes.set(xlim=(-2, 102), ylim=(y - 1, -1), xlabel="accuracy %, with 95 % interval")
        _finish(canvas, [axes], "x")

    return paint


def _point(axes: Any, row: ArmRow, systems: Sequence[str], y: float) -> None:
    errors = [[100 * (row.accuracy - row.low)], [100 * (row.high - row.accuracy)]]
    axes.errorbar(
        100 * row.accuracy, y, xerr=errors, **_mark(*_style_of(row.system, systems)), ls="none", label=_name(row.system)
    )


def _severity(rows: Sequence[RobustnessRow], systems: Sequence[str]) -> Draw:
    """One panel a flaw, one line a system."""

    def paint(canvas: Any, theme: str) -> None:
        flaws = _flaws(rows)
        drawn = [system for system in systems if any(row.system == system for row in rows)]
        panels = canvas.subplots((len(flaws) + 1) // 2, 2, sharex=True, sharey=True, squeeze=False).flat
        for panel, flaw in zip(panels, flaws, strict=False):
            for place, system in enumerate(drawn):
                points = [row for row in rows if row.flaw == flaw and row.system == system]
                aside = 0.02 * (place - (len(drawn) - 1) / 2)  # intervals side by side, not on top of each other
                style = _style_of(system, systems)
                _line(panel, [row.severity + aside for row in points], points, style, _name(system))
            panel.set_title("all flaws" if flaw == ANY else flaw, loc="left")
        for spare in panels[len(flaws) :]:
            spare.set_axis_off()
        used = list(panels[: len(flaws)])
        used[0].set(
            ylim=SHARES, yticks=range(0, 101, 25), xticks=[0, 0.25, 0.5, 0.75, 1], xticklabels=["0", "¼", "½", "¾", "1"]
        )
        canvas.supxlabel("severity: share of steps corrupted", size=9)
        canvas.supylabel("accuracy %", size=9)
        _finish(canvas, used, "y")

    return paint


def _rounds(rows: Sequence[ArmRow]) -> Draw:
    """One line an arm and base model; round 0 is supervised fine-tuning."""

    def paint(canvas: Any, theme: str) -> None:
        axes = canvas.subplots()
        several = len({row.base for row in rows}) > 1
        keys = sorted({(row.arm, row.base) for row in rows})
        for place, (arm, base) in enumerate(keys):
            points = sorted((row for row in rows if (row.arm, row.base) == (arm, base)), key=lambda row: row.round)
            xs = [row.round + 0.03 * place for row in points]
            _line(axes, xs, points, (place, False), f"{arm} ({_name(base)})" if several else arm)
        numbers = sorted({row.round for row in rows})
        axes.set_xticks(numbers, ["SFT" if number == 0 else f"DPO {number}" for number in numbers])
        axes.set(ylim=SHARES, xlim=(numbers[0] - 0.25, numbers[-1] + 0.25), ylabel="accuracy %")
        _finish(canvas, [axes], "y")

    return paint


def _style_of(system: str, systems: Sequence[str]) -> tuple[int, bool]:
    """The place of a system's mark, and whether it is hollow: a greedy system wears its sampled twin's mark, hollow."""
    twins = list(dict.fromkeys(twin(name) for name in systems))
    return twins.index(twin(system)), is_greedy(system)


def _line(
    axes: Any, xs: Sequence[float], rows: Sequence[ArmRow | RobustnessRow], style: tuple[int, bool], label: str
) -> None:
    ys = [100 * row.accuracy for row in rows]
    errors = [[100 * (row.accuracy - row.low) for row in rows], [100 * (row.high - row.accuracy) for row in rows]]
    if rows:
        axes.errorbar(xs, ys, yerr=errors, **_mark(*style), lw=1.3, label=label)


def _mark(place: int, hollow: bool) -> dict[str, Any]:
    import seaborn

    palette = seaborn.color_palette("colorblind")
    turn = place + place // len(palette)  # the eleventh has the first's colour, and another marker
    made = {"color": palette[place % len(palette)], "marker": MARKERS[turn % len(MARKERS)], "ms": 5, "elinewidth": 1.3}
    return {**made, "mfc": "none"} if hollow else made


def _finish(canvas: Any, panels: Sequence[Any], grid: str) -> None:
    """A quiet frame, and one legend for all panels above them."""
    import seaborn

    entries: dict[str, Any] = {}
    for panel in panels:
        panel.grid(axis=grid, lw=0.6)
        panel.set_axisbelow(True)
        seaborn.despine(ax=panel, left=grid == "x")
        handles, labels = panel.get_legend_handles_labels()
        entries.update({label: handle for label, handle in zip(labels, handles, strict=True) if label not in entries})
    columns = _legend_columns(list(entries))
    canvas.legend(entries.values(), entries.keys(), loc="outside upper center", ncols=columns, frameon=False)


def _legend_columns(labels: Sequence[str]) -> int:
    return max(1, min(len(labels), 64 // (max(map(len, labels)) + 7)))


def _legend_height(systems: Sequence[str]) -> float:
    """Inches that the legend's lines after the second need."""
    labels = [_name(system) for system in systems]
    return ROW_HEIGHT * max(0, -(-len(labels) // _legend_columns(labels)) - 2) if labels else 0.0


def _name(text: str) -> str:
    """A name that matplotlib draws as it stands: `$` would start a formula, a leading `_` would hide the entry."""
    name = short(text, NAME_LENGTH).replace("$", r"\$")
    return f" {name}" if name.startswith("_") else name


def _arms(rows: Sequence[ArmRow]) -> list[str]:
    """In the order of `ARMS`."""
    return [arm for arm in ARMS if any(row.arm == arm for row in rows)]


def _flaws(rows: Sequence[RobustnessRow]) -> list[str]:
    return list(dict.fromkeys(row.flaw for row in rows))
