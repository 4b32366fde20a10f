"""The figures in words, for who cannot see them. This module draws nothing."""

from __future__ import annotations

from collections.abc import Sequence

from insightv_bench.statistics import percent

from ..board import ANY, ArmRow, ComparableSet, FlawRow, MeasureRow, RobustnessRow
from ..tables import questions, short

NAME_LENGTH = 28
"""Of a system, in a figure and in its alternative."""


def accuracy_words(rows: Sequence[ArmRow], comparable: ComparableSet) -> str:
    cells = ", ".join(f"{short(row.system, NAME_LENGTH)} {row.arm} {percent(row.accuracy)} %" for row in rows)
    return f"Accuracy with 95 % intervals by arm and system, {questions(comparable)}: {cells}."


def severity_words(rows: Sequence[RobustnessRow]) -> str:
    parts = []
    for system in list(dict.fromkeys(row.system for row in rows)):
        points = [row for row in rows if row.system == system and row.flaw == ANY]
        falls = f"{percent(points[0].accuracy)} % at severity {points[0].severity:g}"
        parts.append(
            f"{short(system, NAME_LENGTH)} {falls}, {percent(points[-1].accuracy)} % at {points[-1].severity:g}"
        )
    return f"Accuracy against severity, one panel a flaw. Over all flaws: {'; '.join(parts)}."


def rounds_words(rows: Sequence[ArmRow]) -> str:
    ordered = sorted(rows, key=lambda row: (row.arm, row.base, row.round))
    cells = ", ".join(f"{row.arm} after round {row.round} {percent(row.accuracy)} %" for row in ordered)
    return f"Accuracy over DPO rounds, round 0 being supervised fine-tuning: {cells}."


def cost_words(rows: Sequence[ArmRow]) -> str:
    cells = ", ".join(
        f"{short(row.system, NAME_LENGTH)} {row.arm} {row.tokens_per_right_answer:,.0f} at {percent(row.accuracy)} %"
        for row in rows
        if row.tokens_per_right_answer is not None
    )
    return f"Tokens generated for a right answer against accuracy: {cells}."


def heat_words(rows: Sequence[FlawRow]) -> str:
    parts = []
    for system in list(dict.fromkeys(row.system for row in rows)):
        cells = ", ".join(f"{row.flaw} {percent(row.accuracy)} %" for row in rows if row.system == system)
        parts.append(f"{short(system, NAME_LENGTH)} {cells}")
    return f"Accuracy under each flaw, all severities together: {'; '.join(parts)}."


def measure_words(rows: Sequence[MeasureRow]) -> str:
    parts = []
    for measure in list(dict.fromkeys(row.measure for row in rows)):
        members = [row for row in rows if row.measure == measure]
        cells = ", ".join(f"{short(row.system, NAME_LENGTH)} {percent(row.value)} %" for row in members)
        parts.append(f"{measure.replace('_', ' ')}: {cells}")
    return f"Measures of robustness with 95 % intervals. {'; '.join(parts)}."
