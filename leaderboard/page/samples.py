"""Which questions and systems the page's viewer shows, and what came of each in one character.

All of them where they are few. Of many questions those are taken that tell most, in turn one of each outcome: a path
saved or spoilt teaches more than one read well. They are a place to look, not a sample to count: the board counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import polars as pl

from insightv_bench.escape import visible

from ..board import ARMS, ComparableSet, twins_among
from ..tables import short

NUM_SAMPLES = 20_000
"""One system's replies to one question are a sample."""
MAX_SYSTEMS = 24
MAX_PLANTED = 16
"""Replies to paths with a planted flaw, shown of one arm of one sample."""
TITLE_LENGTH = 160
RIGHT, WRONG, UNREAD, FOLLOWED = 1, 2, 4, 8
"""Bits of an outcome's hexadecimal digit: what befell any of the replies that it stands for. 0: there is none."""

Row = dict[str, Any]


class Shown(NamedTuple):
    """What is shown of one comparable set."""

    systems: list[str]
    questions: list[str]
    rows: pl.DataFrame
    """The rows to be shown, of these alone: of several replies to the same question the first."""
    votes: pl.DataFrame
    """All replies where there are several of one system to one question in one arm, in order; none to planted flaws."""


def choose(sets: Sequence[tuple[ComparableSet, pl.DataFrame]], num_samples: int = NUM_SAMPLES) -> list[Shown]:
    """At most `num_samples` samples over all sets: the same questions for every shown system of a set."""
    systems = [_systems(*one) for one in sets]
    num_questions = max(1, num_samples // max(1, sum(map(len, systems))))
    shown = []
    for (_, rows), labels in zip(sets, systems, strict=True):
        rows = rows.filter(pl.col("label").is_in(labels))
        first = rows.filter(pl.col("sample") == 0)
        questions = _questions(first, labels, num_questions) if labels else []
        viewable = _viewable(first.filter(pl.col("question_id").is_in(questions)))
        shown.append(Shown(labels, questions, viewable, _votes(rows.filter(pl.col("question_id").is_in(questions)))))
    return shown


def _votes(rows: pl.DataFrame) -> pl.DataFrame:
    plain = rows.filter(pl.col("flaw") == "none")
    several = pl.col("sample").n_unique().over("label", "question_id", "arm") > 1
    return plain.filter(several).sort("sample", maintain_order=True)


def _systems(comparable: ComparableSet, rows: pl.DataFrame) -> list[str]:
    """The systems of a set that said anything; of many those with the most right answers.

    A greedy one is left out where its sampled twin shows the same questions.
    """
    twins = twins_among(comparable.systems, comparable.twins)
    shares = rows.group_by("label").agg(pl.col("correct").mean(), replied=(pl.col("response") != "").any())
    best = shares.filter("replied").sort("correct", "label", descending=[True, False])["label"].to_list()
    kept = [label for label in best if label not in twins][:MAX_SYSTEMS]
    return [label for label in comparable.systems if label in kept]


def _questions(rows: pl.DataFrame, labels: list[str], num_questions: int) -> list[str]:
    """In turn one question of each outcome of the last system that the method itself made, until there are enough."""
    trained = set(rows.filter("trained")["label"])
    leading = [label for label in labels if label in trained] or labels
    last = rows.filter(pl.col("label") == leading[-1])
    alone = _right("reason").fill_null(_right("base")).fill_null(_right("direct"))
    outcomes = last.group_by("question_id").agg(
        alone=alone, together=_right("reason+summary"), followed=pl.col("follows").any()
    )
    kinds = ["alone", "together", "followed"]
    turns = outcomes.sort("question_id").with_columns(turn=pl.int_range(pl.len()).over(kinds))
    return turns.sort("turn", *kinds, "question_id")["question_id"].head(num_questions).to_list()


def _right(arm: str) -> pl.Expr:
    return pl.col("correct").filter(pl.col("arm") == arm).first()


def _viewable(rows: pl.DataFrame) -> pl.DataFrame:
    """Of the replies to a planted flaw the ones that followed it first, one of each flaw, severity and position."""
    planted = (pl.col("flaw") != "none") & (pl.col("severity") > 0)
    ordered = rows.filter(planted).sort("follows", "severity", descending=[True, False], maintain_order=True)
    kept = ordered.unique(
        ["label", "question_id", "arm", "flaw", "level", "position"], keep="first", maintain_order=True
    )
    kept = kept.filter(pl.int_range(pl.len()).over("label", "question_id", "arm") < MAX_PLANTED)
    return pl.concat([rows.filter(~planted & (pl.col("arm") != "flawed")), kept])


def index(shown: Shown) -> dict[str, Any]:
    """What filters and lists read: questions, and a string of outcomes for each system, arm and flaw."""
    firsts = shown.rows.unique("question_id", keep="first")
    by_id = {row["question_id"]: row for row in firsts.iter_rows(named=True)}
    return {
        "systems": [visible(label) for label in shown.systems],
        "questions": [  # id, question in short, kind, gold answer
            [visible(id_), short(row["question"], TITLE_LENGTH), visible(row["kind"]), short(row["gold"], 40)]
            for id_, row in ((question, by_id[question]) for question in shown.questions)
        ],
        "outcomes": list(_outcomes(shown)),
    }


def _outcomes(shown: Shown) -> Iterator[list[Any]]:
    """Place of the system, arm, flaw, and one digit a question, in the questions' order."""
    bits = (
        pl.when("correct").then(RIGHT).otherwise(WRONG)
        | pl.when(pl.col("answer").is_null()).then(UNREAD).otherwise(0)
        | pl.when(pl.col("follows") & pl.col("misleads")).then(FOLLOWED).otherwise(0)
    )
    marked = shown.rows.with_columns(bits=bits).group_by("label", "arm", "flaw", "question_id").agg("bits")
    place = {question: number for number, question in enumerate(shown.questions)}
    strings: dict[tuple[int, str, str], list[int]] = {}
    for label, arm, flaw, question, marks in marked.iter_rows():
        digits = strings.setdefault((shown.systems.index(label), arm, flaw), [0] * len(place))
        for each in marks:
            digits[place[question]] |= each
    arms: list[str] = list(ARMS)
    for (system, arm, flaw), digits in sorted(
        strings.items(), key=lambda one: (one[0][0], arms.index(one[0][1]), one[0][2])
    ):
        yield [system, arm, flaw, "".join(f"{digit:x}" for digit in digits)]
