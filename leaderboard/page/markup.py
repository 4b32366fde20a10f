"""HTML in small pieces: escaping, tables, an interval drawn as a strip.

`escape` and `plain` are the only ways by which text that others wrote enters the page.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from insightv_bench.escape import visible
from insightv_bench.statistics import interval as limits


class Cell(NamedTuple):
    """One cell of a table, its content already HTML."""

    content: str
    kind: str = "number"
    """A class of the style sheet: `number`, `name` or `strip`."""


class Group(NamedTuple):
    """Rows of a table that share a row heading; the heading is already HTML."""

    heading: str
    rows: Sequence[Sequence[Cell]]


def plain(text: object) -> str:
    """Text for an attribute or a title, where no element may stand."""
    return html.escape(visible(str(text)))


def escape(text: object) -> str:
    """Text for the page, with unseen characters spelt out and its direction kept to itself."""
    return f"<bdi>{plain(text)}</bdi>"


def name(text: object) -> Cell:
    return Cell(escape(text), "name")


def number(value: int) -> Cell:
    return Cell(f"{value:,}")


def interval(low: float | None, high: float | None) -> Cell:
    return Cell(limits(low, high))


def strip(value: float, low: float, high: float, least: float = 0.0, most: float = 1.0) -> Cell:
    """A point and its interval on a line from `least` to `most`; the figures beside it say the same in text."""
    value, low, high = (100 * (share - least) / (most - least) for share in (value, low, high))
    middle = '<line class="zero" x1="50" x2="50" y1="0" y2="12"/>' if least < 0 else ""
    marks = (
        f'<line class="axis" x1="0" x2="100" y1="6" y2="6"/>{middle}'
        f'<line class="interval" x1="{low:.1f}" x2="{high:.1f}" y1="6" y2="6"/>'
        f'<circle cx="{value:.1f}" cy="6" r="3.2"/>'
    )
    return Cell(f'<svg viewBox="-4 0 108 12" width="108" height="12" aria-hidden="true">{marks}</svg>', "strip")


def table(caption: str, headings: Sequence[str], groups: Iterable[Group], kinds: Sequence[str] = ()) -> str:
    """A table that scrolls by itself where the screen is narrow. Caption and headings are ours, not others' text.

    The first heading is that of the groups; `kinds` are the classes of the headings, `number` where none is given.
    """
    classes = [*kinds, *["number"] * (len(headings) - len(kinds))]
    pairs = zip(headings, classes, strict=True)
    head = "".join(f'<th scope="col" class="{kind}">{heading}</th>' for heading, kind in pairs)
    body = "".join(_group(group) for group in groups)
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{html.escape(caption)}">'
        f"<table><caption><span>{caption}</span></caption><thead><tr>{head}</tr></thead>{body}</table></div>"
    )


def _group(group: Group) -> str:
    rows = ["".join(f'<td class="{cell.kind}">{cell.content}</td>' for cell in row) for row in group.rows]
    scope = f'scope="rowgroup" rowspan="{len(rows)}"' if len(rows) > 1 else 'scope="row"'
    rows[0] = f'<th {scope} class="name">{group.heading}</th>{rows[0]}'
    return f"<tbody>{''.join(f'<tr>{row}</tr>' for row in rows)}</tbody>"


def details(summary: str, content: str) -> str:
    return f"<details><summary>{summary}</summary>{content}</details>"
