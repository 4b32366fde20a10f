"""A calibration on the terminal, from its file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

FIGURES, PLOT = "calibration.json", "calibration.png"


def print_calibration(folder: Path, console: Console) -> None:
    figures = json.loads((folder / FIGURES).read_text(encoding="utf-8"))
    table = Table("", "value", "95 % interval", "n", box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for name, figure in rows_of(figures):
        table.add_row(name, *(cells(figure) if figure else ("", "", "")))
    console.print(table, highlight=False)
    for line in notes(figures):
        console.print(line, highlight=False, soft_wrap=True)
    shown = [folder / name for name in (FIGURES, PLOT) if (folder / name).exists()]
    console.print("\n" + "\n".join(f"Written  {file}" for file in shown), highlight=False, soft_wrap=True)


def rows_of(figures: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any] | None]]:
    """(label, figure); a heading has none."""
    if "scores" in figures:
        yield "answer verdict agrees", figures["answers"]["all"]
        yield "  where the answer is right", figures["answers"]["right"]
        yield "  where it is wrong", figures["answers"]["wrong"]
        yield "score: rank correlation with the oracle", figures["scores"]["rank_correlation"]
        for name, figure in figures["scores"].items():
            if name != "rank_correlation":
                yield f"score: {name.replace('_', ' ')}", figure
        yield "AUROC, sound paths against", None
        yield from ((f"  {name}", figure) for name, figure in figures["auroc"].items())
    if "attacks" in figures:
        yield "points a score rises by addressing the judge", None
        yield from ((f"  {name}", each) for name, each in figures["attacks"].items() if name != "num_unscored")
    if "first_wrong_step" in figures:
        yield from steps_of("first wrong step", figures["first_wrong_step"])
    for name, every in figures.get("every_step", {}).items():
        yield from every_step(f"every step, {name}", every)
    for task, figure in figures.get("traces", {}).items():
        yield from steps_of(f"traces, {task}", figure)


EVERY = {
    "macro_f1": "macro-F1 over all steps",
    "f1_right": "  of right steps",
    "f1_wrong": "  of wrong steps",
    "first_error_error": "first wrong step named, in flawed paths",
    "first_error_correct": "none named, in right paths",
    "first_error_f1": "F1 of the first wrong step",
    "auroc": "AUROC of steps",
    "rank_correlation": "rank correlation, path by path",
    "ece": "expected calibration error",
}


def every_step(label: str, figures: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any] | None]]:
    yield label, None
    yield from ((f"  {words}", figures[name]) for name, words in EVERY.items() if name in figures)
    for name, words in (("coverage", "90 % interval: coverage"), ("width", "90 % interval: width")):
        if "conformal" in figures:
            yield f"  {words}", figures["conformal"][name]


def steps_of(label: str, figures: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any] | None]]:
    yield label, None
    yield "  named, in flawed paths", figures["error"]
    yield "  none named, in right paths", figures["correct"]
    yield "  F1", figures["f1"]


def cells(figure: Mapping[str, Any]) -> tuple[str, str, str]:
    if figure["value"] is None:
        return "-", "", f"{figure['n']:,}"
    return f"{figure['value']:.3f}", f"{figure['low']:.3f} – {figure['high']:.3f}", f"{figure['n']:,}"


def notes(figures: Mapping[str, Any]) -> Iterator[str]:
    """What was not understood, said apart from what was wrong."""
    if "scores" in figures:
        yield f"{figures['num_unscored']:,} of {figures['num_paths']:,} paths unscored"
        yield f"{figures['answers']['num_unread']:,} verdicts on answers unread"
    named = {"first wrong step": figures.get("first_wrong_step")}
    named["first wrong step of traces"] = figures.get("traces", {}).get("all")
    for name, steps in named.items():
        if steps:
            yield f"{steps['num_unread']:,} replies on the {name} unread"
