"""The board as Markdown: for a repository, an issue or a paper's appendix. Names and notes stay text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ..board import ANY, FAMILIES, Board, ComparableSet
from . import robust_views, views
from .text import percent, questions, visible
from .views import View

SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#~$!&])")


def escape(text: str) -> str:
    """Text on one line that Markdown, and HTML inside it, leaves as it is."""
    return SPECIAL.sub(r"\\\1", " ".join(visible(text).split()))


def markdown(board: Board) -> str:
    """Every view of the board, set by set, and the notes."""
    parts = [f"# {escape(board.title)}", _table(views.averages(board, [row.system for row in board.averages]), "##")]
    arms = dict.fromkeys(row.arm for row in board.arms)
    parts += [_table(views.tasks(board, arm), "##") for arm in arms]
    for found in board.sets:
        parts += [f"## {escape(found.name)}", f"{escape(questions(found))}.", *_set(board, found)]
    parts += [_table(views.lineage(board, ("questions", "paths", "corpus", "model")), "##"), _notes(board)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _set(board: Board, found: ComparableSet) -> Iterator[str]:
    systems = found.systems
    flaws = [ANY, *dict.fromkeys(row.flaw for row in board.flaws if row.set == found.name)]
    yield _table(views.arms(board, found, systems), "###")
    yield _settings(found)
    yield _table(_comparisons(board, found), "###")
    for view in (
        robust_views.rounds(board, found, whole=True),
        robust_views.training(board, found),
        robust_views.curve(board, found, systems),
        robust_views.flaw_map(board, found, systems, whole=True),
        robust_views.measures(board, found, systems),
    ):
        yield _table(view, "###")
    if any(row.set == found.name for row in board.measures):
        yield "\n".join(f"- {name}: {words}" for name, words in robust_views.meanings(board))
    if len(flaws) > 1:
        yield _table(robust_views.curve(board, found, systems, flaws), "###")
    yield _table(views.cost(board, found, systems), "###")


def _table(view: View, level: str) -> str:
    """A pipe table under its heading; nothing where it has no rows."""
    if not view.rows:
        return ""
    lines = [view.columns, [":--" if place < view.num_names else "--:" for place in range(len(view.columns))]]
    told = [_line(lines[0]), f"| {' | '.join(lines[1])} |", *(_line(row) for row in view.rows)]
    remark = f"\n\n{escape(view.remark)}" if view.remark else ""
    return f"{level} {escape(view.heading)}\n\n" + "\n".join(told) + remark


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(escape(cell) for cell in cells)} |"


def _settings(found: ComparableSet) -> str:
    lines = [
        f"- arm {escape(arm)}: prompt {escape(prompt)}, token cap {found.token_caps[arm]:,}"
        for arm, prompt in found.prompts.items()
    ]
    task = f"Task {escape(found.task)}, version {escape(found.task_version)}, parser {escape(found.parser)}."
    return f"{task}\n\n" + "\n".join(lines)


def _comparisons(board: Board, found: ComparableSet) -> View:
    rows = [
        (
            FAMILIES[row.family],
            f"{row.b} against {row.a}",
            row.outcome,
            f"{100 * row.difference:+.2f}",
            f"{percent(row.low)} – {percent(row.high)}",
            "< 0.001" if row.p < 0.001 else f"{row.p:.3f}",
            f"{row.n:,}",
            views.NONE if row.detectable is None else f"{100 * row.detectable:.1f}",
        )
        for row in board.comparisons
        if row.set == found.name
    ]
    columns = ("family", "comparison", "outcome", "difference, points", "95 % interval", "p (Holm)", "shared questions")
    return View("Paired comparisons", (*columns, "detectable, points"), rows, num_names=3)


def _notes(board: Board) -> str:
    if not board.notes:
        return ""
    # Backticks are escaped too: one inside a name would let the name out of its code.
    return "## Kept apart, renamed or left out\n\n" + "\n".join(f"- {escape(note)}" for note in board.notes)
