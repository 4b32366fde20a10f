"""A few questions with every reply to them, for the page's viewer.

Questions are chosen by what happened to them, not at random: a path saved or spoilt teaches more than one read well.
They are a place to look, not a sample to count: the board counts.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from .board import ARMS, ComparableSet
from .systems import is_greedy, twin
from .text import visible

NUM_SAMPLES = 200
MAX_FLAWED = 8
"""Flawed replies shown of one sample."""
MAX_CHARACTERS = 4_000
"""Of one path or reply."""

Sample = dict[str, Any]


def choose(sets: list[tuple[ComparableSet, pl.DataFrame]], num_samples: int = NUM_SAMPLES) -> list[Sample]:
    """At most `num_samples` samples: the same questions for every system of a set."""
    num_systems = sum(len(_shown(found, rows)) for found, rows in sets)
    num_questions = max(1, num_samples // num_systems)
    made = [_sample(found.name, cell) for found, rows in sets for cell in _cells(found, rows, num_questions)]
    return made[:num_samples]


def _cells(found: ComparableSet, rows: pl.DataFrame, num_questions: int) -> list[pl.DataFrame]:
    """The rows of one system and one question each, a question's systems side by side."""
    labels = _shown(found, rows)
    cells = rows.filter(pl.col("sample") == 0).partition_by(["question_id", "label"], as_dict=True, maintain_order=True)
    keys = [(question, label) for question in _questions(rows, labels, num_questions) for label in labels]
    return [cells[key] for key in keys if key in cells]


def _shown(found: ComparableSet, rows: pl.DataFrame) -> list[str]:
    """The systems of a set; a greedy one is left out, as its sampled twin shows the same questions."""
    names: dict[str, str] = dict(rows.select("label", "system").unique().iter_rows())
    sampled = {names[label] for label in found.systems if not is_greedy(names[label])}
    return [label for label in found.systems if not is_greedy(names[label]) or twin(names[label]) not in sampled]


def _questions(rows: pl.DataFrame, labels: list[str], num_questions: int) -> list[str]:
    """In turn one question of each outcome of the last system that the method itself made, until there are enough."""
    made = set(rows.filter("trained")["label"])
    leading = [label for label in labels if label in made] or labels
    last = rows.filter((pl.col("label") == leading[-1]) & (pl.col("sample") == 0))
    alone = _right("reason").fill_null(_right("base")).fill_null(_right("direct"))
    outcomes = last.group_by("question_id").agg(
        alone=alone, together=_right("reason+summary"), followed=pl.col("follows").any()
    )
    kinds = ["alone", "together", "followed"]
    turns = outcomes.sort("question_id").with_columns(turn=pl.int_range(pl.len()).over(kinds))
    return turns.sort("turn", *kinds, "question_id")["question_id"].head(num_questions).to_list()


def _right(arm: str) -> pl.Expr:
    return pl.col("correct").filter(pl.col("arm") == arm).first()


def _sample(set_name: str, rows: pl.DataFrame) -> Sample:
    paths: list[str] = []
    shown = pl.concat([rows.filter(pl.col("arm") != "flawed"), _flawed(rows)])
    in_order = sorted(shown.iter_rows(named=True), key=lambda row: list(ARMS).index(row["arm"]))
    replies = [_reply(row, paths) for row in in_order]
    first = rows.row(0, named=True)
    return {
        "set": visible(set_name),
        "system": visible(first["label"]),
        "question": visible(first["question"]),
        "options": [visible(option) for option in first["options"]],
        "gold": visible(first["gold"]),
        "kind": visible(first["kind"]),
        "paths": paths,
        "replies": replies,
    }


def _flawed(rows: pl.DataFrame) -> pl.DataFrame:
    """One reply of each flaw, the ones that followed it first."""
    flawed = rows.filter((pl.col("arm") == "flawed") & (pl.col("severity") > 0))
    ordered = flawed.sort("follows", "severity", descending=[True, False], maintain_order=True)
    return ordered.unique("flaw", keep="first", maintain_order=True).head(MAX_FLAWED)


def _reply(row: dict[str, Any], paths: list[str]) -> Sample:
    """One reply as the viewer reads it; a path shown by several arms is kept once."""
    # A reasoning agent's reply is its path.
    path = _cut(row["path"] or (row["response"] if row["arm"] == "reason" else ""))
    if path and path not in paths:
        paths.append(path)
    return {
        "arm": row["arm"],
        "answer": None if row["answer"] is None else visible(row["answer"]),
        "right": row["correct"],
        "response": "" if _cut(row["response"]) == path else _cut(row["response"]),
        "path": paths.index(path) if path else None,
        "path_right": row["path_correct"],
        "verdict": row["verdict"],
        "flaw": row["flaw"],
        "severity": row["severity"],
        "position": row["position"],
        "planted": visible(row["planted_answer"]) if row["misleads"] else None,
        "followed": row["follows"] and row["misleads"],
        "tokens": row["total_tokens"],
    }


def _cut(text: str) -> str:
    shown = visible(text)
    return shown if len(shown) <= MAX_CHARACTERS else shown[:MAX_CHARACTERS] + " …"
