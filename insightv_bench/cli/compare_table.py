"""What `compare` prints: accuracies, figures, what went wrong, tokens, and what both sides took. Points are percentage
points; every figure has its 95 % interval and n. As JSON it is the same, in shares of 1.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import polars as pl
from rich.console import Console
from rich.table import Table
from rich.text import Text

from insightv_bench.engines import Costs
from insightv_bench.escape import visible
from insightv_bench.results import (
    CUT,
    HIDDEN,
    MEANINGS,
    MISSING,
    OF_CUT,
    OUTCOMES,
    Compared,
    CurvePairing,
    FigurePairing,
    Pairing,
    Results,
    Tokens,
    compare,
    counted,
    cut_warning,
    dialects_of,
    equal_tokens,
    outcomes,
    over_samples,
    tokens_a_right_answer,
    tokens_known,
)
from insightv_bench.statistics import NONE, NOT_SHOWN, Interval, estimate, p_value, percent, points, sentence, verdict

BETWEEN = ": "
"""Between two systems and their arm."""


def print_comparison(a: Results, b: Results, console: Console, margin: float | None = None) -> None:
    """`margin`: the share within which two are level. Raises RunError where they cannot be compared."""
    compared = compare(a, b)
    console.print(visible(f"A  {a.named}\nB  {b.named}"), highlight=False, markup=False, soft_wrap=True)
    _accuracies(compared.pairings, console, margin)
    if compared.curves:
        _curves(compared.curves, console)
    if compared.figures:
        _figures(compared.figures, console)
    _outcomes(compared.pairings, a, b, console)
    _dialects(compared.pairings, a, b, console)
    _tokens(compared.pairings, a, b, console)
    notes = [
        *_over_samples(compared.pairings, a, b),
        *_equal_tokens(compared.pairings, a, b),
        *_cut_off(compared.pairings, a, b),
        *_token_counts(compared.pairings, a, b),
        *compared.notes,
    ]
    console.print()
    for note in notes:
        _print(visible(note), console)


def _table(title: str, columns: Sequence[str], lefts: int, console: Console, rows: Sequence[Sequence[str]]) -> None:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    tasks = list(dict.fromkeys(row[0] for row in rows))
    if len(tasks) == 1:
        table.title = Text(visible(f"{tasks[0]}: {title[0].lower()}{title[1:]}"))
        columns, rows, lefts = columns[1:], [row[1:] for row in rows], lefts - 1
    systems = {row[0].partition(BETWEEN)[0] for row in rows if BETWEEN in row[0]}
    if len(systems) == 1 and all(BETWEEN in row[0] for row in rows):  # A and B are named above
        rows = [[row[0].partition(BETWEEN)[2], *row[1:]] for row in rows]
    for place, column in enumerate(columns):
        # Where lines are short a name is folded, never a figure.
        justify: Literal["left", "right"] = "left" if place < lefts else "right"
        table.add_column(column, justify=justify, overflow="fold", no_wrap=place >= lefts)
    below = _width(columns, rows) > console.width  # an interval then stands below its figure
    for row in rows:
        cells = (visible(cell).replace(" [", "\n[") if below else visible(cell) for cell in row)
        table.add_row(*map(Text, cells))
    if below:
        table.padding = (0, 1, 0, 0)
    console.print()
    console.print(table)


def _width(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """Characters of the table with every cell on one line, two between columns."""
    return sum(max(map(len, column)) + 2 for column in zip(columns, *rows, strict=True)) - 2


def _accuracies(pairings: Sequence[Pairing], console: Console, margin: float | None) -> None:
    rows = [
        [
            one.task,
            _sides(one),
            percent(*one.accuracy_a[:3]),
            percent(*one.accuracy_b[:3]),
            points(one.comparison.difference, one.adjusted.low, one.adjusted.high),
            p_value(one.p),
            f"{one.comparison.n:,}",
            percent(one.detectable),
        ]
        for one in pairings
    ]
    columns = ["task", "arm", "A, %", "B, %", "B - A, points", "p", "n", "detectable"]
    _table("Accuracy, p and B - A after Holm over this table", columns, 2, console, rows)
    verdicts: dict[str, list[str]] = {}
    for one in pairings:
        said = verdict(one.adjusted, one.comparison.difference, margin)
        verdicts.setdefault(said, []).append(_sides(one))
    for said, arms in verdicts.items():
        _print(f"  B {'is ' if said != NOT_SHOWN else ''}{said}: {', '.join(dict.fromkeys(arms))}", console)
    _print(
        "  detectable: the smallest true difference, in points, that so many questions show with 80 % power", console
    )


def _print(text: str, console: Console) -> None:
    console.print(text, highlight=False, markup=False)


def _sides(one: Pairing) -> str:
    systems = "" if one.a.system == one.b.system else f"{one.a.system} | {one.b.system}{BETWEEN}"
    return systems + (one.a.arm if one.a.arm == one.b.arm else f"{one.a.arm} | {one.b.arm}")


def _figures(figures: Sequence[FigurePairing], console: Console) -> None:
    rows = [_paired(one, one.measure.replace("_", " "), one.figure_a, one.figure_b) for one in figures]
    columns = ["task", "system", "figure", "A, %", "B, %", "B - A, points", "p", "n"]
    _table("Robustness, p and B - A after Holm over this table", columns, 3, console, rows)
    for measure in dict.fromkeys(one.measure for one in figures):
        _print(f"  {measure.replace('_', ' ')}: {MEANINGS[measure]}", console)


def _paired(one: FigurePairing | CurvePairing, name: str, a: Interval, b: Interval) -> list[str]:
    systems = one.a if one.a == one.b else f"{one.a} | {one.b}"
    sides = [percent(*a[:3]), percent(*b[:3]), points(one.comparison.difference, one.adjusted.low, one.adjusted.high)]
    return [one.task, systems, name, *sides, p_value(one.p), f"{a.n:,} | {b.n:,}"]


def _curves(curves: Sequence[CurvePairing], console: Console) -> None:
    rows = [_paired(one, f"{one.severity:g}", one.accuracy_a, one.accuracy_b) for one in curves]
    columns = ["task", "system", "severity", "A, %", "B, %", "B - A, points", "p", "n"]
    _table(
        "Accuracy by severity, 0: the clean path; p and B - A after Holm over this table",
        columns,
        2,
        console,
        rows,
    )


def _rows_of(results: Results, task: str, system: str, arm: str) -> pl.DataFrame:
    of = (pl.col("task") == task) & (pl.col("system") == system) & (pl.col("arm") == arm)
    return counted(results.rows.filter(of))


def _outcomes(pairings: Sequence[Pairing], a: Results, b: Results, console: Console) -> None:
    """Only what happened at all: a share of nought on both sides is left out, and without likely readings the accuracy
    of the sure ones is accuracy."""
    rows = []
    for one in pairings:
        sides = [_rows_of(a, one.task, *one.a), _rows_of(b, one.task, *one.b)]
        all_sure = not any((side["answer"].is_not_null() & ~side["sure"]).any() for side in sides)
        any_cut = any(side.select(CUT.any()).item() for side in sides)
        for here, there in zip(outcomes(sides[0]), outcomes(sides[1]), strict=True):
            told_already = here.outcome == "accuracy" or (all_sure and here.outcome == "sure_accuracy")
            told_already |= not any_cut and here.outcome in OF_CUT
            if not told_already and (here.interval.value or there.interval.value):
                shares = [percent(*here.interval[:3]), percent(*there.interval[:3])]
                rows.append([one.task, _sides(one), here.outcome.replace("_", " "), *shares])
    if rows:
        _table(
            "What went wrong, and what is not sure, % of replies",
            ["task", "arm", "outcome", "A", "B"],
            3,
            console,
            rows,
        )
        for outcome in dict.fromkeys(row[2] for row in rows):
            meaning = next(words for name, words in OUTCOMES.items() if name.replace("_", " ") == outcome)
            _print(f"  {outcome}: {meaning}", console)


def _dialects(pairings: Sequence[Pairing], a: Results, b: Results, console: Console) -> None:
    """Which form the paths had that replies rest on."""
    sides = [(one, [dialects_of(_rows_of(*side)) for side in _cells(one, a, b)]) for one in pairings]
    rows = [[one.task, _sides(one), *(_counts(told) for told in both)] for one, both in sides if any(both)]
    if rows:
        _table("Form of the paths, replies", ["task", "arm", "A", "B"], 4, console, rows)


def _cells(one: Pairing, a: Results, b: Results) -> list[tuple[Results, str, str, str]]:
    return [(a, one.task, *one.a), (b, one.task, *one.b)]


def _counts(told: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {num:,}" for name, num in told.items()) or NONE


def _tokens(pairings: Sequence[Pairing], a: Results, b: Results, console: Console) -> None:
    rows = []
    for one in pairings:
        sides = [(a, one.a), (b, one.b)]
        frames = [_rows_of(results, one.task, *cell) for results, cell in sides]
        took = [results.costs.get((one.task, *cell)) for results, cell in sides]
        right = [int(frame["correct"].sum()) for frame in frames]
        rows.append(
            [one.task, _sides(one)]
            + [f"{int(frame['total_tokens'].sum()) / frame.height:,.0f}" for frame in frames]
            + [_tokens_a_right_answer(frame) for frame in frames]
            + [_each(cost, "seconds", num) for cost, num in zip(took, right, strict=True)]
            + [_each(cost, "cost_usd", num) for cost, num in zip(took, right, strict=True)]
        )
    columns = ["task", "arm", "tokens A", "B", "a right answer A", "B", "seconds A", "B", "USD A", "B"]
    if all(row[8] == row[9] == NONE for row in rows):
        columns, rows = columns[:8], [row[:8] for row in rows]
    _table("Tokens an answer; tokens and model seconds a right answer", columns, 2, console, rows)


def _tokens_a_right_answer(rows: pl.DataFrame) -> str:
    price = estimate(tokens_a_right_answer(rows))
    return (
        NONE
        if not tokens_known(rows) or math.isnan(price.value)
        else f"{price.value:,.0f} [{price.low:,.0f}, {price.high:,.0f}]"
    )


def _each(costs: Costs | None, name: str, num_right: int) -> str:
    spent = getattr(costs, name) if costs else 0
    if not spent or not num_right:
        return NONE
    return f"{spent / num_right:.3g}" if name == "seconds" else f"{spent / num_right:.4f}"


def _equal_tokens(pairings: Sequence[Pairing], a: Results, b: Results) -> list[str]:
    """Of each system that has both arms, two agents against a vote at equal tokens."""
    keys = [(results, one.task, cell.system) for one in pairings for results, cell in ((a, one.a), (b, one.b))]
    sentences: dict[str, None] = {}
    for results, task, system in keys:
        for equal in equal_tokens(results.rows.filter((pl.col("task") == task) & (pl.col("system") == system))):
            few = f" of the {equal.wanted_k} that equal tokens allow" if equal.wanted_k > equal.k else ""
            alone = f"{equal.rule} of {equal.k} path{'s' * (equal.k > 1)}{few} ({_generated_and_read(equal.alone)})"
            both = f"{system}: reason+summary ({_generated_and_read(equal.two_agents)})"
            sentences[f"{task}: {sentence(alone, both, equal.comparison)}"] = None
    return list(sentences)


def _generated_and_read(tokens: Tokens) -> str:
    read = f", {tokens.read:,.0f} read" if tokens.read else ""
    return f"{tokens.generated:,.0f} tokens generated{read}"


def _over_samples(pairings: Sequence[Pairing], a: Results, b: Results) -> list[str]:
    """Of each arm with several samples a question, what they say together."""
    told: dict[str, None] = {}
    for one in pairings:
        for results, cell in ((a, one.a), (b, one.b)):
            found = over_samples(_rows_of(results, one.task, *cell))
            if found:
                shares = (
                    f"pass@{found.k} {percent(*found.pass_at_k[:3])} %, same answer {percent(*found.consistency[:3])} %"
                )
                told[f"{one.task}: {cell.system}: {cell.arm}: {shares}, n = {found.pass_at_k.n:,} questions"] = None
    return list(told)


def _cut_off(pairings: Sequence[Pairing], a: Results, b: Results) -> list[str]:
    """Which caps to raise before a difference is believed: a reply that was cut off is neither wrong nor right."""
    warnings: dict[str, None] = {}
    for one in pairings:
        for side, results, cell in (("A", a, one.a), ("B", b, one.b)):
            rows = _rows_of(results, one.task, *cell)
            told = cut_warning(cell.arm, int(rows.select(CUT.sum()).item()), rows.height)
            warnings |= {f"warning: {side}, {one.task}, {cell.system}: {told}": None} if told else {}
    return list(warnings)


def _token_counts(pairings: Sequence[Pairing], a: Results, b: Results) -> list[str]:
    """Whose server's counts are not those of its replies: what is said of tokens is then not so."""
    warnings: dict[str, None] = {}
    for one in pairings:
        for side, results, cell in (("A", a, one.a), ("B", b, one.b)):
            rows = _rows_of(results, one.task, *cell)
            where = f"warning: {side}, {one.task}, {cell.system}: arm `{cell.arm}`"
            for event, words in (
                (MISSING, "have no token count that fits their text"),
                (HIDDEN, "took more than shown"),
            ):
                num = int(rows.select(event.sum()).item())
                warnings |= {f"{where}: {num:,} of {rows.height:,} replies {words}": None} if num else {}
    return list(warnings)


def as_json(a: Results, b: Results) -> str:
    """Every figure of the comparison, and of each side what its arms took."""
    found: Compared = compare(a, b)
    content = {
        "a": str(a.named),
        "b": str(b.named),
        "accuracy": [_plain(one) for one in found.pairings],
        "robustness": [_plain(one) for one in found.figures],
        "severities": [_plain(one) for one in found.curves],
        "outcomes": [row for side, results in (("a", a), ("b", b)) for row in _outcome_rows(side, results, found)],
        "notes": [*_cut_off(found.pairings, a, b), *_token_counts(found.pairings, a, b), *found.notes],
    }
    return json.dumps(content, indent=1)


def _outcome_rows(side: str, results: Results, found: Compared) -> list[dict[str, Any]]:
    outcome_rows = []
    for one in found.pairings:
        cell = one.a if side == "a" else one.b
        rows = _rows_of(results, one.task, *cell)
        took = results.costs.get((one.task, *cell))
        outcome_rows.append(
            {"side": side, "task": one.task, **cell._asdict()}
            | {each.outcome: _plain(each.interval) for each in outcomes(rows)}
            | {"dialects": dialects_of(rows)}
            | {"tokens_a_right_answer": _plain(estimate(tokens_a_right_answer(rows)))}
            | {"took": took._asdict() if took else None}
        )
    return outcome_rows


def _plain(value: Any) -> Any:
    """Named tuples as dicts, nan as null."""
    if hasattr(value, "_asdict"):
        return {name: _plain(each) for name, each in value._asdict().items()}
    return None if isinstance(value, float) and math.isnan(value) else value
