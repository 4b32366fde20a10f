"""What becomes of the replies of one system in one arm, beside right and wrong: likely, unread, cut off, no reply, a
path that could not be read, a judge that failed; and the tokens that a right answer costs. Each clustered by question.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

import polars as pl

from insightv_bench.statistics import Interval, Sums, estimate, ratio

from .sums import share_sums, sums_of

Outcome = Literal["accuracy", "sure_accuracy", "likely", "unread", "malformed", "cut_off", "no_reply", "judge_failed"]
OUTCOMES: dict[Outcome, str] = {
    "accuracy": "right answers; whatever could not be read or judged is wrong",
    "sure_accuracy": "right answers that a strong rule read; accuracy where nothing likely counts",
    "likely": "replies whose answer is likely and not sure: the only candidate of the last sentence",
    "unread": "replies in which no answer could be read",
    "malformed": "replies to, or made of, a path that could not be read",
    "cut_off": "replies that ended at the token cap",
    "no_reply": "replies that never came",
    "judge_failed": "replies whose judge gave no verdict that could be read",
}
EVENTS: dict[Outcome, pl.Expr] = {
    "accuracy": pl.col("correct"),
    "sure_accuracy": pl.col("correct") & pl.col("sure"),
    "likely": pl.col("answer").is_not_null() & ~pl.col("sure"),
    "unread": pl.col("answer").is_null(),
    "malformed": pl.col("path_status") == "malformed",
    "cut_off": pl.col("finish") == "length",
    "no_reply": pl.col("finish") == "error",
    "judge_failed": pl.col("judge_failure") != "",
}


class Counted(NamedTuple):
    """One share of one arm's replies."""

    outcome: Outcome
    interval: Interval
    sums: Sums


def counted(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows an arm's accuracy counts: a path of severity 0 in arm `flawed` is no flawed path."""
    return rows.filter((pl.col("arm") != "flawed") | (pl.col("severity") > 0))


def outcomes(rows: pl.DataFrame) -> Iterator[Counted]:
    """Of one system's rows in one arm."""
    for outcome, event in EVENTS.items():
        sums = share_sums(rows, event)
        yield Counted(outcome, estimate(sums), sums)


def tokens_a_right_answer(rows: pl.DataFrame) -> Sums:
    """Tokens generated in all seats over right answers; its value is nan where none is right."""
    return sums_of(rows, [pl.col("total_tokens").sum(), pl.col("correct").sum()], ratio)
