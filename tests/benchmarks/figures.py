"""How a benchmark keeps a figure: one line a comparison, printed, and appended to the file that BENCH_FIGURES names.

Ours and the other did the same work in the same run, turn about; a figure is the ratio of their medians, ours over the
other, and its range is that of the ratios turn by turn. Below 1 ours took less.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

FILE = "BENCH_FIGURES"
TIMES = int(os.environ.get("BENCH_TIMES", "3"))
"""Turns of each way, where a benchmark says nothing else."""
SCALE = float(os.environ.get("BENCH_SCALE", "1"))
"""Of all sizes: 0.05 says in minutes whether everything runs, and no more than that."""


def scaled(*sizes: int) -> tuple[int, ...]:
    return tuple(max(2, round(size * SCALE)) for size in sizes)


class Took(NamedTuple):
    """What one way took in one turn."""

    spent: float
    """In the figure's measure, seconds of the processor say."""
    peak_mb: float | None = None


class Work(NamedTuple):
    """What was done, and how it was measured."""

    area: str
    """A panel of the plot, `evaluation client` say."""
    size: int
    unit: str
    """What `size` counts: `texts`, `rows`."""
    measure: str
    """`s`, `ms a call`; of the processor, unless it says `by the clock`."""


def turn_about(ways: Mapping[str, Callable[[], Took]], times: int = TIMES) -> dict[str, list[Took]]:
    """Every way once, then every way again."""
    took: dict[str, list[Took]] = {name: [] for name in ways}
    for _ in range(times):
        for name, way in ways.items():
            took[name].append(way())
    return took


def keep(
    work: Work, ours: Sequence[Took], others: Mapping[str, Sequence[Took]], aim: float | None = None, bare: str = ""
) -> list[float]:
    """Ours against each of the others, the ratios in their order. `aim`: at most so much of `bare`, the first of the
    others if left out."""
    bare = bare or next(iter(others))
    found = [_figure(work, ours, name, runs, aim if name == bare else None, bare) for name, runs in others.items()]
    for figure in found:
        print(f"\n{_told(figure)}", end="")
    if FILE in os.environ:
        with Path(os.environ[FILE]).open("a", encoding="utf-8") as handle:
            handle.writelines(json.dumps(figure) + "\n" for figure in found)
    return [figure["ratio"] for figure in found]


def _figure(
    work: Work, ours: Sequence[Took], name: str, other: Sequence[Took], aim: float | None, bare: str
) -> dict[str, Any]:
    turns = [mine.spent / theirs.spent for mine, theirs in zip(ours, other, strict=False)]
    mine, theirs = (median(took.spent for took in runs) for runs in (ours, other))
    return {
        **work._asdict(),
        "beside": name,
        "is_bare": name == bare,
        "ours": mine,
        "other": theirs,
        "ratio": mine / theirs,
        "lowest": min(turns),
        "highest": max(turns),
        "turns": len(turns),
        "aim": aim,
        "peak_mb": _peak(ours),
        "other_peak_mb": _peak(other),
    }


def _peak(runs: Sequence[Took]) -> float | None:
    return max((took.peak_mb for took in runs if took.peak_mb is not None), default=None)


def _told(figure: Mapping[str, Any]) -> str:
    spread = f" ({figure['lowest']:.2f}-{figure['highest']:.2f})" if figure["turns"] > 1 else " (once)"
    aim = f", aim {figure['aim']:g}" if figure["aim"] else ""
    peak = f"; peak {figure['peak_mb']:,.0f} MB" if figure["peak_mb"] else ""
    peak += f" against {figure['other_peak_mb']:,.0f}" if peak and figure["other_peak_mb"] else ""
    return (
        f"{figure['area']}, {figure['size']:,} {figure['unit']}: {figure['ours']:.4g} {figure['measure']}, "
        f"{figure['beside']} {figure['other']:.4g}: {figure['ratio']:.2f}{spread}{aim}{peak}"
    )
