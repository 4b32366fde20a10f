"""The figures as one image: a panel for each kind of work, the ratio over the size, a line for each other way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

COLUMNS = 4


def draw(figures: Sequence[Mapping[str, Any]], file: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    import seaborn as sns

    sns.set_theme(style="whitegrid", context="notebook")
    panels = [(area, list(found)) for area, found in groupby(sorted(figures, key=area_of), key=area_of)]
    columns = min(COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    drawn, axes = plt.subplots(rows, columns, figsize=(4.6 * columns, 3.6 * rows), squeeze=False, layout="constrained")
    for ax, (area, found) in zip(axes.flat, panels, strict=False):
        panel(ax, area, found)
    for ax in axes.flat[len(panels) :]:
        ax.set_visible(False)
    drawn.suptitle("Ours over the other on the same work, in time or memory (below 1: ours took less)")
    drawn.savefig(file, dpi=110)
    plt.close(drawn)


def area_of(figure: Mapping[str, Any]) -> str:
    return str(figure["area"])


def panel(ax: Any, area: str, found: Sequence[Mapping[str, Any]]) -> None:
    import seaborn as sns

    names = list(dict.fromkeys(figure["beside"] for figure in found))
    for colour, name in zip(sns.color_palette("colorblind", len(names)), names, strict=True):
        rows = sorted((figure for figure in found if figure["beside"] == name), key=lambda figure: figure["size"])
        sizes, ratios = [row["size"] for row in rows], [row["ratio"] for row in rows]
        spread = [[r["ratio"] - r["lowest"] for r in rows], [r["highest"] - r["ratio"] for r in rows]]
        spread = [[max(0.0, w) if r["turns"] > 1 else 0.0 for w, r in zip(side, rows, strict=True)] for side in spread]
        ax.errorbar(sizes, ratios, spread, label=name, color=colour, marker="o", capsize=3)
    ax.axhline(1, color="0.4", linewidth=1)
    aims = {figure["aim"] for figure in found if figure["aim"]}
    for aim in aims:
        ax.axhline(aim, color="crimson", linewidth=1, linestyle="--", label=f"aim {aim:g}")
    ax.set(title=area, yscale="log", xscale="log", xlabel=found[0]["unit"], ylabel="ratio")
    plain_ticks(ax, sorted({figure["size"] for figure in found}))
    ax.legend(fontsize=8)


def plain_ticks(ax: Any, sizes: Sequence[int]) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

    ax.set_xticks(sizes, [short(size) for size in sizes])
    ax.xaxis.set_minor_locator(NullLocator())
    low, high = ax.get_ylim()
    # Within a factor of three a logarithmic axis would have one number or none.
    ax.yaxis.set_major_locator(MaxNLocator(5) if high < 3 * low else LogLocator(subs=(1.0, 2.0, 5.0), numticks=12))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
    ax.yaxis.set_minor_formatter(NullFormatter())


def short(size: int) -> str:
    for letter, unit in (("M", 1_000_000), ("k", 1_000)):
        if size >= unit:
            return f"{size / unit:.3g}{letter}"
    return str(size)
