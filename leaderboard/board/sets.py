"""Which systems may stand in one table, and in words why others may not.

Two systems are comparable where task, task version and parser are the same, they answered the same questions, and
every arm that both ran had the same prompt, token cap and questions. The one figure it computes is chance.
"""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from insightv_bench.arms import ARMS

from .records import ComparableSet
from .systems import System, systems_in

TASK = ["task", "task_version", "parser"]
MAX_NAMES = 8
"""Systems that a note names."""
OWN_QUESTIONS = [arm for arm, spec in ARMS.items() if spec.own_questions]


class Setting(NamedTuple):
    """How one arm of one system was run."""

    prompt: str
    token_cap: int
    questions: frozenset[str]


class Settings(NamedTuple):
    """How one system was run."""

    arms: dict[str, Setting]
    questions: frozenset[str]
    """Of all arms."""


def split_sets(frame: pl.DataFrame) -> tuple[list[tuple[ComparableSet, pl.DataFrame]], list[str]]:
    """The comparable sets with their rows, and a note for each pair of systems that is kept apart."""
    comparable, notes = [], []
    tasks = frame.partition_by(TASK, maintain_order=True)
    for rows in tasks:
        settings = _all_settings(rows)
        sets, reasons = _partition(settings)
        notes += reasons
        comparable += [_make(rows, labels, settings, place, len(sets)) for place, labels in enumerate(sets)]
    if len(tasks) > 1:
        names = "; ".join(_task_name(rows) for rows in tasks)
        notes.append(f"Kept apart, since task, version or parser differ: {names}.")
    return comparable, notes


def _in_order(rows: pl.DataFrame) -> list[str]:
    """Base models first, then by round, the controls last; a greedy system follows its sampled twin."""
    systems = sorted(systems_in(rows), key=_place)
    return list(dict.fromkeys(system.label for system in systems))


def _place(system: System) -> tuple[bool, bool, int, str, str, bool, str]:
    kind = (system.role != "base", system.role == "control", system.round)
    return (*kind, system.twin_of or system.system, system.base, bool(system.twin_of), system.label)


def _all_settings(rows: pl.DataFrame) -> dict[str, Settings]:
    """Each system's, base models first. Equal sets of questions are one object, which is quick to compare."""
    known: dict[frozenset[str], frozenset[str]] = {}
    arms: dict[str, dict[str, Setting]] = {}
    grouped = rows.group_by("label", "arm").agg(pl.col("prompt", "token_cap").first(), "question_id").sort("arm")
    for label, arm, prompt, cap, questions in grouped.iter_rows():
        asked = frozenset(questions)
        arms.setdefault(label, {})[arm] = Setting(prompt, cap, known.setdefault(asked, asked))
    settings = {}
    for label in _in_order(rows):
        whole = frozenset().union(*{setting.questions for setting in arms[label].values()})
        settings[label] = Settings(arms[label], known.setdefault(whole, whole))
    return settings


def _partition(settings: dict[str, Settings]) -> tuple[list[list[str]], list[str]]:
    """Each system joins the first set it fits; one that fits others too, the base model say, is in those too.

    The largest set comes first. Notes say what is kept apart from what, systems with one reason together.
    """
    sets: list[list[str]] = []
    apart: dict[tuple[str, str], list[str]] = {}
    for label in settings:
        conflicts = [_first_conflict(label, members, settings) for members in sets]
        if all(conflicts):
            for conflict in filter(None, conflicts):
                apart.setdefault(conflict, []).append(label)
            sets.append([label])
        else:
            sets[conflicts.index(None)].append(label)
    for members in sets:
        members += [x for x in settings if x not in members and not _first_conflict(x, members, settings)]
    order = list(settings)
    in_order = [sorted(members, key=order.index) for members in sets]
    return sorted(in_order, key=len, reverse=True), [_note(labels, *conflict) for conflict, labels in apart.items()]


def _note(labels: list[str], member: str, reason: str) -> str:
    names = ", ".join(f"`{label}`" for label in labels[:MAX_NAMES])
    more = f" and {len(labels) - MAX_NAMES:,} more" if len(labels) > MAX_NAMES else ""
    return f"{names}{more} {'is' if len(labels) == 1 else 'are'} kept apart from `{member}`: {reason}."


def _first_conflict(label: str, members: list[str], settings: dict[str, Settings]) -> tuple[str, str] | None:
    """The first member that the system cannot stand beside, and why."""
    for member in members:
        if reason := _conflict(settings[label], settings[member]):
            return member, reason
    return None


def _conflict(one: Settings, other: Settings) -> str:
    """Why two systems are not comparable, or nothing."""
    if reason := _questions_differ(one.questions, other.questions):
        return reason
    for arm in sorted(one.arms.keys() & other.arms.keys()):
        here, there = one.arms[arm], other.arms[arm]
        if here.prompt != there.prompt:
            return f"arm `{arm}` was run with prompt `{here.prompt}` against `{there.prompt}`"
        if here.token_cap != there.token_cap:
            return f"arm `{arm}` was run with a token cap of {here.token_cap:,} against {there.token_cap:,}"
        if arm not in OWN_QUESTIONS and (reason := _questions_differ(here.questions, there.questions)):
            return f"arm `{arm}`: {reason}"
    return ""


def _questions_differ(one: frozenset[str], other: frozenset[str]) -> str:
    if one is other or one == other:
        return ""
    return f"it answered {len(one):,} questions against {len(other):,}, of which {len(one & other):,} are shared"


def _make(
    rows: pl.DataFrame, labels: list[str], settings: dict[str, Settings], place: int, num_sets: int
) -> tuple[ComparableSet, pl.DataFrame]:
    arms = {arm: setting for label in labels for arm, setting in settings[label].arms.items()}
    task, version, parser = rows.select(TASK).row(0)
    rows = rows.filter(pl.col("label").is_in(labels))
    num_options = rows.unique("question_id")["options"].list.len()
    num_options = num_options.filter(num_options > 0)
    comparable = ComparableSet(
        name=_task_name(rows) + (f", part {place + 1}" if num_sets > 1 else ""),
        task=task,
        task_version=version,
        parser=parser,
        systems=tuple(labels),
        num_questions=len(settings[labels[0]].questions),
        num_with_options=len(num_options),
        chance=sum(1 / num for num in num_options) / len(num_options) if len(num_options) else None,
        prompts={arm: arms[arm].prompt for arm in sorted(arms)},
        token_caps={arm: arms[arm].token_cap for arm in sorted(arms)},
        twins={system.label: system.twin for system in systems_in(rows) if system.twin_of},
    )
    return comparable, rows


def _task_name(rows: pl.DataFrame) -> str:
    task, version, parser = rows.select(TASK).row(0)
    return f"{task}@{version}, parser {parser}"
