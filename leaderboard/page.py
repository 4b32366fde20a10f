"""The board as one static page: it asks no other host for anything, and works from a disk as from any server.

Style, script and samples lie inside the page, so that its Content-Security-Policy can name them by hash; only the
figures are files beside it. This module computes no figure.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Sequence
from importlib.resources import files
from string import Template

from . import sections
from .board import ARMS, Board, ComparableSet
from .figures import Figure
from .markup import escape, plain
from .samples import Sample

Section = Callable[[Board, ComparableSet], str]
SECTIONS: dict[str, Section] = {
    "board": sections.board,
    "comparisons": sections.comparisons,
    "robustness": sections.robustness,
    "rounds": sections.rounds,
}
LITERAL = re.compile(r"`([^`]+)`")
BRAND = "insightv-bench"
ABSENT = "<p class='absent'>Nothing was evaluated for this section.</p>"


def render(board: Board, drawn: Sequence[Figure], samples: Sequence[Sample]) -> str:
    """The whole page as HTML."""
    style, script = _asset("style.css"), _asset("viewer.js")
    policy = f"default-src 'none'; img-src 'self'; style-src {_hash(style)}; script-src {_hash(script)}"
    return Template(_asset("index.html")).substitute(
        {name: _section(board, drawn, name, section) for name, section in SECTIONS.items()},
        policy=f"{policy}; base-uri 'none'; form-action 'none'",
        style=style,
        script=script,
        brand="" if board.title == BRAND else f'<p class="brand">{BRAND}</p>',
        title=escape(board.title),
        plain_title=plain(board.title),
        scale=_scale(board),
        notes=_notes(board),
        arms=_arms(board),
        samples=_inert(samples),
    )


def _asset(name: str) -> str:
    return (files(__package__) / "page" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _inert(samples: Sequence[Sample]) -> str:
    """JSON that cannot end its own element: no `<`, `>` or `&` stands in it as such."""
    text = json.dumps(samples, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _section(board: Board, drawn: Sequence[Figure], name: str, section: Section) -> str:
    """A section over every comparable set, under the set's name where there are several."""
    parts = []
    for found in board.sets:
        heading = f"<h3>{escape(found.name)}</h3>" if len(board.sets) > 1 else ""
        figures = "".join(_figure(one) for one in drawn if (one.set, one.section) == (found.name, name))
        if content := section(board, found) + figures:
            parts.append(heading + content)
    return "".join(parts) or ABSENT


def _figure(drawn: Figure) -> str:
    return (
        f'<figure><picture><source media="(prefers-color-scheme: dark)" srcset="figures/{drawn.name}-dark.svg">'
        f'<img src="figures/{drawn.name}.svg" alt="{plain(drawn.alternative)}"></picture></figure>'
    )


def _scale(board: Board) -> str:
    """How much was measured, in one line."""
    systems = f"{len({row.system for row in board.arms}):,} systems"
    if len(board.sets) > 1:
        return f"{systems} · {len(board.sets)} comparable sets"
    replies = sum(row.n for row in board.arms)
    return f"{systems} · {board.sets[0].num_questions:,} questions · {replies:,} replies"


def _notes(board: Board) -> str:
    if not board.notes:
        return ""
    marked = (LITERAL.sub(r"<code>\1</code>", escape(note)) for note in board.notes)
    items = "".join(f"<li>{note}</li>" for note in marked)
    return f'<aside class="notes"><h3>Kept apart, renamed or left out</h3><ul>{items}</ul></aside>'


def _arms(board: Board) -> str:
    """What each arm on the board is."""
    present = {row.arm for row in board.arms}
    items = (
        f"<div><dt><code>{arm}</code></dt><dd>{meaning}</dd></div>" for arm, meaning in ARMS.items() if arm in present
    )
    return f"<dl>{''.join(items)}</dl>"
