"""Scores and lengths of paths as drawings, each with a text alternative. The same figures give the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from insightv_bench.errors import require

WIDTH, PANEL_HEIGHT = 6.4, 1.9  # inches
DPI = 150
BIN = 5  # score points


class Figure(NamedTuple):
    """A drawing on disk."""

    name: str
    """Its file's name without suffix."""
    alternative: str
    """What it shows, in words."""


def draw(
    scores: pl.DataFrame, lengths: pl.DataFrame, folder: Path, suffixes: Sequence[str] = ("svg", "png")
) -> list[Figure]:
    """`scores.*` and `lengths.*`, as far as there are rows for them. Raises MissingExtra without seaborn."""
    require("seaborn", "plots", "the figures")
    import matplotlib
    import seaborn

    folder.mkdir(parents=True, exist_ok=True)
    style = {**seaborn.axes_style("ticks"), "font.size": 9, "svg.fonttype": "none", "svg.hashsalt": "insightv-bench"}
    with matplotlib.rc_context(style):
        return list(_drawn(scores, lengths, folder, suffixes))


def _drawn(scores: pl.DataFrame, lengths: pl.DataFrame, folder: Path, suffixes: Sequence[str]) -> Iterator[Figure]:
    if scores.height:
        _save(_panels(scores, _scores, "score, 1-100"), _stages(scores), folder / "scores", suffixes)
        words = " ".join(_scores_of(stage, scores) for stage in _stages(scores))
        yield Figure("scores", f"Histogram of path scores. {words}")
    if lengths.height:
        _save(_panels(lengths, _lengths, "steps of a path"), _stages(lengths), folder / "lengths", suffixes)
        words = " ".join(_lengths_of(stage, lengths) for stage in _stages(lengths))
        yield Figure("lengths", f"Histogram of path lengths. {words}")


def _stages(frame: pl.DataFrame) -> list[str]:
    return frame["stage"].unique(maintain_order=True).to_list()


def _save(paint: Callable[[Any], None], stages: list[str], file: Path, suffixes: Sequence[str]) -> None:
    from matplotlib.figure import Figure as Canvas

    canvas = Canvas(figsize=(WIDTH, 0.5 + PANEL_HEIGHT * len(stages)), layout="constrained")
    paint(canvas)
    for suffix in suffixes:
        metadata = {"Date": None, "Creator": None} if suffix == "svg" else {"Software": None}
        canvas.savefig(file.with_suffix(f".{suffix}"), dpi=DPI, facecolor="white", metadata=metadata)


def _panels(frame: pl.DataFrame, paint: Callable[[Any, pl.DataFrame], None], label: str) -> Callable[[Any], None]:
    """One panel a stage, over each other, so that they compare."""

    def painted(canvas: Any) -> None:
        import seaborn

        stages = _stages(frame)
        panels = canvas.subplots(len(stages), 1, sharex=True, squeeze=False)[:, 0]
        for panel, stage in zip(panels, stages, strict=True):
            paint(panel, frame.filter(pl.col("stage") == stage))
            panel.set_title(stage.partition("-")[2] or stage, loc="left", fontsize=9)
            panel.set_ylabel("paths")
            panel.yaxis.get_major_locator().set_params(integer=True)
            panel.grid(axis="y", lw=0.6)
            panel.set_axisbelow(True)
            seaborn.despine(ax=panel)
        panels[-1].set_xlabel(label)

    return painted


def _scores(panel: Any, frame: pl.DataFrame) -> None:
    rated = frame.drop_nulls("score")
    _bars(panel, rated, "score", 0, bins=[edge + 0.5 for edge in range(0, 101, BIN)])
    panel.set_xlim(0, 101)
    panel.set_title(f"{_total(frame) - _total(rated):,} without a score", loc="right", fontsize=8)


def _lengths(panel: Any, frame: pl.DataFrame) -> None:
    _bars(panel, frame, "steps", 1, discrete=True)
    panel.xaxis.get_major_locator().set_params(integer=True)
    panel.set_title(f"{_mean(frame, 'tokens'):,.0f} tokens a path", loc="right", fontsize=8)


def _bars(panel: Any, frame: pl.DataFrame, column: str, colour: int, **bins: Any) -> None:
    import seaborn

    x, weights = frame[column].to_numpy(), frame["num"].to_numpy()
    shade = seaborn.color_palette("colorblind")[colour]
    seaborn.histplot(x=x, weights=weights, ax=panel, color=shade, edgecolor="white", alpha=1, **bins)


def _mean(frame: pl.DataFrame, column: str) -> float:
    total = _total(frame)
    return float((frame[column] * frame["num"]).sum()) / total if total else 0.0


def _total(frame: pl.DataFrame) -> int:
    return int(frame["num"].sum())


def _scores_of(stage: str, scores: pl.DataFrame) -> str:
    frame = scores.filter(pl.col("stage") == stage)
    rated, total = frame.drop_nulls("score"), _total(frame)
    num = _total(rated)
    name = stage.partition("-")[2] or stage
    if not num:
        return f"{name}: none of {total:,} paths has a score."
    high = _total(rated.filter(pl.col("score") >= 80))
    return (
        f"{name}: {num:,} of {total:,} paths have a score, mean {_mean(rated, 'score'):.1f}, "
        f"{high / num:.0%} of them 80 or more."
    )


def _lengths_of(stage: str, lengths: pl.DataFrame) -> str:
    frame = lengths.filter(pl.col("stage") == stage)
    name, steps = stage.partition("-")[2] or stage, frame["steps"].sort().to_list()
    return (
        f"{name}: {_total(frame):,} paths of {steps[0]} to {steps[-1]} steps, "
        f"mean {_mean(frame, 'steps'):.1f}; mean {_mean(frame, 'tokens'):.0f} tokens."
    )
