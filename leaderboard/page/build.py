"""The board as a static folder: it asks no other host for anything, and works from a disk as from any server.

    index.html             the frame, and for a browser without JavaScript the figures as plain tables
    figures/               drawings, light and dark
    page/                  style and scripts, as they lie in this package
    page/data/             the board and the samples as script files, loaded piece by piece (see `data`)
    page/images/         the questions' images

Its Content-Security-Policy allows scripts, styles and images of its own folder and nothing else. This module
computes no figure.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

import polars as pl

from insightv_bench import arms
from insightv_bench.escape import visible
from insightv_bench.storage import write_text

from ..board import ARMS, FAMILIES, MEANINGS, Board, ComparableSet
from ..figures import Figure
from ..tables import headline, measured
from . import sample_blocks, samples, sections
from .cite import cite
from .data import as_table, outcomes, write_chunk
from .images import Images
from .markup import escape, plain
from .run_files import read_run_files

Section = Callable[[Board, ComparableSet], str]
SECTIONS: dict[str, tuple[str, Section]] = {
    "board": ("Board", sections.board),
    "comparisons": ("Comparisons", sections.comparisons),
    "robustness": ("Robustness to a flawed path", sections.robustness),
    "rounds": ("Rounds", sections.rounds),
}
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'"
PARTS = ("base", "table", "board", "statistics", "compare", "views", "samples", "main")
SCRIPTS = tuple(f"{part}.js" for part in PARTS)
"""In the order in which they are loaded."""
MAX_PLAIN = 400
"""Rows of arms that the plain tables show; a larger board is told to read `board.json`."""
LITERAL = re.compile(r"`([^`]+)`")
BRAND = "insightv-bench"
OWN, MARK = "page", "board"
PER_SET = ("comparisons", "robustness", "measures", "rounds", "flaws")
"""What is loaded with a comparable set, not before."""


def write_page(
    out: Path,
    board: Board,
    sets: Sequence[tuple[ComparableSet, pl.DataFrame]],
    drawn: Sequence[Figure],
    evaluations: Sequence[Path],
) -> None:
    """The whole folder but its figures; `index.html` comes last."""
    shown = samples.choose(sets)
    data = out / OWN / "data"
    if (data / f"{MARK}.js").exists():  # an earlier build's; a folder that no build made stays, and stops this one
        shutil.rmtree(out / OWN)
    data.mkdir(parents=True)
    write_chunk(data, MARK, _front(board, drawn, shown))  # first: by it the next build knows the folder as a page's
    for name in ("style.css", "icon.svg", *SCRIPTS):
        (out / OWN / name).write_text(_asset(name), encoding="utf-8")
    for place, (one, rows) in enumerate(sets):
        tables_of = {name: [row for row in getattr(board, name) if row.set == one.name] for name in PER_SET}
        write_chunk(data, f"set-{place}", {name: as_table(rows_of, ["set"]) for name, rows_of in tables_of.items()})
        write_chunk(data, f"outcomes-{place}", outcomes(one, rows))
    _write_samples(data, shown, evaluations)
    write_text(out / "index.html", render(board))


def _write_samples(data: Path, shown: Sequence[samples.Shown], evaluations: Sequence[Path]) -> None:
    questions = list({question for one in shown for question in one.questions})
    paths = list({path for one in shown for path in one.rows["path_id"].unique() if path})
    run_files = read_run_files(evaluations, questions, paths)
    images = Images(data.with_name("images"))
    for place, one in enumerate(shown):
        write_chunk(data, f"samples-{place}", samples.index(one))
        sample_blocks.write_blocks(data, f"samples-{place}", one, run_files, images)


def _front(board: Board, drawn: Sequence[Figure], shown: Sequence[samples.Shown]) -> dict[str, Any]:
    """What the page reads first."""
    table = as_table(board.sets)
    sets = [
        {**dict(zip(table["columns"], cells, strict=True)), "num_samples": len(places.questions) * len(places.systems)}
        for cells, places in zip(table["rows"], shown, strict=True)
    ]
    return {
        "title": visible(board.title),
        "notes": [visible(note) for note in board.notes],
        "sets": sets,
        **{name: as_table(getattr(board, name)) for name in ("arms", "averages", "lineage")},
        "arm_meanings": list(ARMS.items()),
        "usual_arms": [arm for arm, spec in arms.ARMS.items() if spec.usual],
        "measure_meanings": list(MEANINGS.items()),
        "families": list(FAMILIES.items()),
        "figures": [
            {**one._asdict(), "set": visible(one.set), "alternative": visible(one.alternative)} for one in drawn
        ],
        "reply_columns": sample_blocks.REPLY,
        "block": sample_blocks.BLOCK,
    }


def render(board: Board) -> str:
    """`index.html`."""
    links = '<a href="board.md">board.md</a> and <a href="board.json">board.json</a>'
    plain_figures = f"<p>This board has {len(board.arms):,} rows and needs JavaScript; {links} hold every figure.</p>"
    if len(board.arms) <= MAX_PLAIN:
        plain_figures = "".join(_section(board, heading, section) for heading, section in SECTIONS.values())
    return Template(_asset("index.html")).substitute(
        policy=POLICY,
        scripts="\n".join(f'<script defer src="{OWN}/{name}"></script>' for name in SCRIPTS),
        own=OWN,
        brand="" if board.title == BRAND else f'<p class="brand">{BRAND}</p>',
        title=escape(board.title),
        plain_title=plain(board.title),
        description=plain(_scale(board)),
        scale=_scale(board),
        measured=f'<p class="scale">{escape(told)}</p>' if (told := measured(board)) else "",
        submissions=sections.submissions(board),
        cite=escape(cite(board.title)),
        headline="".join(f"<p>{escape(sentence)}</p>" for sentence in headline(board)),
        notes=_notes(board),
        arms=_arms(board),
        plain=plain_figures,
    )


def _asset(name: str) -> str:
    return (files(__package__) / "assets" / name).read_text(encoding="utf-8")


def _section(board: Board, heading: str, section: Section) -> str:
    """A section over every comparable set, under the set's name where there are several."""
    parts = []
    for comparable in board.sets:
        name = f"<h3>{escape(comparable.name)}</h3>" if len(board.sets) > 1 else ""
        if content := section(board, comparable):
            parts.append(name + content)
    return f"<h2>{heading}</h2>{''.join(parts)}" if parts else ""


def _scale(board: Board) -> str:
    """How much was measured, in one line."""
    systems = f"{len({row.system for row in board.arms}):,} systems"
    replies = sum(row.n for row in board.arms)
    questions = sum(comparable.num_questions for comparable in board.sets)
    apart = f"{len(board.sets)} comparable sets · " if len(board.sets) > 1 else ""
    return f"{systems} · {apart}{questions:,} questions · {replies:,} replies"


def _notes(board: Board) -> str:
    if not board.notes:
        return ""
    marked = (LITERAL.sub(r"<code>\1</code>", escape(note)) for note in board.notes)
    items = "".join(f"<li>{note}</li>" for note in marked)
    number = "1 note" if len(board.notes) == 1 else f"{len(board.notes)} notes"
    summary = f"<summary>{number}: what was kept apart, renamed or left out</summary>"
    return f'<details class="notes">{summary}<ul>{items}</ul></details>'


def _arms(board: Board) -> str:
    """What each arm on the board is."""
    present = {row.arm for row in board.arms}
    items = (
        f"<div><dt><code>{arm}</code></dt><dd>{meaning}</dd></div>" for arm, meaning in ARMS.items() if arm in present
    )
    return f"<dl>{''.join(items)}</dl>"
