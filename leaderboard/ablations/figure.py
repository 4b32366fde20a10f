"""The ablations as one drawing: accuracies in the table's order above, the planned differences below.

Filled marks are sampled, hollow ones greedy; colour and shape both tell the kind of a row. Small and large differences
have axes of their own, so that a point of gain is seen beside a gap of fifty. The same figures give the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from insightv_bench.errors import require

from ..figures import INK, PALETTE, errors, style
from ..tables import short
from .records import TOPICS, AblationRow, Ablations, Decoding, Group, PlannedRow, Share, Topic

WIDTH = 8.0  # inches, as are all sizes here
ROW_HEIGHT = 0.25
HEAD_HEIGHT = 0.75
"""Of each panel: its title, its axis and the room between."""
NAME_LENGTH = 62
STEP = 0.17
"""Sampled stands this share of a row above its middle, greedy below."""
DECODINGS: dict[Decoding, float] = {"sampled": -STEP, "greedy": STEP}
GROUPS: dict[Group, tuple[int, str, str]] = {
    "base": (4, "s", "base model"),
    "agents": (0, "o", "the two agents"),
    "controls": (1, "D", "controls"),
    "rounds": (2, "^", "Rounds and their controls"),
    "others": (3, "v", "others"),
}
"""Place in the palette, marker, words."""
OF_TOPIC: dict[Topic, Group] = {"controls": "agents", "rounds": "rounds", "base": "base", "flaws": "controls"}
FORESTS: tuple[tuple[Topic, ...], ...] = (("controls", "rounds"), ("base", "flaws"))
SEED_INK = "#57606a"


class Line(NamedTuple):
    """A line of a panel."""

    key: str
    """Of what is drawn on it; empty: a heading."""
    text: str


def draw(ablations: Ablations, stem: Path) -> Path:
    """Write `<stem>.svg` and `<stem>.png`; returns the SVG's path. Raises MissingExtra without seaborn."""
    require("seaborn", "plots", "the figure")
    import matplotlib

    own = {"axes.titlesize": 10, "axes.titleweight": "bold", "svg.fonttype": "path"}
    with matplotlib.rc_context({**style(), **own}):
        canvas = _canvas(ablations)
        canvas.savefig(stem.with_suffix(".svg"), facecolor="white", metadata={"Date": None, "Creator": None})
        canvas.savefig(stem.with_suffix(".png"), facecolor="white", dpi=160, metadata={"Software": None})
    return stem.with_suffix(".svg")


def _canvas(ablations: Ablations) -> Any:
    from matplotlib.figure import Figure as Canvas

    table = [row for row in ablations.table if row.sampled or row.greedy]
    forests = [rows for topics in FORESTS if (rows := [row for row in ablations.comparisons if row.topic in topics])]
    lines = [_table_lines(table), *(_forest_lines(rows) for rows in forests)]
    heights = [HEAD_HEIGHT + ROW_HEIGHT * len(one) for one in lines]
    canvas = Canvas(figsize=(WIDTH, sum(heights) + 0.5), layout="constrained")
    panels = list(canvas.subplots(len(heights), 1, squeeze=False, height_ratios=heights).flat)
    _accuracies(panels[0], table, lines[0])
    for panel, rows, named in zip(panels[1:], forests, lines[1:], strict=True):
        _forest(panel, rows, named, len(ablations.seeds) > 1)
    _legend(canvas, table, ablations)
    return canvas


def _table_lines(rows: Sequence[AblationRow]) -> list[Line]:
    """Each system as a heading, its arms below it."""
    lines, last = [], ""
    for row in rows:
        if row.system != last:
            lines.append(Line("", row.system_name))
        lines.append(Line(f"{row.system}: {row.arm}", row.arm_name))
        last = row.system
    return lines


def _forest_lines(rows: Sequence[PlannedRow]) -> list[Line]:
    """Each topic as a heading, its comparisons below it, in the order planned."""
    lines = []
    for topic, caption in TOPICS.items():
        names = list(dict.fromkeys(row.name for row in rows if row.topic == topic))
        lines += [Line("", caption), *(Line(name, name) for name in names)] if names else []
    return lines


def _accuracies(axes: Any, rows: Sequence[AblationRow], lines: Sequence[Line]) -> None:
    places = {line.key: y for y, line in enumerate(lines)}
    for row in rows:
        shares: list[tuple[Decoding, Share | None]] = [("sampled", row.sampled), ("greedy", row.greedy)]
        for decoding, share in shares:
            if share is not None:
                aside = DECODINGS[decoding] if row.sampled and row.greedy else 0.0
                at = places[f"{row.system}: {row.arm}"] + aside
                _mark(axes, share.value, share.low, share.high, at, row.group, decoding)
    _finish(axes, lines, "accuracy %, with 95 % interval")


def _forest(axes: Any, rows: Sequence[PlannedRow], lines: Sequence[Line], several: bool) -> None:
    """Small ticks are the seeds' own differences."""
    places = {line.key: y for y, line in enumerate(lines)}
    for row in rows:
        alone = sum(other.name == row.name for other in rows) == 1
        at = places[row.name] + (0.0 if alone else DECODINGS[row.decoding])
        _mark(axes, row.difference, row.low, row.high, at, OF_TOPIC[row.topic], row.decoding)
        if several:
            xs = [100 * difference for difference in row.seed_differences]
            axes.plot(xs, [at] * len(xs), ls="none", marker="|", ms=7, mew=1.2, color=SEED_INK, zorder=1.5)
    axes.axvline(0, color=INK, lw=1, zorder=1)
    _finish(axes, lines, "difference in points, with 95 % interval")


def _mark(axes: Any, value: float, low: float, high: float, y: float, group: Group, decoding: Decoding) -> None:
    place, marker, _ = GROUPS[group]
    colour = PALETTE[place]
    face = colour if decoding == "sampled" else "white"
    look = {"marker": marker, "ms": 5.5, "mfc": face, "mec": colour, "ecolor": colour, "elinewidth": 1.4}
    axes.errorbar(100 * value, y, xerr=errors(value, low, high), ls="none", **look)


def _finish(axes: Any, lines: Sequence[Line], label: str) -> None:
    """The lines' names on the left, headings in bold."""
    import seaborn

    axes.set_yticks(range(len(lines)), [short(line.text, NAME_LENGTH).replace("$", r"\$") for line in lines])
    for tick, line in zip(axes.get_yticklabels(), lines, strict=True):
        tick.set_fontweight("normal" if line.key else "bold")
    axes.tick_params(axis="y", length=0)
    axes.set(xlabel=label, ylim=(len(lines) - 0.3, -0.7))
    axes.grid(axis="x", lw=0.6)
    axes.set_axisbelow(True)
    seaborn.despine(ax=axes, left=True)


def _legend(canvas: Any, table: Sequence[AblationRow], ablations: Ablations) -> None:
    """What filled and hollow mean, the kinds of rows, and the seeds' ticks."""
    from matplotlib.lines import Line2D

    plain: dict[str, Any] = {"ls": "none", "marker": "o", "ms": 6}
    greedy = any(row.greedy for row in table)
    entries = [Line2D([], [], **plain, color=INK, label="sampled")] if greedy else []
    entries += [Line2D([], [], **plain, mfc="white", mec=INK, label="greedy")] if greedy else []
    for group, (place, marker, words) in GROUPS.items():
        if any(row.group == group for row in table):
            entries.append(Line2D([], [], ls="none", marker=marker, ms=6, color=PALETTE[place], label=words))
    if len(ablations.seeds) > 1 and ablations.comparisons:
        entries.append(Line2D([], [], ls="none", marker="|", ms=8, mew=1.2, color=SEED_INK, label="each seed"))
    canvas.legend(handles=entries, loc="outside upper center", ncols=4, frameon=False)
