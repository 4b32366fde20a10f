"""The board as Markdown: for a repository, an issue or a paper's appendix. Names and notes stay text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from insightv_bench.escape import visible
from insightv_bench.records import Record
from insightv_bench.statistics import interval, p_value, percent, points
from insightv_bench.storage import write_file, write_text

from ..board import (
    ANY,
    FAMILIES,
    ArmRow,
    AverageRow,
    Board,
    ComparableSet,
    ComparisonRow,
    FlawRow,
    GapRow,
    LineageRow,
    MeasureRow,
    RobustnessRow,
    RoundRow,
    SubmissionRow,
)
from . import views
from .headline import headline
from .latex import as_csv, latex
from .views import View, questions

SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#~$!&])")

TABLES: dict[str, type[Record]] = {
    "arms": ArmRow,
    "comparisons": ComparisonRow,
    "robustness": RobustnessRow,
    "measures": MeasureRow,
    "averages": AverageRow,
    "rounds": RoundRow,
    "flaws": FlawRow,
    "gaps": GapRow,
    "lineage": LineageRow,
    "submissions": SubmissionRow,
}
"""Field of `Board` -> its rows."""
FOLDER = "tables"


def escape(text: str) -> str:
    """Text on one line that Markdown, and HTML inside it, leaves as it is."""
    return SPECIAL.sub(r"\\\1", " ".join(visible(text).split()))


def markdown(board: Board) -> str:
    """Every view of the board, set by set, and the notes."""
    parts = [
        f"# {escape(board.title)}",
        escape(" ".join(headline(board))),
        _table(views.averages(board, [row.system for row in board.averages]), "##"),
    ]
    parts += [_table(views.gaps(board), "##")]
    arms = dict.fromkeys(row.arm for row in board.arms)
    parts += [_table(views.tasks(board, arm), "##") for arm in arms]
    for comparable in board.sets:
        parts += [f"## {escape(comparable.name)}", f"{escape(questions(comparable))}.", *_set(board, comparable)]
    parts += [_table(views.lineage(board, ("questions", "paths", "corpus", "model")), "##")]
    parts += [_table(views.submissions(board), "##")]
    # Backticks are escaped too: one inside a name would let the name out of its code.
    notes = [f"- {escape(note)}" for note in board.notes]
    parts += ["\n".join(["## Kept apart, renamed or left out\n", *notes])] if notes else []
    return "\n\n".join(part for part in parts if part) + "\n"


def _set(board: Board, comparable: ComparableSet) -> Iterator[str]:
    systems = comparable.systems
    flaws = [ANY, *dict.fromkeys(row.flaw for row in board.flaws if row.set == comparable.name)]
    yield _table(views.arms(board, comparable, systems), "###")
    yield _settings(comparable)
    yield _table(_comparisons(board, comparable), "###")
    for view in (
        views.rounds(board, comparable, whole=True),
        views.training(board, comparable),
        views.curve(board, comparable, systems),
        views.flaw_map(board, comparable, systems, whole=True),
        views.measures(board, comparable, systems),
    ):
        yield _table(view, "###")
    if any(row.set == comparable.name for row in board.measures):
        yield "\n".join(f"- {name}: {words}" for name, words in views.meanings(board))
    if len(flaws) > 1:
        yield _table(views.curve(board, comparable, systems, flaws), "###")
    yield _table(views.cost(board, comparable, systems), "###")


def _table(view: View, level: str) -> str:
    """A pipe table under its heading; nothing where it has no rows."""
    if not view.rows:
        return ""
    rule = [":--" if place < view.num_names else "--:" for place in range(len(view.columns))]
    lines = [_line(view.columns), f"| {' | '.join(rule)} |", *map(_line, view.rows)]
    remark = f"\n\n{escape(view.remark)}" if view.remark else ""
    return f"{level} {escape(view.heading)}\n\n" + "\n".join(lines) + remark


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(escape(cell) for cell in cells)} |"


def _settings(comparable: ComparableSet) -> str:
    lines = [
        f"- arm {escape(arm)}: prompt {escape(prompt)}, token cap {comparable.token_caps[arm]:,}"
        for arm, prompt in comparable.prompts.items()
    ]
    task = f"Task {escape(comparable.task)}, version {escape(comparable.task_version)}"
    return f"{task}, parser {escape(comparable.parser)}.\n\n" + "\n".join(lines)


def _comparisons(board: Board, comparable: ComparableSet) -> View:
    rows = [
        (
            FAMILIES[row.family],
            f"{row.b} against {row.a}",
            row.outcome,
            points(row.difference),
            interval(row.low, row.high),
            p_value(row.p),
            f"{row.n:,}",
            percent(row.detectable),
        )
        for row in board.comparisons
        if row.set == comparable.name
    ]
    columns = ("family", "comparison", "outcome", "difference, points", "interval", "p (Holm)", "shared questions")
    remark = (
        "p is Holm-adjusted over the comparisons of one kind between the same two systems, and the interval is of the "
        "level that decided, 95 % where there is one comparison"
    )
    return View("Paired comparisons", (*columns, "detectable, points"), rows, num_names=3, remark=remark)


def write_files(board: Board, out: Path) -> None:
    """`out/board.json`, `out/board.md` and `out/tables/<table>.parquet`; an empty table has its columns too."""
    (out / FOLDER).mkdir(parents=True, exist_ok=True)
    for name, record in TABLES.items():
        write_file(out / FOLDER / f"{name}.parquet", getattr(board, name), record)
    write_text(out / "board.md", markdown(board))
    write_text(out / "board.csv", as_csv(board))
    write_text(out / "board.tex", latex(board))
    write_text(out / "board.json", board.model_dump_json(indent=1) + "\n")
