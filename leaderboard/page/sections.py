"""The page's sections, one function each: rows of the board in, HTML out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter
from typing import TypeVar

from insightv_bench.statistics import p_value, percent, points

from ..board import (
    FAMILIES,
    MEANINGS,
    ROUND_ARMS,
    ArmRow,
    Board,
    ComparableSet,
    ComparisonRow,
    Family,
    MeasureRow,
    RobustnessRow,
    SubmissionRow,
)
from ..tables import MARKS, questions
from .markup import Cell, Group, details, escape, interval, name, number, plain, strip, table

Row = TypeVar("Row", ArmRow, RobustnessRow)
NONE = Cell("–")


def board(shown: Board, comparable: ComparableSet) -> str:
    """Every arm of every system, and how each was run."""
    rows = [row for row in shown.arms if row.set == comparable.name]
    headings = [
        "System",
        "Arm",
        "Accuracy&nbsp;%",
        "0 – 100",
        "95&nbsp;% interval",
        "Sure&nbsp;alone&nbsp;%",
        "Replies",
        "Likely",
        "Unread",
    ]
    headings += ["Malformed path", "Form of the paths", "Cut off", "Failed", "Tokens per right answer"]
    groups = [Group(escape(system), [_arm(row) for row in members]) for system, members in _by_system(rows)]
    caption = f"Accuracy by system and arm, {questions(comparable)}"
    return table(caption, headings, groups, ("name", "name", "number", "strip")) + _settings(comparable)


def _arm(row: ArmRow) -> list[Cell]:
    tokens = row.tokens_per_right_answer
    remark = "<small>not above chance</small>" if row.above_chance is False else ""
    return [
        Cell(f"<code>{row.arm}</code>{remark}", "name"),
        Cell(f"<strong>{percent(row.accuracy)}</strong>"),
        strip(row.accuracy, row.low, row.high),
        interval(row.low, row.high),
        NONE if row.sure_accuracy is None else Cell(percent(row.sure_accuracy)),
        *(number(count) for count in (row.n, row.likely, row.unread, row.malformed)),
        Cell(f"<small>{escape(', '.join(row.dialects))}</small>") if row.dialects else NONE,
        _cut_off(row),
        number(row.failed),
        NONE if tokens is None else Cell(f"{tokens:,.0f}"),
    ]


def _cut_off(row: ArmRow) -> Cell:
    """How many, and below what they leave of the accuracy."""
    if row.if_cut_wrong is None or row.if_cut_right is None:
        return number(row.cut_off)
    bounds = f"{percent(row.if_cut_wrong)} – {percent(row.if_cut_right)}&nbsp;% if all wrong – right"
    finished = "" if row.finished_accuracy is None else f"{percent(row.finished_accuracy)}&nbsp;% of the finished; "
    return Cell(f"{row.cut_off:,}<small>{row.cut_in_thought:,} in thought; {finished}{bounds}</small>")


def _settings(comparable: ComparableSet) -> str:
    groups = [
        Group(f"<code>{arm}</code>", [[name(prompt), number(comparable.token_caps[arm])]])
        for arm, prompt in comparable.prompts.items()
    ]
    headings = ["Arm", "Prompt", "Token cap, all seats"]
    task = f"task {escape(comparable.task)}, version {escape(comparable.task_version)}"
    task += f", parser {escape(comparable.parser)}"
    return details(
        "Prompts, token caps and parser", f"<p>{task}</p>{table('Settings', headings, groups, ('name', 'name'))}"
    )


def submissions(shown: Board) -> str:
    """What came from whom, with the links that its maker gave; nothing where the results are of no submission."""
    groups = [
        Group(
            escape(row.title or row.id),
            [[name(row.status), name(row.date or "–"), _links(row), number(row.num_rows), name(row.why or "–")]],
        )
        for row in shown.submissions
    ]
    headings = ["Submission", "Verdict", "Date", "Links", "Rows", "Why"]
    kinds = ("name", "name", "name", "name", "number", "name")
    return "<h3>Submissions</h3>" + table("As `verify` found them", headings, groups, kinds) if groups else ""


def _links(row: SubmissionRow) -> Cell:
    """Addresses that others gave: told whole, so that nobody is led where a name does not say."""
    links = (f'<a href="{plain(link)}" rel="noopener noreferrer nofollow">{escape(link)}</a>' for link in row.links)
    return Cell("<br>".join(links) or "–", "name")


def comparisons(shown: Board, comparable: ComparableSet) -> str:
    """One table a family, as p is adjusted within it."""
    rows = [row for row in shown.comparisons if row.set == comparable.name]
    return "".join(
        _family(family, caption, [row for row in rows if row.family == family])
        for family, caption in FAMILIES.items()
        if any(row.family == family for row in rows)
    )


def _family(family: Family, caption: str, rows: Sequence[ComparisonRow]) -> str:
    widest = max(max(abs(row.low), abs(row.high)) for row in rows)
    span = max(10, 10 * math.ceil(10 * widest))  # points
    headings = ["Arm" if family == "rounds" else "System", "Comparison", "Outcome", "Difference, points"]
    headings += [f"−{span} – {span}", "Interval", "p (Holm)", "Shared questions", "Detectable, points"]
    order = list(dict.fromkeys(row.group for row in rows))
    in_order = sorted(rows, key=lambda row: order.index(row.group))
    by_group = [(group, list(members)) for group, members in groupby(in_order, key=attrgetter("group"))]
    groups = [Group(escape(group), [_comparison(row, span / 100) for row in members]) for group, members in by_group]
    kinds = ("name", "name", "name", "number", "strip")
    return table(
        f"{caption}; p Holm-adjusted over those of the same two systems, intervals of that level",
        headings,
        groups,
        kinds,
    )


def _comparison(row: ComparisonRow, span: float) -> list[Cell]:
    return [
        name(row.label),
        Cell(f'<span class="badge {row.outcome}">{MARKS[row.outcome]} {row.outcome}</span>', "name"),
        Cell(f"<strong>{points(row.difference)}</strong>"),
        strip(row.difference, row.low, row.high, -span, span),
        interval(row.low, row.high),
        Cell(p_value(row.p).replace("< ", "&lt;&nbsp;")),
        number(row.n),
        Cell(percent(row.detectable)),
    ]


def robustness(shown: Board, comparable: ComparableSet) -> str:
    """The figures of each system, and the curves as numbers."""
    measures = [row for row in shown.measures if row.set == comparable.name]
    curve = [row for row in shown.robustness if row.set == comparable.name]
    return (_measures(measures, comparable) if measures else "") + (_curve(curve) if curve else "")


def _measures(rows: Sequence[MeasureRow], comparable: ComparableSet) -> str:
    systems = [system for system in comparable.systems if any(row.system == system for row in rows)]
    cells = {(row.measure, row.system): row for row in rows}
    groups = [
        Group(
            f"{measure.replace('_', ' ')}<small>{meaning}</small>",
            [[_measure(cells.get((measure, system))) for system in systems]],
        )
        for measure, meaning in MEANINGS.items()
        if any(row.measure == measure for row in rows)
    ]
    headings = ["Measure, %", *(escape(system) for system in systems)]
    return table(
        "Robustness of the summary agent, 95&nbsp;% intervals clustered by question", headings, groups, ["name"]
    )


def _measure(row: MeasureRow | None) -> Cell:
    if row is None:
        return NONE
    limits = interval(row.low, row.high).content
    return Cell(f"<strong>{percent(row.value)}</strong><small>{limits}<br>n = {row.n:,}</small>")


def _curve(rows: Sequence[RobustnessRow]) -> str:
    headings = ["System", "Flaw", "Severity", "Accuracy&nbsp;%", "0 – 100", "95&nbsp;% interval", "n"]
    headings += ["Follow&nbsp;%", "95&nbsp;% interval", "n"]
    groups = [Group(escape(system), [_point(row) for row in members]) for system, members in _by_system(rows)]
    kinds = ("name", "name", "number", "number", "strip")
    return details("Every flaw and severity, as numbers", table("Arm flawed", headings, groups, kinds))


def _point(row: RobustnessRow) -> list[Cell]:
    return [
        name(row.flaw),
        Cell(f"{row.severity:.2f}"),
        Cell(f"<strong>{percent(row.accuracy)}</strong>"),
        strip(row.accuracy, row.low, row.high),
        interval(row.low, row.high),
        number(row.n),
        Cell(percent(row.follow)),
        interval(row.follow_low, row.follow_high),
        number(row.follow_n),
    ]


def rounds(shown: Board, comparable: ComparableSet) -> str:
    """Each trained system's accuracy in the arms that DPO is meant to move."""
    rows = [row for row in shown.arms if row.set == comparable.name and row.arm in ROUND_ARMS and row.trained]
    if not any(row.round for row in rows):
        return ""
    groups = [
        Group(escape(system), [[number(members[0].round), *_round(members)]]) for system, members in _by_system(rows)
    ]
    headings = ["System", "Round", *(f"<code>{arm}</code>&nbsp;%" for arm in ROUND_ARMS)]
    return table("Accuracy over rounds", headings, groups, ["name"])


def _round(rows: Sequence[ArmRow]) -> list[Cell]:
    by_arm: dict[str, ArmRow] = {row.arm: row for row in rows}
    return [
        Cell(f"<strong>{percent(row.accuracy)}</strong><small>{interval(row.low, row.high).content}</small>")
        if (row := by_arm.get(arm))
        else NONE
        for arm in ROUND_ARMS
    ]


def _by_system(rows: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    return [(system, list(members)) for system, members in groupby(rows, key=attrgetter("system"))]
